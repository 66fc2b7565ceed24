import { type EventStoreDBClient, jsonEvent, NO_STREAM } from '@eventstore/db-client';
import { withinLimit } from './waits.ts';

const IN_FLIGHT = 64;
const APPEND_WAIT_MAX_MS = 30_000;
/** Events of a short stream; one writer of all keeps to a single long one. */
const SHORT_STREAM_EVENTS = 100;
const REPORTS = 10;

/** What the store has acknowledged. */
export type Filled = Readonly<{
  acknowledged: number;
  longStream: string;
  /** The last acknowledged revision of each stream. */
  revisions: ReadonlyMap<string, bigint>;
}>;

const data = { amount: 12_900, memo: 'x'.repeat(250) } as const;

/**
 * Appends until `events` are acknowledged, 64 appends in flight, and returns with the others still in flight. Tells how fast
 * each tenth went.
 */
export const fill = async (
  client: EventStoreDBClient,
  { events, batch }: Readonly<{ events: number; batch: number }>,
  tell: (line: string) => void,
): Promise<Filled> => {
  const revisions = new Map<string, bigint>();
  let acknowledged = 0;
  let isOver = false;
  let reportedAt = performance.now();
  let reported = 0;
  const count = (): void => {
    acknowledged += batch;
    if (acknowledged - reported < events / REPORTS) return;
    const now = performance.now();
    const perSecond = ((acknowledged - reported) / batch / (now - reportedAt)) * 1_000;
    tell(`${acknowledged} events, ${perSecond.toFixed(0)} appends/s`);
    reportedAt = now;
    reported = acknowledged;
  };
  const write = async (nameOf: (appended: number) => string): Promise<void> => {
    for (let appended = 0; !isOver; appended += batch) {
      const stream = nameOf(appended);
      const parts = Array.from({ length: batch }, () => jsonEvent({ type: 'Filled', data }));
      const answered = client.appendToStream(stream, parts, { expectedRevision: revisions.get(stream) ?? NO_STREAM });
      const answer = await withinLimit(answered, APPEND_WAIT_MAX_MS, 'an append');
      if (isOver) return;
      revisions.set(stream, answer.nextExpectedRevision);
      count();
      if (acknowledged >= events) isOver = true;
    }
  };
  const longStream = 'long';
  const short = (writer: number) => (appended: number) => `short-${writer}-${Math.floor(appended / SHORT_STREAM_EVENTS)}`;
  const writing = Array.from({ length: IN_FLIGHT }, (_, n) => write(n === 0 ? () => longStream : short(n)));
  // The first to return has seen the end; the kill rejects what the others wait for.
  await Promise.race(writing);
  for (const one of writing) one.catch(() => undefined);
  return { acknowledged, longStream, revisions };
};
