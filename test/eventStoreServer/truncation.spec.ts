import {
  BACKWARDS,
  END,
  NO_STREAM,
  type Position,
  STREAM_EXISTS,
  type StreamMetadata,
  type StreamSubscription,
} from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { collect, freshName, numbered, numbersIn, serverContract, until, upTo, wait } from './support.ts';

/** One second, the smallest age that can be asked for, and what clocks and machines may add. */
const AGED_MS = 1_300;

serverContract('truncating a stream by its metadata', ({ client }) => {
  const streamOf = async (count: number, metadata: StreamMetadata) => {
    const stream = freshName();
    await client().appendToStream(stream, numbered(count), { expectedRevision: NO_STREAM });
    await client().setStreamMetadata(stream, metadata);
    return stream;
  };
  const read = async (stream: string, options?: Parameters<ReturnType<typeof client>['readStream']>[1]) =>
    numbersIn(await collect(client().readStream(stream, options)));

  it.each<[string, StreamMetadata, number[]]>([
    ['maxCount keeps the last events', { maxCount: 3 }, [7, 8, 9]],
    ['maxCount above the count keeps all', { maxCount: 30 }, upTo(10)],
    ['truncateBefore hides what is before it', { truncateBefore: 4 }, [4, 5, 6, 7, 8, 9]],
    ['truncateBefore 0 hides nothing', { truncateBefore: 0 }, upTo(10)],
    ['the narrower of both counts: maxCount', { truncateBefore: 2, maxCount: 3 }, [7, 8, 9]],
    ['the narrower of both counts: truncateBefore', { truncateBefore: 8, maxCount: 5 }, [8, 9]],
    ['maxAge keeps what is young enough', { maxAge: 3_600 }, upTo(10)],
  ])('%s, both ways and from any revision', async (_what, metadata, kept) => {
    const stream = await streamOf(10, metadata);
    expect(await read(stream)).toEqual(kept);
    expect(await read(stream, { fromRevision: 2n })).toEqual(kept.filter((n) => n >= 2));
    expect(await read(stream, { fromRevision: 8n })).toEqual(kept.filter((n) => n >= 8));
    expect(await read(stream, { maxCount: 2 })).toEqual(kept.slice(0, 2));
    expect(await read(stream, { direction: BACKWARDS, fromRevision: END })).toEqual([...kept].reverse());
    expect(await read(stream, { direction: BACKWARDS, fromRevision: 5n })).toEqual(kept.filter((n) => n <= 5).reverse());
  });

  it('a stream of which nothing is left reads as empty, not as missing', async () => {
    const stream = await streamOf(3, { truncateBefore: 3 });
    expect(await read(stream)).toEqual([]);
    expect(await read(stream, { direction: BACKWARDS, fromRevision: END })).toEqual([]);
    expect(await client().appendToStream(stream, numbered(1, 'Counted', 3), { expectedRevision: 2n })).toMatchObject({
      nextExpectedRevision: 3n,
    });
    expect(await read(stream)).toEqual([3]);
  });

  it('goes on while the stream grows', async () => {
    const stream = await streamOf(3, { maxCount: 2 });
    for (let n = 3; n < 8; n++) {
      await client().appendToStream(stream, numbered(1, 'Counted', n));
      expect(await read(stream)).toEqual([n - 1, n]);
    }
  });

  it('set before the first event holds from the beginning', async () => {
    const stream = freshName();
    await client().setStreamMetadata(stream, { maxCount: 2 });
    await client().appendToStream(stream, numbered(20));
    expect(await read(stream, { maxCount: 200 })).toEqual([18, 19]);
  });

  it('can be taken back: the events are still there', async () => {
    const stream = await streamOf(5, { truncateBefore: 3 });
    expect(await read(stream)).toEqual([3, 4]);
    await client().setStreamMetadata(stream, {});
    expect(await read(stream)).toEqual(upTo(5));
  });

  it('does not count for $all', async () => {
    const stream = freshName();
    await client().appendToStream(stream, numbered(6));
    const [first] = await collect(client().readStream(stream, { maxCount: 1 }));
    await client().setStreamMetadata(stream, { maxCount: 1 });
    const all = await collect(client().readAll({ fromPosition: first?.event?.position as Position }));
    expect(numbersIn(all.filter(({ event }) => event?.streamId === stream))).toEqual(upTo(6));
  });

  it('does not count for the revisions that appends expect', async () => {
    const stream = await streamOf(5, { truncateBefore: 5 });
    expect(await client().appendToStream(stream, numbered(1), { expectedRevision: STREAM_EXISTS })).toMatchObject({
      nextExpectedRevision: 5n,
    });
    expect(await client().appendToStream(stream, numbered(1), { expectedRevision: 5n })).toMatchObject({ nextExpectedRevision: 6n });
  });

  describe('by age', () => {
    it('events older than maxAge seconds go, younger ones stay', async () => {
      const stream = await streamOf(3, { maxAge: 1 });
      await wait(AGED_MS);
      expect(await read(stream)).toEqual([]);
      await client().appendToStream(stream, numbered(2, 'Counted', 3), { expectedRevision: 2n });
      expect(await read(stream)).toEqual([3, 4]);
      expect(await read(stream, { direction: BACKWARDS, fromRevision: END })).toEqual([4, 3]);
    });
  });

  describe('and subscriptions', () => {
    const follow = (subscription: StreamSubscription) => {
      const told = { numbers: [] as number[], caughtUp: 0 };
      subscription.on('data', (resolved) => told.numbers.push(...numbersIn([resolved])));
      subscription.on('caughtUp', () => told.caughtUp++);
      return told;
    };

    it('one to the stream gets what is left, then what is new', async () => {
      const stream = await streamOf(10, { maxCount: 3 });
      const subscription = client().subscribeToStream(stream);
      const told = follow(subscription);
      await until(() => told.caughtUp > 0, 'caught up');
      await client().appendToStream(stream, numbered(2, 'Counted', 10));
      await until(() => told.numbers.includes(11), 'the new events');
      expect(told.numbers).toEqual([7, 8, 9, 10, 11]);
      await subscription.unsubscribe();
    });

    it('one to a deleted stream waits, and gets what is written when it begins again', async () => {
      const stream = await streamOf(3, {});
      await client().deleteStream(stream);
      const subscription = client().subscribeToStream(stream);
      const told = follow(subscription);
      await until(() => told.caughtUp > 0, 'caught up');
      await client().appendToStream(stream, numbered(2, 'Counted', 3));
      await until(() => told.numbers.includes(4), 'the new events');
      expect(told.numbers).toEqual([3, 4]);
      await subscription.unsubscribe();
    });
  });
});
