import { randomUUID } from 'node:crypto';
import { type EventStore, type NewEvent, NO_STREAM, type RecordedEvent, type Revision } from '../eventStore/eventStore.ts';
import { type Message, QueueUnavailable, type Received } from './queue.ts';

// Three kinds of stream, all of categories that are none of the shop's: projections and auditor pass them over.

export const topicStream = (topic: string): string => `queueTopic-${topic}`;
export const partitionStream = (topic: string, partition: number): string => `queue-${topic}-${partition}`;
export const offsetStream = (group: string, topic: string, partition: number): string => `queueOffset-${group}-${topic}-${partition}`;

export const TOPIC_MADE = 'QueueTopicMade';
export const MESSAGE_KEPT = 'QueueMessageKept';
export const OFFSET_COMMITTED = 'QueueOffsetCommitted';

export const queueEvent = (type: string, data: unknown): NewEvent => {
  const id = randomUUID();
  return { id, type, data, metadata: { commandId: id, correlationId: '', causationId: '', actor: 'queue' } };
};

/** What is kept of a message. The revision of its event is its offset. */
export const keptMessage = ({ key, value, headers }: Message): NewEvent => queueEvent(MESSAGE_KEPT, { key, value, headers });

/** An event that somebody else put into the stream is delivered, too: whoever reads it is to say that it is no message. */
export const receivedFrom = (topic: string, partition: number, { data, revision, createdAt }: RecordedEvent): Received => {
  const { key, value, headers } = (data ?? {}) as Partial<Message>;
  const place = { topic, partition, offset: revision, at: createdAt };
  if (typeof key !== 'string' || typeof value !== 'string') return { ...place, key: null, value: JSON.stringify(data), headers: {} };
  return { ...place, key, value, headers: headers ?? {} };
};

/**
 * The revision of the last event, `NO_STREAM` without one. The store only reads forwards, so the end is searched for in steps
 * that double, and then by halves: some forty reads of one event for a million of them. `known`: an event that is there.
 */
export const lastRevision = async (
  store: EventStore,
  stream: string,
  known: Revision = NO_STREAM,
  signal?: AbortSignal,
): Promise<Revision> => {
  const options = { maxCount: 1, ...(signal && { signal }) };
  const firstFrom = async (revision: Revision): Promise<Revision | null> =>
    (await store.readStream(stream, revision, options))[0]?.revision ?? null;
  let low = known;
  let high: Revision | null = null;
  for (let step = 1n; high === null || high - low > 1n; step *= 2n) {
    const probe: Revision = high === null ? low + step : (low + high) / 2n;
    const found = await firstFrom(probe);
    if (found === null) high = probe;
    else low = found;
  }
  return low;
};

/** Whether an append of ours stands behind `expected`, and where the stream ends. For after a lost race, or a lost answer. */
export const behind = async (
  store: EventStore,
  stream: string,
  expected: Revision,
  firstId: string | undefined,
  signal?: AbortSignal,
): Promise<Readonly<{ landed: boolean; end: Revision }>> => {
  let landed = false;
  let end = expected;
  for (;;) {
    const page = await store.readStream(stream, end + 1n, { maxCount: PAGE, ...(signal && { signal }) });
    landed ||= page.some(({ id }) => id === firstId);
    end = page.at(-1)?.revision ?? end;
    if (page.length < PAGE) return { landed, end };
  }
};
/** Events read at once to find out what others wrote. */
const PAGE = 500;

/** What callers of the queue are told when the store fails, whatever it failed with. */
export const unavailable = (error: unknown, what: string): QueueUnavailable =>
  error instanceof QueueUnavailable
    ? error
    : new QueueUnavailable(`${what}: ${error instanceof Error ? error.message : error}`, { cause: error });
