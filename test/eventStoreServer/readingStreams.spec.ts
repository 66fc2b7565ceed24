import { BACKWARDS, END, FORWARDS, InvalidArgumentError, NO_STREAM, START, StreamNotFoundError } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { collect, failureOf, freshName, numbered, numbersIn, revisionsIn, serverContract, upTo } from './support.ts';

serverContract('reading a stream', ({ client }) => {
  const streamOf = async (count: number) => {
    const stream = freshName();
    await client().appendToStream(stream, numbered(count), { expectedRevision: NO_STREAM });
    return stream;
  };
  type Options = Parameters<ReturnType<typeof client>['readStream']>[1];
  const read = async (stream: string, options?: Options) => numbersIn(await collect(client().readStream(stream, options)));

  describe('forwards', () => {
    it('reads all from the start unless told otherwise', async () => {
      const stream = await streamOf(8);
      expect(await read(stream)).toEqual(upTo(8));
      expect(await read(stream, { fromRevision: START, direction: FORWARDS })).toEqual(upTo(8));
    });

    it.each<[bigint, number[]]>([
      [0n, [0, 1, 2, 3, 4]],
      [1n, [1, 2, 3, 4]],
      [4n, [4]],
      [5n, []],
      [1_000_000n, []],
    ])('from revision %s, that one included', async (fromRevision, expected) => {
      expect(await read(await streamOf(5), { fromRevision })).toEqual(expected);
    });

    it.each([1, 2, 5, 6])('reads maxCount %s at most', async (maxCount) => {
      expect(await read(await streamOf(5), { maxCount })).toEqual(upTo(Math.min(maxCount, 5)));
      expect(await read(await streamOf(5), { maxCount, fromRevision: 3n })).toEqual([3, 4].slice(0, maxCount));
    });
  });

  describe('backwards', () => {
    it.each<[string, bigint | typeof START | typeof END, number[]]>([
      ['the end', END, [4, 3, 2, 1, 0]],
      ['the last revision', 4n, [4, 3, 2, 1, 0]],
      ['a revision', 1n, [1, 0]],
      ['the start', START, [0]],
      ['far beyond the end', 1_000n, [4, 3, 2, 1, 0]],
    ])('from %s, that one included', async (_from, fromRevision, expected) => {
      expect(await read(await streamOf(5), { direction: BACKWARDS, fromRevision })).toEqual(expected);
    });

    it('reads maxCount at most: one from the end is the last event', async () => {
      const stream = await streamOf(300);
      expect(await read(stream, { direction: BACKWARDS, fromRevision: END, maxCount: 1 })).toEqual([299]);
      expect(await read(stream, { direction: BACKWARDS, fromRevision: 150n, maxCount: 3 })).toEqual([150, 149, 148]);
    });
  });

  it('gives each event its stream, revision, position and commit position', async () => {
    const stream = freshName();
    const { position } = await client().appendToStream(stream, numbered(3));
    const resolved = await collect(client().readStream(stream));
    expect(revisionsIn(resolved)).toEqual([0n, 1n, 2n]);
    for (const { event, link, commitPosition } of resolved) {
      expect(event?.streamId).toBe(stream);
      expect(commitPosition).toBe(event?.position?.commit);
      expect(link).toBeUndefined();
    }
    expect(resolved[2]?.event?.position).toEqual(position);
  });

  it('reads long streams whole and in order, both ways', async () => {
    const stream = await streamOf(2_000);
    expect(await read(stream)).toEqual(upTo(2_000));
    expect(await read(stream, { direction: BACKWARDS, fromRevision: END })).toEqual(upTo(2_000).reverse());
  });

  it('keeps streams apart, also those whose names begin alike', async () => {
    const stream = freshName();
    const names = [stream, `${stream}-`, `${stream}0`, `$${stream}`];
    for (const [n, name] of names.entries()) await client().appendToStream(name, numbered(2, 'Counted', n * 10));
    for (const [n, name] of names.entries()) expect(await read(name)).toEqual([n * 10, n * 10 + 1]);
  });

  it.each(['account', '없는-계좌-🛒'])(
    'a stream that is not there is an error with its name, and only for who iterates (%s)',
    async (prefix) => {
      const stream = freshName(prefix);
      const unread = client().readStream(stream);
      unread.on('error', () => undefined);
      const failure = await failureOf(collect(client().readStream(stream)));
      expect(failure).toBeInstanceOf(StreamNotFoundError);
      expect(failure).toMatchObject({ type: 'stream-not-found', streamName: stream });
      await expect(collect(client().readStream(stream, { direction: BACKWARDS, fromRevision: END, maxCount: 1 }))).rejects.toBeInstanceOf(
        StreamNotFoundError,
      );
      await expect(collect(client().readStream(stream, { fromRevision: 7n }))).rejects.toBeInstanceOf(StreamNotFoundError);
    },
  );

  it('a stream that is not there leaves the connection as it is', async () => {
    const { getChannel } = client() as unknown as { getChannel: () => Promise<unknown> };
    const before = await getChannel();
    await failureOf(collect(client().readStream(freshName())));
    expect(await getChannel()).toBe(before);
  });

  it.each([-1n, 2n ** 64n])('revision %s is no revision', async (fromRevision) => {
    const stream = await streamOf(1);
    const asked = async () => read(stream, { direction: BACKWARDS, fromRevision });
    await expect(asked()).rejects.toBeInstanceOf(InvalidArgumentError);
  });

  it('serves fifty reads at once over one connection', async () => {
    const streams = await Promise.all(upTo(50).map((n) => streamOf(n + 1)));
    const lengths = await Promise.all(streams.map(async (stream) => (await read(stream)).length));
    expect(lengths).toEqual(upTo(50, 1));
  });
});
