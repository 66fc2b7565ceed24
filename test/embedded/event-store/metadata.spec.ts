import { BACKWARDS, END, type EventStoreDBClient, jsonEvent, NO_STREAM, START, type StreamMetadata } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { append, atEnd, collect, event, events, numbersOf, startPair, until, wholeLog } from './support.ts';

const both = async (client: EventStoreDBClient, stream = 's'): Promise<number[][]> => [
  numbersOf(await collect(client.readStream(stream))),
  numbersOf(await collect(client.readStream(stream, { direction: BACKWARDS, fromRevision: END }))),
];

describe('metadata of a stream', () => {
  it.each<[StreamMetadata, number[]]>([
    [{ maxCount: 3 }, [7, 8, 9]],
    [{ maxCount: 100 }, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
    [{ truncateBefore: 8 }, [8, 9]],
    [{ truncateBefore: 5, maxCount: 2 }, [8, 9]],
    [{ truncateBefore: 10 }, []],
    [{ truncateBefore: 1_000 }, []],
    [{ maxAge: 3_600 }, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
  ])('%j hides the rest from readers of the stream, not of $all', async (metadata, seen) => {
    const { client } = await startPair();
    await append(client, 's', events(10), NO_STREAM);
    await client.setStreamMetadata('s', metadata);
    expect(await both(client)).toEqual([seen, seen.toReversed()]);
    expect(numbersOf(await wholeLog(client))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('is found from the revision that is asked for', async () => {
    const { client } = await startPair();
    await append(client, 's', events(10), NO_STREAM);
    await client.setStreamMetadata('s', { truncateBefore: 4 });
    const read = async (options: Parameters<typeof client.readStream>[1]) => numbersOf(await collect(client.readStream('s', options)));
    expect(await read({ fromRevision: 2n, maxCount: 2 })).toEqual([4, 5]);
    expect(await read({ fromRevision: 8n })).toEqual([8, 9]);
    expect(await read({ direction: BACKWARDS, fromRevision: 6n })).toEqual([6, 5, 4]);
    expect(await read({ direction: BACKWARDS, fromRevision: 3n })).toEqual([]);
    expect(await read({ direction: BACKWARDS, fromRevision: START })).toEqual([]);
    expect(await read({ direction: BACKWARDS, fromRevision: 99n, maxCount: 1 })).toEqual([9]);
  });

  it('hides events by age, however many, and forgets that with new metadata', async () => {
    let now = 1_700_000_000_000;
    const { client } = await startPair({ clock: () => now });
    for (let n = 0; n < 10; n++) {
      await append(client, 's', event(n), n === 0 ? NO_STREAM : BigInt(n - 1));
      now += 10_000;
    }
    await client.setStreamMetadata('s', { maxAge: 35 });
    expect(await both(client)).toEqual([
      [7, 8, 9],
      [9, 8, 7],
    ]);
    now += 10_000;
    expect((await both(client))[0]).toEqual([8, 9]);
    now += 100_000;
    expect(await both(client)).toEqual([[], []]);
    expect(await append(client, 's', event(10), 9n)).toMatchObject({ nextExpectedRevision: 10n });
    expect((await both(client))[0]).toEqual([10]);
    await client.setStreamMetadata('s', {});
    expect((await both(client))[0]).toHaveLength(11);
  });

  it('says nothing when it is no JSON', async () => {
    const { client } = await startPair();
    await append(client, 's', events(3), NO_STREAM);
    await client.setStreamMetadata('s', { maxCount: 1 });
    await append(client, '$$s', jsonEvent({ type: '$metadata', data: 'text' }), 0n);
    expect((await both(client))[0]).toEqual([0, 1, 2]);
  });

  it('is read, revised and checked by revision as any stream; readers of it see the last event', async () => {
    const { client } = await startPair();
    expect(await client.getStreamMetadata('s')).toEqual({ streamName: 's' });
    await client.setStreamMetadata('s', { maxCount: 1, acl: { readRoles: ['a'] } }, { expectedRevision: NO_STREAM });
    await expect(client.setStreamMetadata('s', {}, { expectedRevision: NO_STREAM })).rejects.toMatchObject({ actualVersion: 0n });
    await client.setStreamMetadata('s', { maxCount: 2, custom: { own: '이름' } }, { expectedRevision: 0n });
    expect((await client.getStreamMetadata('s')).metadata).toEqual({ maxCount: 2, custom: { own: '이름' } });
    expect((await collect(client.readStream('$$s'))).map(({ event: recorded }) => recorded?.revision)).toEqual([1n]);
  });

  it('has room for the longest name', async () => {
    const { client } = await startPair();
    const stream = 'x'.repeat(1_024);
    await append(client, stream, events(3), NO_STREAM);
    await client.setStreamMetadata(stream, { maxCount: 1 });
    expect((await both(client, stream))[0]).toEqual([2]);
    await expect(append(client, `$$${stream}x`, event(0), NO_STREAM)).rejects.toThrow();
    await expect(append(client, '$$', event(0), NO_STREAM)).rejects.toThrow();
  });
});

describe('a subscription to a truncated stream', () => {
  const follow = (client: EventStoreDBClient, from: { fromRevision?: bigint } = {}) => {
    const told: (number | string)[] = [];
    const subscription = client.subscribeToStream('s', from);
    subscription.on('data', ({ event: recorded }) => told.push((recorded?.data as { n: number } | undefined)?.n ?? -1));
    subscription.on('caughtUp', () => told.push('caught-up'));
    subscription.on('error', () => undefined);
    atEnd(() => subscription.unsubscribe());
    return told;
  };

  it.each<[string, StreamMetadata, bigint | undefined, (number | string)[]]>([
    ['by count', { maxCount: 2 }, undefined, [3, 4, 'caught-up', 5, 6]],
    ['from a revision above', { truncateBefore: 1 }, 3n, [4, 'caught-up', 5, 6]],
    ['from a revision below', { truncateBefore: 3 }, 0n, [3, 4, 'caught-up', 5, 6]],
    ['fully, with room above', { truncateBefore: 100 }, undefined, ['caught-up', 5, 6]],
  ])('catches up with what is left, and sees everything new: %s', async (_what, metadata, fromRevision, expected) => {
    const { client } = await startPair();
    await append(client, 's', events(5), NO_STREAM);
    await client.setStreamMetadata('s', metadata);
    const told = follow(client, fromRevision === undefined ? {} : { fromRevision });
    await until(() => told.includes('caught-up'), 'caught up');
    await append(client, 's', [event(5), event(6)], 4n);
    await until(() => told.includes(6), 'the live events');
    expect(told).toEqual(expected);
  });

  it('a deleted stream begins where it comes back', async () => {
    const { client } = await startPair();
    await append(client, 's', events(5), NO_STREAM);
    await client.deleteStream('s');
    const told = follow(client);
    await until(() => told.includes('caught-up'), 'caught up');
    await append(client, 's', [event(5), event(6)], NO_STREAM);
    await until(() => told.includes(6), 'the live events');
    expect(told).toEqual(['caught-up', 5, 6]);
  });
});
