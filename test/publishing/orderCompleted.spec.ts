import { describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '../../src/platform/eventStore/eventStore.ts';
import { orderCompleted } from '../../src/publishing/orderCompleted.ts';
import { NOON, orderPlaced } from './support.ts';

const recorded = (changes: Partial<RecordedEvent> = {}): RecordedEvent => ({
  ...orderPlaced('order-1'),
  id: '3f0f6e9e-0a64-5a6c-8a55-0c2ee1a5d1aa',
  stream: 'account-ann',
  revision: 4n,
  position: 77n,
  createdAt: NOON + 1,
  ...changes,
});

const messageOf = (event: RecordedEvent) => {
  const told = orderCompleted(event, 'store-1');
  if (told.kind !== 'message') throw new Error(`it is ${told.kind}`);
  return told.message;
};

describe('order.completed.v1', () => {
  it('is a CloudEvent 1.0 in structured JSON, keyed by the order', () => {
    const { key, value, headers } = messageOf(recorded());
    expect(key).toBe('order-1');
    expect(headers).toEqual({
      ce_id: '3f0f6e9e-0a64-5a6c-8a55-0c2ee1a5d1aa',
      'content-type': 'application/cloudevents+json; charset=UTF-8',
    });
    expect(JSON.parse(value)).toEqual({
      specversion: '1.0',
      id: '3f0f6e9e-0a64-5a6c-8a55-0c2ee1a5d1aa',
      source: '/tillstream/store-1',
      type: 'order.completed.v1',
      subject: 'order-1',
      time: '2026-03-01T03:00:00.000Z',
      datacontenttype: 'application/json',
      correlationid: 'walk-in-7',
      data: {
        orderId: 'order-1',
        userId: 'ann',
        lines: [{ productId: 'p1', name: 'tea', quantity: 2, unitPrice: 1_500 }],
        totalAmount: 3_000,
        completedAt: '2026-03-01T03:00:00.000Z',
      },
    });
  });

  it('is the same to the byte for the same event', () => {
    expect(messageOf(recorded())).toEqual(messageOf(recorded({ createdAt: NOON + 99 })));
  });

  it('has no correlation id when the event has none', () => {
    for (const metadata of [null, 'x', {}, { correlationId: '' }, { correlationId: 7 }]) {
      expect(messageOf(recorded({ metadata })).value).not.toContain('correlationid');
    }
  });

  it('is only told of placed orders on streams of accounts', () => {
    expect(orderCompleted(recorded({ stream: 'elsewhere-ann' }), 's')).toEqual({ kind: 'not-ours' });
    expect(orderCompleted(recorded({ type: 'OrderRejected' }), 's')).toEqual({ kind: 'not-ours' });
  });

  it.each([null, {}, { orderId: 'o', lines: [], couponId: null, totalAmount: 0.5, at: 1 }])('is not made of broken data: %j', (data) => {
    expect(orderCompleted(recorded({ data }), 's').kind).toBe('malformed');
  });

  it('is not made of a time that no calendar has', () => {
    const data = { orderId: 'o', lines: [], couponId: null, totalAmount: 0, at: Number.MAX_SAFE_INTEGER };
    expect(orderCompleted(recorded({ data }), 's').kind).toBe('malformed');
  });
});
