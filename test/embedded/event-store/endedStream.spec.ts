import { ANY, type EventStoreDBClient, NO_STREAM, START, STREAM_NAME, StreamDeletedError } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { append, atEnd, collect, event, events, startPair, until } from './support.ts';

/** What a subscription told: types of events, `caught-up`, `confirmed`, and the error's type. */
const follow = (client: EventStoreDBClient, stream: string, fromRevision: typeof START | bigint = START): string[] => {
  const told: string[] = [];
  const subscription = client.subscribeToStream(stream, { fromRevision });
  subscription.on('confirmation', () => told.push('confirmed'));
  subscription.on('data', ({ event: recorded }) => told.push(`${recorded?.type}`));
  subscription.on('caughtUp', () => told.push('caught-up'));
  subscription.on('error', (error) => told.push(error instanceof StreamDeletedError ? 'stream-deleted' : String(error)));
  atEnd(() => subscription.unsubscribe());
  return told;
};

describe('a subscription', () => {
  it('to a tombstoned stream is refused, not confirmed; to its metadata, too', async () => {
    const { client } = await startPair();
    await append(client, 's', events(3), NO_STREAM);
    await client.setStreamMetadata('s', { maxCount: 2 });
    await client.tombstoneStream('s');
    for (const stream of ['s', '$$s']) {
      const told = follow(client, stream);
      await until(() => told.length > 0, 'the refusal');
      expect(told).toEqual(['stream-deleted']);
    }
  });

  it.each<[string, typeof START | bigint, string[]]>([
    ['the start', START, ['confirmed', 'Counted', 'Counted', 'caught-up', 'Counted', '$streamDeleted', 'stream-deleted']],
    ['the last revision', 1n, ['confirmed', 'caught-up', 'Counted', '$streamDeleted', 'stream-deleted']],
  ])('from %s gets a tombstone that comes while it watches, and then the error', async (_name, from, expected) => {
    const { client } = await startPair();
    await append(client, 's', events(2), NO_STREAM);
    const told = follow(client, 's', from);
    await until(() => told.includes('caught-up'), 'caught up');
    await append(client, 's', event(2), 1n);
    await client.tombstoneStream('s');
    await until(() => told.includes('stream-deleted'), 'the end');
    expect(told).toEqual(expected);
  });

  it('to a stream that never was gets its tombstone', async () => {
    const { client } = await startPair();
    const told = follow(client, 'never');
    await until(() => told.includes('caught-up'), 'caught up');
    await client.tombstoneStream('never');
    await until(() => told.includes('stream-deleted'), 'the end');
    expect(told).toEqual(['confirmed', 'caught-up', '$streamDeleted', 'stream-deleted']);
  });

  it('to $all gets tombstones as events, and goes on', async () => {
    const { client } = await startPair();
    const revisions: (bigint | undefined)[] = [];
    const subscription = client.subscribeToAll({ filter: { filterOn: STREAM_NAME, prefixes: ['s', 't'], checkpointInterval: 1 } });
    subscription.on('data', ({ event: recorded }) => revisions.push(recorded?.revision));
    subscription.on('error', () => undefined);
    atEnd(() => subscription.unsubscribe());
    await append(client, 's', events(2), NO_STREAM);
    await client.tombstoneStream('s');
    await append(client, 't', event(0), ANY);
    await until(() => revisions.length === 4, 'all events');
    expect(revisions).toEqual([0n, 1n, 2n ** 63n - 1n, 0n]);
  });

  it('that begins above the end waits for what lies behind that', async () => {
    const { client } = await startPair();
    await append(client, 's', events(2), NO_STREAM);
    const seen: (bigint | undefined)[] = [];
    const subscription = client.subscribeToStream('s', { fromRevision: 3n });
    subscription.on('data', ({ event: recorded }) => seen.push(recorded?.revision));
    subscription.on('error', () => undefined);
    atEnd(() => subscription.unsubscribe());
    await new Promise<void>((resolve) => subscription.once('caughtUp', () => resolve()));
    await append(client, 's', events(4), 1n);
    await until(() => seen.length === 2, 'the events');
    expect(seen).toEqual([4n, 5n]);
  });
});

describe('a read', () => {
  it('of a stream that is ended meanwhile gets the error, never the tombstone', async () => {
    const { client } = await startPair();
    const filler = 'x'.repeat(10_000);
    for (let batch = 0; batch < 30; batch++) {
      await append(
        client,
        's',
        Array.from({ length: 50 }, (_, n) => ({ ...event(n), data: { n, filler } })),
        ANY,
      );
    }
    const read = client.readStream('s');
    const types = new Set<string | undefined>();
    let count = 0;
    const reading = (async () => {
      for await (const { event: recorded } of read) {
        if (count++ === 0) await client.tombstoneStream('s');
        types.add(recorded?.type);
      }
    })();
    await expect(reading).rejects.toBeInstanceOf(StreamDeletedError);
    expect([...types]).toEqual(['Counted']);
    await expect(collect(client.readStream('s', { maxCount: 1 }))).rejects.toBeInstanceOf(StreamDeletedError);
  });
});
