import { setTimeout as wait } from 'node:timers/promises';

/** Waits `ms` milliseconds, at most until `signal` is aborted; never throws. */
export const sleep = (ms: number, signal: AbortSignal): Promise<void> => wait(ms, undefined, { signal }).catch(() => undefined);
