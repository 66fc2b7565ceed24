import { BACKWARDS, END, FORWARDS, NO_STREAM, START, StreamNotFoundError } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { ProtoWriter } from '../../../src/embedded/event-store/transport/protobuf.ts';
import { append, collect, event, events, numbersOf, rawCall, startPair, wholeLog } from './support.ts';

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

  it('of no events is none, whatever the stream', async () => {
    const { client } = await startPair();
    await append(client, 's', events(3), NO_STREAM);
    expect(await collect(client.readStream('s', { maxCount: 0 }))).toEqual([]);
    expect(await collect(client.readAll({ maxCount: 0 }))).toEqual([]);
    await expect(collect(client.readStream('nowhere', { maxCount: 0 }))).rejects.toBeInstanceOf(StreamNotFoundError);
  });

  it('takes the highest number for the end', async () => {
    const read = await given();
    const fromRevision = 2n ** 64n - 1n;
    expect(await read({ direction: BACKWARDS, fromRevision, maxCount: 2 })).toEqual([4, 3]);
    expect(await read({ direction: FORWARDS, fromRevision })).toEqual([]);
    expect(await read({ direction: FORWARDS, fromRevision: 2n ** 60n })).toEqual([]);
  });

  it('of a name that no stream can have finds none', async () => {
    const { client } = await startPair();
    await expect(collect(client.readStream('x'.repeat(5_000)))).rejects.toBeInstanceOf(StreamNotFoundError);
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

  it('refuses a position at which no event stands', async () => {
    const { client } = await startPair();
    const { position } = await append(client, 's', events(3), NO_STREAM);
    const fromPosition = { commit: (position?.commit ?? 0n) - 1n, prepare: (position?.commit ?? 0n) - 1n };
    for (const direction of [FORWARDS, BACKWARDS] as const) {
      await expect(collect(client.readAll({ fromPosition, direction }))).rejects.toMatchObject({ code: 3 });
    }
  });

  it('filtered counts what matches, both ways', async () => {
    const { server, client } = await startPair();
    for (let n = 0; n < 600; n++)
      await append(client, 's', [event(n, n % 100 === 7 ? 'Rare' : 'Common')], n === 0 ? NO_STREAM : BigInt(n - 1));
    const request = (backwards: boolean, maxCount: number): Buffer =>
      new ProtoWriter()
        .message(1, (options) => {
          options.message(2, (all) => all.empty(backwards ? 3 : 2)).uint(3, backwards ? 1 : 0);
          options.uint(5, maxCount).message(7, (filter) =>
            filter
              .message(2, (type) => type.string(2, 'Rare'))
              .uint(3, 32)
              .uint(5, 1),
          );
        })
        .take();
    const read = async (backwards: boolean, maxCount: number): Promise<number> => {
      const { status, messages } = await rawCall(server, '/event_store.client.streams.Streams/Read', request(backwards, maxCount));
      expect(status).toBe(0);
      return messages.length;
    };
    for (const backwards of [false, true]) {
      expect(await read(backwards, 4)).toBe(4);
      expect(await read(backwards, 100)).toBe(6);
    }
  });
});
