import { jsonEvent, metastreamOf, NO_STREAM, type StreamMetadata, WrongExpectedVersionError } from '@eventstore/db-client';
import { expect, it } from '@jest/globals';
import { collect, failureOf, freshName, numbered, serverContract } from './support.ts';

type CustomMetadata = StreamMetadata<Record<string, unknown>>;

const everyKey: StreamMetadata = {
  maxAge: 2,
  cacheControl: 15,
  truncateBefore: 1,
  maxCount: 12,
  acl: {
    readRoles: ['admin'],
    writeRoles: ['admin'],
    deleteRoles: ['admin'],
    metaReadRoles: ['admin'],
    metaWriteRoles: ['admin'],
  },
};

serverContract('metadata of streams', ({ client }) => {
  const roundTrip = async (metadata: CustomMetadata, stream = freshName()) => {
    await client().setStreamMetadata(stream, metadata);
    return client().getStreamMetadata(stream);
  };

  it('of a stream without any, or that never was, is none', async () => {
    const stream = freshName();
    expect(await client().getStreamMetadata(stream)).toEqual({ streamName: stream });
    await client().appendToStream(stream, numbered(1));
    expect(await client().getStreamMetadata(stream)).toEqual({ streamName: stream });
  });

  it.each<[string, CustomMetadata]>([
    ['one key', { maxAge: 2 }],
    ['every key of the system', everyKey],
    ['no key', {}],
    ['keys of its own', { maxCount: 12, kitten: '😾', owner: { team: '주문', ids: [1, 2] } }],
  ])('keeps %s', async (_what, metadata) => {
    const stream = freshName();
    expect(await roundTrip(metadata, stream)).toMatchObject({ streamName: stream, metadata });
  });

  it('keeps an access list of two roles, and of one', async () => {
    const acl = { readRoles: ['$all', 'ops'], writeRoles: ['ops'] };
    expect((await roundTrip({ acl })).metadata).toEqual({ acl });
  });

  it('set twice is the second only', async () => {
    const stream = freshName();
    await roundTrip({ maxCount: 12, turkey: '🦃' }, stream);
    expect((await roundTrip({ maxCount: 11 }, stream)).metadata).toEqual({ maxCount: 11 });
  });

  it('of a stream whose name is beyond ASCII', async () => {
    const stream = freshName('계좌-🛒');
    expect(await roundTrip({ maxCount: 5 }, stream)).toMatchObject({ streamName: stream, metadata: { maxCount: 5 } });
  });

  it('answers as an append to the metadata stream', async () => {
    const stream = freshName();
    expect(await client().setStreamMetadata(stream, { maxAge: 60 })).toMatchObject({ success: true, nextExpectedRevision: 0n });
    const second = await client().setStreamMetadata(stream, { maxAge: 61 });
    expect(second).toMatchObject({ success: true, nextExpectedRevision: 1n });
    const events = await collect(client().readStream(metastreamOf(stream)));
    // A metadata stream has metadata itself, fixed: a maxCount of 1.
    expect(events).toHaveLength(1);
    expect(events[0]?.event).toMatchObject({
      type: '$metadata',
      streamId: `$$${stream}`,
      data: { $maxAge: 61 },
      revision: 1n,
      position: second.position,
    });
  });

  it('says at which position it was set', async () => {
    const stream = freshName();
    const { position } = await client().setStreamMetadata(stream, { maxAge: 60 });
    expect((await client().getStreamMetadata(stream)).metastreamRevision).toBe(position?.commit);
  });

  it('set at an expected revision is refused when another came before', async () => {
    const stream = freshName();
    await client().setStreamMetadata(stream, { maxAge: 60 }, { expectedRevision: NO_STREAM });
    const failure = await failureOf(client().setStreamMetadata(stream, { maxAge: 70 }, { expectedRevision: NO_STREAM }));
    expect(failure).toBeInstanceOf(WrongExpectedVersionError);
    expect(failure).toMatchObject({ streamName: `$$${stream}`, expectedVersion: NO_STREAM, actualVersion: 0n });
    await client().setStreamMetadata(stream, { maxAge: 80 }, { expectedRevision: 0n });
    expect((await client().getStreamMetadata(stream)).metadata).toEqual({ maxAge: 80 });
  });

  it('counts for the stream alone, not for its metadata stream', async () => {
    const stream = freshName();
    for (const maxCount of [3, 2, 1]) await client().setStreamMetadata(stream, { maxCount });
    expect((await client().getStreamMetadata(stream)).metadata).toEqual({ maxCount: 1 });
    await client().appendToStream(stream, numbered(3));
    expect(await collect(client().readStream(stream))).toHaveLength(1);
  });

  it('may be set before the first event, which still begins the stream', async () => {
    const stream = freshName();
    await client().setStreamMetadata(stream, { owner: 'ann' });
    expect(await client().appendToStream(stream, numbered(1), { expectedRevision: NO_STREAM })).toMatchObject({ nextExpectedRevision: 0n });
  });

  it('that is no metadata is as none', async () => {
    const stream = freshName();
    await client().appendToStream(stream, numbered(3));
    await client().setStreamMetadata(stream, { maxCount: 1 });
    await client().appendToStream(metastreamOf(stream), jsonEvent({ type: '$metadata', data: 'nonsense' }));
    expect(await collect(client().readStream(stream))).toHaveLength(3);
  });

  it('numbers that are no integers are refused', async () => {
    for (const key of ['maxAge', 'truncateBefore', 'cacheControl', 'maxCount']) {
      await expect(client().setStreamMetadata(freshName(), { [key]: 2.5 })).rejects.toThrow(key);
    }
  });
});
