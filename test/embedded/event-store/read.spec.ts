import { BACKWARDS, END, FORWARDS, NO_STREAM, START, StreamNotFoundError } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { append, collect, event, events, numbersOf, startPair, wholeLog } from './support.ts';

describe('reading a stream', () => {
  const given = async () => {
    const { client } = await startPair();
    await append(client, 'before', events(3), NO_STREAM);
    await append(client, 's', events(5), NO_STREAM);
    await append(client, 'after', events(3), NO_STREAM);
    return (options: Parameters<typeof client.readStream>[1]) => collect(client.readStream('s', options)).then(numbersOf);
  };

  it('includes the revision given, both ways', async () => {
    const read = await given();
    expect(await read({ direction: FORWARDS, fromRevision: START })).toEqual([0, 1, 2, 3, 4]);
    expect(await read({ direction: FORWARDS, fromRevision: 2n })).toEqual([2, 3, 4]);
    expect(await read({ direction: FORWARDS, fromRevision: 5n })).toEqual([]);
    expect(await read({ direction: FORWARDS, fromRevision: END })).toEqual([]);
    expect(await read({ direction: BACKWARDS, fromRevision: END })).toEqual([4, 3, 2, 1, 0]);
    expect(await read({ direction: BACKWARDS, fromRevision: 2n })).toEqual([2, 1, 0]);
    expect(await read({ direction: BACKWARDS, fromRevision: START })).toEqual([0]);
    expect(await read({ direction: BACKWARDS, fromRevision: 99n })).toEqual([4, 3, 2, 1, 0]);
  });

  it('ends at maxCount', async () => {
    const read = await given();
    expect(await read({ maxCount: 2 })).toEqual([0, 1]);
    expect(await read({ fromRevision: 1n, maxCount: 1 })).toEqual([1]);
    expect(await read({ direction: BACKWARDS, fromRevision: END, maxCount: 1 })).toEqual([4]);
    expect(await read({ maxCount: 500 })).toEqual([0, 1, 2, 3, 4]);
  });

  it('says that a stream does not exist', async () => {
    const { client } = await startPair();
    await expect(collect(client.readStream('nowhere'))).rejects.toMatchObject({ streamName: 'nowhere' });
    await expect(collect(client.readStream('이름'))).rejects.toBeInstanceOf(StreamNotFoundError);
  });

  it('reads more than one page, both ways', async () => {
    const { client } = await startPair();
    await append(client, 'long', events(1_500), NO_STREAM);
    const upwards = Array.from({ length: 1_500 }, (_, n) => n);
    expect(numbersOf(await collect(client.readStream('long')))).toEqual(upwards);
    expect(numbersOf(await collect(client.readStream('long', { direction: BACKWARDS, fromRevision: END })))).toEqual(upwards.toReversed());
  });
});

describe('reading $all', () => {
  it('has all streams in the order of their appends, and begins with system events', async () => {
    const { client } = await startPair();
    for (let n = 0; n < 30; n++) await append(client, `s-${n % 3}`, event(n), n < 3 ? NO_STREAM : BigInt(Math.floor(n / 3) - 1));
    expect(numbersOf(await wholeLog(client))).toEqual(Array.from({ length: 30 }, (_, n) => n));
    const all = await collect(client.readAll());
    expect(all[0]?.event?.streamId.startsWith('$')).toBe(true);
    const positions = all.map((resolved) => resolved.event?.position.commit as bigint);
    expect(positions.every((position, n) => n === 0 || position > (positions[n - 1] as bigint))).toBe(true);
    const backwards = await collect(client.readAll({ direction: BACKWARDS, fromPosition: END }));
    expect(backwards.map((resolved) => resolved.event?.id)).toEqual(all.map((resolved) => resolved.event?.id).toReversed());
  });

  it('includes the position upwards and excludes it downwards', async () => {
    const { client } = await startPair();
    await append(client, 's', events(3), NO_STREAM);
    const [, middle] = await wholeLog(client);
    const fromPosition = middle?.event?.position as { commit: bigint; prepare: bigint };
    expect(numbersOf(await collect(client.readAll({ fromPosition })))).toEqual([1, 2]);
    expect(numbersOf(await collect(client.readAll({ fromPosition, direction: BACKWARDS, maxCount: 1 })))).toEqual([0]);
    expect(await collect(client.readAll({ direction: BACKWARDS, fromPosition: START }))).toEqual([]);
    expect(numbersOf(await collect(client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 })))).toEqual([2]);
  });
});
