import { ACCOUNT } from '../domain/account.ts';
import { MalformedEvent, parseEvent } from '../domain/events.ts';
import type { RecordedEvent, StoreId } from '../platform/eventStore/eventStore.ts';
import type { Message } from '../platform/queue/queue.ts';

export const ORDER_COMPLETED = 'order.completed.v1';
export const PARTITIONS = 3;
/** The one type of event that is published. */
export const ORDER_PLACED = 'OrderPlaced';

/** What an event of the log is to the world outside; `malformed` can never be told. */
export type Told =
  | Readonly<{ kind: 'message'; message: Message }>
  | Readonly<{ kind: 'malformed'; reason: string }>
  | Readonly<{ kind: 'not-ours' }>;

const iso = (at: number): string => new Date(at).toISOString();

const correlationIdOf = (metadata: unknown): string | undefined => {
  const { correlationId } = (metadata ?? {}) as Readonly<{ correlationId?: unknown }>;
  return typeof correlationId === 'string' && correlationId !== '' ? correlationId : undefined;
};

/**
 * A placed order as the message that others get: a CloudEvent 1.0 in structured JSON mode, keyed by the order. Its id is that of
 * the event in the log, and the source names the log: consumers that drop what they have seen by both get each order once. The
 * same event is the same message, to the byte, whoever publishes it and however often.
 */
export const orderCompleted = (recorded: RecordedEvent, storeId: StoreId): Told => {
  const { id, stream, metadata } = recorded;
  if (!stream.startsWith(ACCOUNT) || recorded.type !== ORDER_PLACED) return { kind: 'not-ours' };
  try {
    const event = parseEvent(recorded);
    if (event.type !== ORDER_PLACED) return { kind: 'not-ours' };
    const { orderId, lines, totalAmount, at } = event.data;
    const completedAt = iso(at);
    const correlationid = correlationIdOf(metadata);
    const cloudEvent = {
      specversion: '1.0',
      id,
      source: `/tillstream/${storeId}`,
      type: ORDER_COMPLETED,
      subject: orderId,
      time: completedAt,
      datacontenttype: 'application/json',
      ...(correlationid !== undefined && { correlationid }),
      data: { orderId, userId: stream.slice(ACCOUNT.length), lines, totalAmount, completedAt },
    };
    const headers = { ce_id: id, 'content-type': 'application/cloudevents+json; charset=UTF-8' };
    return { kind: 'message', message: { key: orderId, value: JSON.stringify(cloudEvent), headers } };
  } catch (error) {
    // A time that no calendar has is a RangeError.
    if (error instanceof MalformedEvent || error instanceof RangeError) return { kind: 'malformed', reason: error.message };
    throw error;
  }
};
