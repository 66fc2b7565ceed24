import type { EventStoreDBClient } from '@eventstore/db-client';

const DISPOSE_MAX_MS = 500;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for some work, but not for ever. @throws Error after `ms`; the work itself goes on. */
export const withinLimit = async <T>(work: Promise<T>, ms: number, what: string): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
};

/** Ends a client's calls. It waits for each to say that it has ended, which some never do. */
export const disposeOf = (client: EventStoreDBClient): Promise<void> => Promise.race([client.dispose(), pause(DISPOSE_MAX_MS)]);
