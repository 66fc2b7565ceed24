import { z } from 'zod';

/** What members of answers look like: written down once, so that the document says the same of the same thing everywhere. */
export const shape = {
  id: z.string().meta({ description: 'An id; opaque to clients.', examples: ['u17'] }),
  won: z.int().meta({ description: 'Whole won.', examples: [10_000] }),
  count: z.int().meta({ examples: [1] }),
  text: z.string(),
  /** RFC 3339 in UTC with milliseconds. */
  time: z.string().meta({ format: 'date-time', examples: ['2026-01-05T00:00:00.000Z'] }),
} as const;
