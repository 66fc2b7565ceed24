import {
  ANY,
  NO_STREAM,
  type Position,
  StreamDeletedError,
  type SubscribeToStreamOptions,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { appendWays } from './appendWays.ts';
import { collect, failureOf, freshName, idsIn, numbered, serverContract, until } from './support.ts';

/** The revision of the event that tombstones a stream. */
const DELETED_REVISION = 2n ** 63n - 1n;

serverContract('tombstoning a stream', ({ client }) => {
  const streamOf = async (count: number, name = freshName()) => {
    await client().appendToStream(name, numbered(count), { expectedRevision: NO_STREAM });
    return name;
  };
  const isDeleted = async (work: Promise<unknown>, stream: string) => {
    const failure = await failureOf(work);
    expect(failure).toBeInstanceOf(StreamDeletedError);
    expect(failure).toMatchObject({ type: 'stream-deleted', streamName: stream });
  };

  it.each<[string, typeof ANY | bigint | undefined]>([
    ['nothing expected', undefined],
    ['any', ANY],
    ['the last revision', 3n],
  ])('succeeds with %s, at a position behind the last event', async (_what, expectedRevision) => {
    const options = expectedRevision === undefined ? {} : { expectedRevision };
    const stream = freshName();
    const appended = await client().appendToStream(stream, numbered(4));
    const { position } = await client().tombstoneStream(stream, options);
    expect(position?.commit).toBeGreaterThan(appended.position?.commit as bigint);
    await isDeleted(collect(client().readStream(stream)), stream);
  });

  it.each<[string, typeof NO_STREAM | bigint, bigint]>([
    ['an earlier revision', 2n, 2n],
    ['a later revision', 9n, 9n],
    ['no stream', NO_STREAM, -1n],
  ])('is refused with %s, and the stream stays', async (_what, expectedRevision, expectedVersion) => {
    const stream = await streamOf(4);
    const failure = await failureOf(client().tombstoneStream(stream, { expectedRevision }));
    expect(failure).toBeInstanceOf(WrongExpectedVersionError);
    expect(failure).toMatchObject({ streamName: stream, expectedVersion, actualVersion: 3n });
    expect(await collect(client().readStream(stream))).toHaveLength(4);
  });

  it.each([NO_STREAM, ANY] as const)('of a stream that never was succeeds with %s', async (expectedRevision) => {
    const stream = freshName();
    await client().tombstoneStream(stream, { expectedRevision });
    await isDeleted(collect(client().readStream(stream)), stream);
  });

  it('of a stream that never was is refused with a revision', async () => {
    const stream = freshName();
    await expect(client().tombstoneStream(stream, { expectedRevision: 0n })).rejects.toBeInstanceOf(WrongExpectedVersionError);
    expect(await client().appendToStream(stream, numbered(1))).toMatchObject({ nextExpectedRevision: 0n });
  });

  it('of a deleted stream makes its end final', async () => {
    const stream = await streamOf(2);
    await client().deleteStream(stream);
    await client().tombstoneStream(stream);
    await isDeleted(client().appendToStream(stream, numbered(1)), stream);
  });

  it('afterwards every call says the stream is deleted', async () => {
    const stream = await streamOf(2);
    await client().tombstoneStream(stream);
    await isDeleted(collect(client().readStream(stream)), stream);
    await isDeleted(collect(client().readStream(stream, { direction: 'backwards', fromRevision: 'end', maxCount: 1 })), stream);
    await isDeleted(client().deleteStream(stream), stream);
    await isDeleted(client().deleteStream(stream, { expectedRevision: 1n }), stream);
    await isDeleted(client().tombstoneStream(stream), stream);
    await isDeleted(client().tombstoneStream(stream, { expectedRevision: NO_STREAM }), stream);
    for (const [, append] of appendWays) await isDeleted(append(client(), stream, numbered(1), ANY), stream);
  });

  it('its metadata is gone with it', async () => {
    const stream = await streamOf(1);
    await client().setStreamMetadata(stream, { maxCount: 3 });
    await client().tombstoneStream(stream);
    await expect(client().getStreamMetadata(stream)).rejects.toBeInstanceOf(StreamDeletedError);
    await expect(client().setStreamMetadata(stream, { maxCount: 4 })).rejects.toBeInstanceOf(StreamDeletedError);
  });

  it('a name beyond ASCII gets the same class of error from every call', async () => {
    const stream = await streamOf(2, freshName('계좌-🛒'));
    await expect(client().tombstoneStream(stream, { expectedRevision: 0n })).rejects.toBeInstanceOf(WrongExpectedVersionError);
    await client().tombstoneStream(stream);
    const failures = [
      await failureOf(collect(client().readStream(stream))),
      await failureOf(client().deleteStream(stream)),
      await failureOf(client().tombstoneStream(stream)),
      ...(await Promise.all(appendWays.map(([, append]) => failureOf(append(client(), stream, numbered(1), ANY))))),
    ];
    for (const failure of failures) expect(failure).toBeInstanceOf(StreamDeletedError);
  });

  it('the events stay in $all, and $streamDeleted follows them', async () => {
    const stream = freshName();
    const events = numbered(2);
    const appended = await client().appendToStream(stream, events);
    const [first] = await collect(client().readStream(stream));
    const { position } = await client().tombstoneStream(stream);
    const all = await collect(client().readAll({ fromPosition: first?.event?.position as Position }));
    const mine = all.filter(({ event }) => event?.streamId === stream);
    expect(idsIn(mine.slice(0, 2))).toEqual(events.map(({ id }) => id));
    expect(mine[1]?.event?.position).toEqual(appended.position);
    expect(mine[2]?.event).toMatchObject({ type: '$streamDeleted', revision: DELETED_REVISION, position });
    expect(mine).toHaveLength(3);
  });

  describe('and subscriptions', () => {
    const follow = (stream: string, options?: SubscribeToStreamOptions) => {
      const told = { types: [] as string[], caughtUp: 0, errors: [] as unknown[] };
      const subscription = client().subscribeToStream(stream, options);
      subscription.on('data', ({ event }) => told.types.push(event?.type ?? ''));
      subscription.on('caughtUp', () => told.caughtUp++);
      subscription.on('error', (error) => told.errors.push(error));
      return told;
    };

    it.each<SubscribeToStreamOptions>([{}, { fromRevision: 0n }, { fromRevision: 'end' }])(
      'one that begins afterwards ends with the error (%j)',
      async (options) => {
        const stream = await streamOf(2);
        await client().tombstoneStream(stream);
        const told = follow(stream, options);
        await until(() => told.errors.length > 0, 'the error');
        expect(told.errors[0]).toBeInstanceOf(StreamDeletedError);
        expect(told.errors[0]).toMatchObject({ streamName: stream });
        expect(told.types).toEqual([]);
      },
    );

    it('one that is live gets the event, then the error', async () => {
      const stream = await streamOf(1);
      const told = follow(stream);
      await until(() => told.caughtUp > 0, 'caught up');
      await client().tombstoneStream(stream);
      await until(() => told.errors.length > 0, 'the error');
      expect(told.types).toEqual(['Counted', '$streamDeleted']);
      expect(told.errors[0]).toBeInstanceOf(StreamDeletedError);
    });
  });
});
