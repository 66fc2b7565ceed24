import {
  ANY,
  type AppendExpectedRevision,
  BACKWARDS,
  END,
  NO_STREAM,
  type Position,
  STREAM_EXISTS,
  StreamDeletedError,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { appendWays } from './appendWays.ts';
import { collect, failureOf, freshName, idsIn, numbered, numbersIn, revisionsIn, serverContract } from './support.ts';

serverContract('deleting a stream', ({ client }) => {
  const streamOf = async (count: number, name = freshName()) => {
    await client().appendToStream(name, numbered(count), { expectedRevision: NO_STREAM });
    return name;
  };
  const deleted = async (count: number, name?: string) => {
    const stream = await streamOf(count, name);
    await client().deleteStream(stream);
    return stream;
  };
  const read = async (stream: string) => collect(client().readStream(stream));

  it.each<[string, typeof ANY | bigint | undefined]>([
    ['nothing expected', undefined],
    ['any', ANY],
    ['the last revision', 3n],
  ])('succeeds with %s, at a position behind the last event', async (_what, expectedRevision) => {
    const options = expectedRevision === undefined ? {} : { expectedRevision };
    const stream = freshName();
    const appended = await client().appendToStream(stream, numbered(4));
    const { position } = await client().deleteStream(stream, options);
    expect(position?.commit).toBeGreaterThan(appended.position?.commit as bigint);
  });

  it.each<[string, typeof NO_STREAM | bigint, bigint]>([
    ['an earlier revision', 2n, 2n],
    ['a later revision', 9n, 9n],
    ['no stream', NO_STREAM, -1n],
  ])('is refused with %s, and the stream stays', async (_what, expectedRevision, expectedVersion) => {
    const stream = await streamOf(4);
    const failure = await failureOf(client().deleteStream(stream, { expectedRevision }));
    expect(failure).toBeInstanceOf(WrongExpectedVersionError);
    expect(failure).toMatchObject({ streamName: stream, expectedVersion, actualVersion: 3n });
    expect(await read(stream)).toHaveLength(4);
  });

  it.each<[string, typeof ANY | typeof NO_STREAM | bigint]>([
    ['any', ANY],
    ['no stream', NO_STREAM],
    ['a revision', 0n],
  ])('of a stream that never was is refused, with %s', async (_what, expectedRevision) => {
    const stream = freshName();
    const failure = await failureOf(client().deleteStream(stream, { expectedRevision }));
    expect(failure).toBeInstanceOf(WrongExpectedVersionError);
    expect(failure).toMatchObject({ streamName: stream });
  });

  it('of a stream that has only metadata succeeds with no stream', async () => {
    const stream = freshName();
    await client().setStreamMetadata(stream, { cacheControl: 10 });
    expect(await client().deleteStream(stream, { expectedRevision: NO_STREAM })).toBeDefined();
    await expect(read(stream)).rejects.toBeInstanceOf(StreamNotFoundError);
  });

  it.each(['account', '계좌-🛒'])('the stream is not found afterwards, either way (%s)', async (prefix) => {
    const stream = await deleted(4, freshName(prefix));
    const failures = [
      await failureOf(read(stream)),
      await failureOf(collect(client().readStream(stream, { direction: BACKWARDS, fromRevision: END }))),
      await failureOf(collect(client().readStream(stream, { fromRevision: 2n, maxCount: 1 }))),
    ];
    for (const failure of failures) {
      expect(failure).toBeInstanceOf(StreamNotFoundError);
      expect(failure).toMatchObject({ streamName: stream });
    }
  });

  it('a name beyond ASCII is refused with the same class of error', async () => {
    const stream = await streamOf(2, freshName('계좌-🛒'));
    const refused = await failureOf(client().deleteStream(stream, { expectedRevision: 0n }));
    expect(refused).toBeInstanceOf(WrongExpectedVersionError);
    expect(refused).toMatchObject({ expectedVersion: 0n, actualVersion: 1n });
  });

  it('the events stay in $all, and a $metadata event tells of it', async () => {
    const stream = freshName();
    const events = numbered(3);
    await client().appendToStream(stream, events);
    const [first] = await read(stream);
    const { position } = await client().deleteStream(stream);
    const all = await collect(client().readAll({ fromPosition: first?.event?.position as Position }));
    expect(idsIn(all.filter(({ event }) => event?.streamId === stream))).toEqual(events.map(({ id }) => id));
    const told = all.find(({ event }) => event?.streamId === `$$${stream}`);
    expect(told?.event).toMatchObject({ type: '$metadata', position, data: { $tb: Number(2n ** 63n - 1n) } });
  });

  describe.each(appendWays)('written again by %s append', (_name, append) => {
    it.each<[string, AppendExpectedRevision]>([
      ['any', ANY],
      ['no stream', NO_STREAM],
      ['the last revision', 2n],
    ])('with %s goes on numbering and shows the new events only', async (_what, expected) => {
      const stream = await deleted(3);
      expect(await append(client(), stream, numbered(2, 'Counted', 3), expected)).toMatchObject({ nextExpectedRevision: 4n });
      const resolved = await read(stream);
      expect(numbersIn(resolved)).toEqual([3, 4]);
      expect(revisionsIn(resolved)).toEqual([3n, 4n]);
      const backwards = await collect(client().readStream(stream, { direction: BACKWARDS, fromRevision: END }));
      expect(numbersIn(backwards)).toEqual([4, 3]);
      expect((await client().getStreamMetadata(stream)).metadata).toMatchObject({ truncateBefore: 3 });
    });

    it('with stream exists is a deleted stream', async () => {
      const stream = await deleted(3);
      const failure = await failureOf(append(client(), stream, numbered(1), STREAM_EXISTS));
      expect(failure).toBeInstanceOf(StreamDeletedError);
      expect(failure).toMatchObject({ streamName: stream });
    });

    it.each([0n, 3n])('with revision %s is refused', async (expected) => {
      const stream = await deleted(3);
      await expect(append(client(), stream, numbered(1), expected)).rejects.toBeInstanceOf(WrongExpectedVersionError);
      await expect(read(stream)).rejects.toBeInstanceOf(StreamNotFoundError);
    });
  });

  it('may be done again, and again after new events', async () => {
    const stream = await deleted(2);
    await client().deleteStream(stream);
    await client().appendToStream(stream, numbered(1, 'Counted', 2));
    expect(numbersIn(await read(stream))).toEqual([2]);
    await client().deleteStream(stream, { expectedRevision: 2n });
    await expect(read(stream)).rejects.toBeInstanceOf(StreamNotFoundError);
    expect(await client().appendToStream(stream, numbered(1, 'Counted', 3))).toMatchObject({ nextExpectedRevision: 3n });
    expect(numbersIn(await read(stream))).toEqual([3]);
  });

  it('metadata set afterwards brings the stream back, empty, and its numbering goes on', async () => {
    const stream = await deleted(3);
    await client().setStreamMetadata(stream, { owner: 'ann' });
    expect(await read(stream)).toEqual([]);
    expect((await client().getStreamMetadata(stream)).metadata).toMatchObject({ owner: 'ann', truncateBefore: 3 });
    expect(await client().appendToStream(stream, numbered(1, 'Counted', 3), { expectedRevision: 2n })).toMatchObject({
      nextExpectedRevision: 3n,
    });
    expect(numbersIn(await read(stream))).toEqual([3]);
  });
});
