import { randomUUID } from 'node:crypto';
import {
  type BinaryEventType,
  binaryEvent,
  type EventStoreDBClient,
  type JSONEventType,
  jsonEvent,
  NO_STREAM,
  type RecordedEvent,
} from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { appendWays } from './appendWays.ts';
import { collect, freshName, freshType, numbered, numbersIn, serverContract, upTo, wait } from './support.ts';

const onlyEventIn = async (client: EventStoreDBClient, stream: string): Promise<RecordedEvent> => {
  const [resolved, ...more] = await collect(client.readStream(stream));
  expect(more).toEqual([]);
  return resolved?.event as RecordedEvent;
};

type CartOpened = JSONEventType<'CartOpened', { cartId: string }, { actor: string }>;
type LineAdded = JSONEventType<'LineAdded', { product: string; quantity: number }>;
type CartEvent = CartOpened | LineAdded;

serverContract('contents of events', ({ client }) => {
  describe.each(appendWays)('%s append', (_name, append) => {
    const roundTrip = async (event: Parameters<typeof append>[2], stream = freshName()) => {
      await append(client(), stream, event, NO_STREAM);
      return onlyEventIn(client(), stream);
    };

    it.each([
      ['an object', { a: 1, nested: { list: [1, null, 'x'] } }],
      ['a string', 'CC ‐ 1830'],
      ['a number', 12.5],
      ['an array', [1, 2, 3]],
      ['null', null],
      ['an empty object', {}],
      ['control characters', { char: '\u0018', nul: 'a\u0000b', lines: '\r\n\t"\\' }],
      ['letters beyond ASCII', { 이름: '가나다', ogonek: 'Ę', emoji: '🛒👩‍👩‍👧', rtl: 'שלום' }],
    ])('JSON data: %s', async (_what, data) => {
      expect(await roundTrip(jsonEvent({ type: 'Kept', data: data as never }))).toMatchObject({ isJson: true, type: 'Kept', data });
    });

    it('binary data, each byte value, and none', async () => {
      const data = Uint8Array.from(upTo(256));
      const event = await roundTrip(binaryEvent({ type: 'Raw', data }));
      expect(event.isJson).toBe(false);
      expect(Buffer.from(event.data as Uint8Array).equals(data)).toBe(true);
      const empty = await roundTrip(binaryEvent({ type: 'Raw', data: new Uint8Array() }));
      expect((empty.data as Uint8Array).length).toBe(0);
    });

    it('metadata as JSON, as bytes and none, beside both kinds of data', async () => {
      const bytes = Uint8Array.from(Buffer.from('How meta is this?'));
      const withMetadata = (metadata: object | undefined) => [
        jsonEvent({ type: 'M', data: {}, ...(metadata && { metadata }) }),
        binaryEvent({ type: 'M', data: Buffer.from('b'), ...(metadata && { metadata }) }),
      ];
      for (const event of withMetadata({ by: '가' })) expect((await roundTrip(event)).metadata).toEqual({ by: '가' });
      for (const event of withMetadata(undefined)) expect((await roundTrip(event)).metadata).toBeUndefined();
      for (const event of withMetadata(bytes)) {
        expect(Buffer.from((await roundTrip(event)).metadata as Uint8Array).toString()).toBe('How meta is this?');
      }
    });

    it('the id given, or one of its own', async () => {
      const id = randomUUID();
      expect((await roundTrip(jsonEvent({ id, type: 'Known', data: {} }))).id).toBe(id);
      expect((await roundTrip(jsonEvent({ type: 'Unknown', data: {} }))).id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    });

    it('the time of the append as a Date, to the millisecond, not the time of the read', async () => {
      const stream = freshName();
      const before = Date.now();
      await append(client(), stream, numbered(3), NO_STREAM);
      const after = Date.now();
      await wait(30);
      for (const { event } of await collect(client().readStream(stream))) {
        expect(event?.created).toBeInstanceOf(Date);
        expect(event?.created.valueOf()).toBeGreaterThanOrEqual(before);
        expect(event?.created.valueOf()).toBeLessThanOrEqual(after);
      }
    });

    it.each([
      ['letters beyond ASCII', '계좌-ünï-🛒'],
      ['signs of URLs', 'a/b?c=d&e%20#f'],
      ['spaces, quotes and colons', ' "a: b", \'c\' '],
      ['a line break', 'two\nlines'],
      ['many dashes', '--a--b--'],
      ['an at sign', '0@other'],
      ['500 bytes', 'x'.repeat(450)],
    ])('a stream whose name has %s', async (_what, name) => {
      const stream = `${name}${freshName('')}`;
      expect(await roundTrip(numbered(1), stream)).toMatchObject({ streamId: stream, revision: 0n });
    });

    it('streams whose names differ by case or by a trailing space are different streams', async () => {
      const base = freshName('Case');
      const names = [base, base.toLowerCase(), `${base} `];
      for (const [n, name] of names.entries()) await append(client(), name, numbered(1, 'Counted', n), NO_STREAM);
      for (const [n, name] of names.entries()) expect(numbersIn(await collect(client().readStream(name)))).toEqual([n]);
    });

    it.each(['주문됨-🛒', 'with space', 'a.b+c/d', 'T'.repeat(300)])('the event type %s', async (prefix) => {
      const type = freshType(prefix);
      expect((await roundTrip(numbered(1, type))).type).toBe(type);
    });
  });

  it('typed events: a union of JSON types folds without a cast', async () => {
    const stream = freshName('cart');
    await client().appendToStream<CartEvent>(stream, [
      jsonEvent<CartOpened>({ type: 'CartOpened', data: { cartId: 'c-1' }, metadata: { actor: 'ann' } }),
      jsonEvent<LineAdded>({ type: 'LineAdded', data: { product: 'shoes', quantity: 2 } }),
      jsonEvent<LineAdded>({ type: 'LineAdded', data: { product: 'shirt', quantity: 1 } }),
    ]);
    let [cartId, actor, pieces] = ['', '', 0];
    for await (const { event } of client().readStream<CartEvent>(stream)) {
      if (event?.type === 'CartOpened') [cartId, actor] = [event.data.cartId, event.metadata.actor];
      else pieces += event?.data.quantity ?? 0;
    }
    expect([cartId, actor, pieces]).toEqual(['c-1', 'ann', 3]);
  });

  it('typed binary events keep their bytes', async () => {
    type Scanned = BinaryEventType<'Scanned', { page: number }>;
    const stream = freshName();
    await client().appendToStream<Scanned>(
      stream,
      binaryEvent<Scanned>({ type: 'Scanned', data: Buffer.from('%PDF'), metadata: { page: 1 } }),
    );
    for await (const { event } of client().readStream<Scanned>(stream)) {
      expect([Buffer.from(event?.data ?? []).toString(), event?.metadata.page]).toEqual(['%PDF', 1]);
    }
  });
});
