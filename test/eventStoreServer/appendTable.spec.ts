import {
  ANY,
  type AppendExpectedRevision,
  type EventStoreDBClient,
  type JSONEventData,
  NO_STREAM,
  STREAM_EXISTS,
  StreamDeletedError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { type Append, appendWays } from './appendWays.ts';
import { collect, failureOf, freshName, idsIn, idsOf, numbered, serverContract } from './support.ts';

type Given = Readonly<{ client: () => EventStoreDBClient; append: Append }>;

const idsStored = async (client: EventStoreDBClient, stream: string) => idsIn(await collect(client.readStream(stream)));
const streamOf = async (client: EventStoreDBClient, events: JSONEventData[]) => {
  const stream = freshName();
  await client.appendToStream(stream, events, { expectedRevision: NO_STREAM });
  return stream;
};

const refused = (append: Promise<unknown>, expectedVersion: unknown, actualVersion: unknown): Promise<void> =>
  expect(
    append.catch((error: unknown) => ({ isWrong: error instanceof WrongExpectedVersionError, ...(error as object) })),
  ).resolves.toMatchObject({
    isWrong: true,
    expectedVersion,
    actualVersion,
  });

const aNewStream = ({ client, append }: Given): void => {
  it.each<AppendExpectedRevision>([ANY, NO_STREAM])('row 1: a new stream is begun with %s', async (expected) => {
    const stream = freshName();
    const events = numbered(2);
    expect(await append(client(), stream, events, expected)).toMatchObject({ success: true, nextExpectedRevision: 1n });
    expect(await idsStored(client(), stream)).toEqual(idsOf(events));
  });

  it.each<AppendExpectedRevision>([0n, 7n, STREAM_EXISTS])('row 2: a new stream is not at %s', async (expected) => {
    await refused(append(client(), freshName(), numbered(1), expected), expected, NO_STREAM);
  });

  it('row 2: a stream that has only metadata exists', async () => {
    const stream = freshName();
    await client().setStreamMetadata(stream, { owner: 'ann' });
    await refused(append(client(), stream, numbered(1), 0n), 0n, NO_STREAM);
    expect(await append(client(), stream, numbered(1), STREAM_EXISTS)).toMatchObject({ nextExpectedRevision: 0n });
  });
};

const exactRevisions = ({ client, append }: Given): void => {
  it('row 3: the current revision appends anything, even ids already in the stream', async () => {
    const events = numbered(2);
    const stream = await streamOf(client(), events);
    expect(await append(client(), stream, events, 1n)).toMatchObject({ nextExpectedRevision: 3n });
    expect(await idsStored(client(), stream)).toEqual([...idsOf(events), ...idsOf(events)]);
  });

  it('row 4: a resend below the current revision succeeds again with the first answer', async () => {
    const stream = await streamOf(client(), numbered(2));
    const batch = numbered(3);
    const first = await append(client(), stream, batch, 1n);
    await append(client(), stream, numbered(1), 4n);
    expect(await append(client(), stream, batch, 1n)).toEqual(first);
    expect(await append(client(), stream, batch.slice(0, 2), 1n)).toMatchObject({ success: true, nextExpectedRevision: 3n });
    expect(await idsStored(client(), stream)).toHaveLength(6);
  });

  it('row 4: also of the first append, at NO_STREAM', async () => {
    const [stream, batch] = [freshName(), numbered(2)];
    const first = await append(client(), stream, batch, NO_STREAM);
    expect(await append(client(), stream, batch, NO_STREAM)).toEqual(first);
    expect(await idsStored(client(), stream)).toEqual(idsOf(batch));
  });

  it('row 5: another event below the current revision is refused', async () => {
    const stream = await streamOf(client(), numbered(3));
    await refused(append(client(), stream, numbered(1), 0n), 0n, 2n);
    await refused(append(client(), stream, numbered(1), NO_STREAM), NO_STREAM, 2n);
    expect(await idsStored(client(), stream)).toHaveLength(3);
  });

  it('row 6: a resend of which a later event differs, is missing or out of order is refused', async () => {
    const batch = numbered(3);
    const [first, second] = batch as [JSONEventData, JSONEventData];
    const stream = await streamOf(client(), batch);
    await refused(append(client(), stream, [first, ...numbered(1)], NO_STREAM), NO_STREAM, 2n);
    await refused(append(client(), stream, [...batch, ...numbered(1)], NO_STREAM), NO_STREAM, 2n);
    await refused(append(client(), stream, [second, first], NO_STREAM), NO_STREAM, 2n);
    expect(await idsStored(client(), stream)).toEqual(idsOf(batch));
  });

  it.each<AppendExpectedRevision>([3n, 1_000n])('row 7: revision %s is above the current one', async (expected) => {
    const stream = await streamOf(client(), numbered(3));
    await refused(append(client(), stream, numbered(1), expected), expected, 2n);
  });
};

const inexactRevisions = ({ client, append }: Given): void => {
  it.each<AppendExpectedRevision>([ANY, STREAM_EXISTS])(
    'row 8: with %s, events stored a moment ago succeed again with the first answer',
    async (expected) => {
      const [stream, batch] = [freshName(), numbered(3)];
      const first = await append(client(), stream, batch, ANY);
      await append(client(), stream, numbered(1), ANY);
      expect(await append(client(), stream, batch, expected)).toEqual(first);
      expect(await idsStored(client(), stream)).toHaveLength(4);
    },
  );

  it('row 8: the same ids in another stream are other events', async () => {
    const batch = numbered(2);
    await streamOf(client(), batch);
    const other = freshName();
    expect(await append(client(), other, batch, ANY)).toMatchObject({ nextExpectedRevision: 1n });
    expect(await idsStored(client(), other)).toEqual(idsOf(batch));
  });

  it.each<AppendExpectedRevision>([ANY, STREAM_EXISTS])('row 9: with %s, events not stored yet are appended', async (expected) => {
    const stream = await streamOf(client(), numbered(2));
    expect(await append(client(), stream, numbered(2), expected)).toMatchObject({ nextExpectedRevision: 3n });
  });

  it.each<AppendExpectedRevision>([ANY, STREAM_EXISTS])(
    'row 10: with %s, a stored event before one that is not is refused',
    async (expected) => {
      const [stored] = numbered(1) as [JSONEventData];
      const stream = await streamOf(client(), [stored]);
      const failure = await failureOf(append(client(), stream, [stored, ...numbered(1)], expected));
      expect(failure).toBeInstanceOf(WrongExpectedVersionError);
      expect(await idsStored(client(), stream)).toEqual([stored.id]);
    },
  );
};

const deletedStreams = ({ client, append }: Given): void => {
  it.each<AppendExpectedRevision>([ANY, NO_STREAM, STREAM_EXISTS, 0n, 5n])(
    'row 11: a tombstoned stream takes nothing, with %s',
    async (expected) => {
      const stream = await streamOf(client(), numbered(1));
      await client().tombstoneStream(stream);
      const failure = await failureOf(append(client(), stream, numbered(1), expected));
      expect(failure).toBeInstanceOf(StreamDeletedError);
      expect(failure).toMatchObject({ streamName: stream });
    },
  );
};

const emptyAppends = ({ client, append }: Given): void => {
  it('an empty append writes nothing and says where the stream is', async () => {
    const stream = await streamOf(client(), numbered(2));
    expect(await append(client(), stream, [], 1n)).toMatchObject({ success: true, nextExpectedRevision: 1n });
    await refused(append(client(), stream, [], 0n), 0n, 1n);
    expect(await idsStored(client(), stream)).toHaveLength(2);
  });
};

serverContract('append table', ({ client }) => {
  describe.each(appendWays)('%s append', (_name, append) => {
    const given = { client, append };
    aNewStream(given);
    exactRevisions(given);
    inexactRevisions(given);
    deletedStreams(given);
    emptyAppends(given);
  });
});
