import { randomUUID } from 'node:crypto';
import type { Log } from './appends/log.ts';
import type { Storage } from './storage/storage.ts';

/**
 * Events that a fresh EventStoreDB writes for itself. Every log begins with some, so that whoever reads `$all` meets
 * `$` streams from the first day on.
 */
const SYSTEM_EVENTS = [
  { stream: '$$$scavenges', type: '$metadata', data: { $maxAge: 2_592_000 } },
  { stream: '$$$stats-0.0.0.0:2113', type: '$metadata', data: { $maxAge: 86_400 } },
] as const;

/** Writes the system events into a store that has no events. */
export const writeSystemEvents = async (storage: Storage, log: Log): Promise<void> => {
  if (storage.lastPosition() >= 0) return;
  for (const { stream, type, data } of SYSTEM_EVENTS) {
    const event = { id: randomUUID(), type, isJson: true, metadata: Buffer.alloc(0), data: Buffer.from(JSON.stringify(data)) };
    log.append({ stream, expected: { kind: 'no-stream' }, events: [event], deadlineMs: Number.POSITIVE_INFINITY }, () => undefined);
  }
  await log.settled();
};
