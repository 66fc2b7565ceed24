import type { RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import type { Config } from './config.ts';
import { Problem } from './problem.ts';

/** `requests` that one address may make in `seconds`. */
export type RateLimit = Readonly<{ requests: number; seconds: number }>;

/** What the configuration says of it; null when there is no limit. */
export const rateLimitOf = ({
  rateLimitRequests,
  rateLimitSeconds,
}: Pick<Config, 'rateLimitRequests' | 'rateLimitSeconds'>): RateLimit | null =>
  rateLimitRequests === 0 ? null : { requests: rateLimitRequests, seconds: rateLimitSeconds };

/**
 * Turns an address away that asks too often, with 429 and the seconds to wait. The count is this process's own: a shop of several
 * processes sets it at the edge. Addresses are those that Express sees, so a proxy before it must be named in TRUSTED_PROXIES.
 */
export const limitRate = ({ requests, seconds }: RateLimit): RequestHandler =>
  rateLimit({
    limit: requests,
    windowMs: seconds * 1_000,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // It warns of headers that nobody here trusts; any client may send them.
    validate: false,
    handler: () => {
      throw new Problem('too-many-requests', `An address may make ${requests} requests in ${seconds} s here.`);
    },
  });
