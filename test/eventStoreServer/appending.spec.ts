import {
  ANY,
  binaryEvent,
  DeadlineExceededError,
  type EventStoreDBClient,
  jsonEvent,
  MaxAppendSizeExceededError,
  NO_STREAM,
  STREAM_EXISTS,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { describe, expect, it, jest } from '@jest/globals';
import { type Append, appendWays, batchAppend, unaryAppend } from './appendWays.ts';
import { collect, failureOf, freshName, idsIn, idsOf, numbered, serverContract } from './support.ts';

/** Data of one append at most, in bytes, unless the operator of the server said otherwise. */
const APPEND_DATA_BYTES_MAX = 1_048_576;

const stored = async (client: EventStoreDBClient, stream: string) =>
  collect(client.readStream(stream)).catch((error: unknown) => {
    if (error instanceof StreamNotFoundError) return [];
    throw error;
  });

const answers = (client: () => EventStoreDBClient, append: Append): void => {
  it('answers with the revision and position of the last event', async () => {
    const stream = freshName();
    const first = await append(client(), stream, numbered(3), NO_STREAM);
    const second = await append(client(), stream, numbered(2), 2n);
    const read = await stored(client(), stream);
    expect(first).toEqual({ success: true, nextExpectedRevision: 2n, position: read[2]?.event?.position });
    expect(second).toEqual({ success: true, nextExpectedRevision: 4n, position: read[4]?.event?.position });
  });

  it('gives positions that only grow, commit and prepare alike', async () => {
    const streams = [freshName(), freshName()];
    const results = [];
    for (let turn = 0; turn < 6; turn++) results.push(await append(client(), streams[turn % 2] as string, numbered(2), ANY));
    const commits = results.map(({ position }) => position?.commit as bigint);
    expect([...commits].sort((a, b) => (a < b ? -1 : 1))).toEqual(commits);
    expect(new Set(commits).size).toBe(6);
    expect(results.every(({ position }) => position?.commit === position?.prepare)).toBe(true);
  });

  it('says what was expected and what is there when the revision is wrong', async () => {
    const stream = freshName('계좌');
    await append(client(), stream, numbered(2), NO_STREAM);
    const failure = await failureOf(append(client(), stream, numbered(1), NO_STREAM));
    expect(failure).toBeInstanceOf(WrongExpectedVersionError);
    expect(failure).toMatchObject({
      type: 'wrong-expected-version',
      streamName: stream,
      expectedVersion: NO_STREAM,
      actualVersion: 1n,
    });
    const missing = freshName();
    expect(await failureOf(append(client(), missing, numbered(1), STREAM_EXISTS))).toMatchObject({
      streamName: missing,
      expectedVersion: STREAM_EXISTS,
      actualVersion: NO_STREAM,
    });
  });

  it('writes all events of an append or none', async () => {
    const stream = freshName();
    const big = binaryEvent({ type: 'Big', data: new Uint8Array(APPEND_DATA_BYTES_MAX) });
    await expect(append(client(), stream, [...numbered(5), big], NO_STREAM)).rejects.toBeInstanceOf(MaxAppendSizeExceededError);
    expect(await stored(client(), stream)).toEqual([]);
  });

  it('takes 1,048,576 bytes of data and not one more, in one event or several', async () => {
    const bytes = (count: number) => binaryEvent({ type: 'Big', data: new Uint8Array(count).fill(7) });
    const [one, two, over] = [freshName(), freshName(), freshName()];
    expect(await append(client(), one, bytes(APPEND_DATA_BYTES_MAX), NO_STREAM)).toMatchObject({ nextExpectedRevision: 0n });
    const halves = [bytes(APPEND_DATA_BYTES_MAX / 2), bytes(APPEND_DATA_BYTES_MAX / 2)];
    expect(await append(client(), two, halves, NO_STREAM)).toMatchObject({ nextExpectedRevision: 1n });
    for (const events of [[bytes(APPEND_DATA_BYTES_MAX + 1)], [...halves, bytes(1)]]) {
      const failure = await failureOf(append(client(), over, events, NO_STREAM));
      expect(failure).toBeInstanceOf(MaxAppendSizeExceededError);
      expect(failure).toMatchObject({ type: 'maximum-append-size-exceeded', maxAppendSize: APPEND_DATA_BYTES_MAX });
    }
    expect(await stored(client(), over)).toEqual([]);
    const [whole] = await stored(client(), one);
    expect(whole?.event?.data).toHaveLength(APPEND_DATA_BYTES_MAX);
  });

  it('counts data only: metadata goes beside it', async () => {
    const data = { text: 'x'.repeat(APPEND_DATA_BYTES_MAX - 11) };
    const event = jsonEvent({ type: 'Big', data, metadata: { note: 'y'.repeat(1_000) } });
    expect(await append(client(), freshName(), event, NO_STREAM)).toMatchObject({ success: true });
  });

  it('takes five thousand events in one append', async () => {
    const [stream, events] = [freshName(), numbered(5_000)];
    expect(await append(client(), stream, events, NO_STREAM)).toMatchObject({ nextExpectedRevision: 4_999n });
    expect(idsIn(await stored(client(), stream))).toEqual(idsOf(events));
  });
};

const failureResults = (connect: (url?: string) => EventStoreDBClient, url: () => string, append: Append): void => {
  it('with throwOnAppendFailure=false a wrong revision is a result, and nothing is written', async () => {
    const client = connect(url());
    const stream = freshName();
    expect(await append(client, stream, numbered(3), NO_STREAM)).toMatchObject({ success: true, nextExpectedRevision: 2n });
    const result = await append(client, stream, numbered(1), NO_STREAM);
    expect(result.success).toBe(false);
    expect(result.nextExpectedRevision).toBeGreaterThanOrEqual(1n);
    expect(result.position).toBeUndefined();
    expect(await append(client, freshName(), numbered(1), 4n)).toMatchObject({ success: false, nextExpectedRevision: -1n });
    expect(await stored(client, stream)).toHaveLength(3);
  });
};

serverContract('appending', ({ client, connect, url }) => {
  describe.each(appendWays)('%s append', (_name, append) => {
    answers(client, append);
    failureResults(connect, () => url({ options: 'throwOnAppendFailure=false' }), append);
  });

  it('goes over the batch call, and over the unary one when credentials come with it', async () => {
    const streamCreator = jest.spyOn(client() as unknown as { GRPCStreamCreator: () => unknown }, 'GRPCStreamCreator');
    const stream = freshName();
    await batchAppend(client(), stream, numbered(1), NO_STREAM);
    expect(streamCreator).toHaveBeenCalledTimes(1);
    await unaryAppend(client(), stream, numbered(1), 0n);
    expect(streamCreator).toHaveBeenCalledTimes(1);
    streamCreator.mockRestore();
    expect(await stored(client(), stream)).toHaveLength(2);
  });

  it('expects nothing of the stream unless told', async () => {
    const stream = freshName();
    await client().appendToStream(stream, numbered(2));
    expect(await client().appendToStream(stream, numbered(1))).toMatchObject({ nextExpectedRevision: 2n });
  });

  it('joins an append that comes in many chunks, and refuses one of them as a whole', async () => {
    const [stream, events] = [freshName(), numbered(2_000)];
    await client().appendToStream(stream, events, { expectedRevision: NO_STREAM, batchAppendSize: 1_024 });
    expect(idsIn(await stored(client(), stream))).toEqual(idsOf(events));
    const refused = client().appendToStream(stream, numbered(500), { expectedRevision: NO_STREAM, batchAppendSize: 1_024 });
    await expect(refused).rejects.toBeInstanceOf(WrongExpectedVersionError);
    expect(await stored(client(), stream)).toHaveLength(2_000);
  });

  it('ends an append whose deadline has passed before it was read', async () => {
    const stream = freshName();
    const late = client().appendToStream(stream, numbered(5_000), { expectedRevision: NO_STREAM, deadline: 1 });
    await expect(late).rejects.toBeInstanceOf(DeadlineExceededError);
    const unary = { expectedRevision: NO_STREAM, deadline: 1, credentials: { username: 'admin', password: 'changeit' } } as const;
    await expect(client().appendToStream(freshName(), numbered(5_000), unary)).rejects.toBeInstanceOf(DeadlineExceededError);
    expect(await stored(client(), stream)).toEqual([]);
  });

  it('refuses an event id that is no UUID, and goes on', async () => {
    const bad = { ...(numbered(1)[0] as ReturnType<typeof jsonEvent>), id: 'no-uuid' };
    await expect(batchAppend(client(), freshName(), bad, NO_STREAM)).rejects.toThrow();
    expect(await batchAppend(client(), freshName(), numbered(1), NO_STREAM)).toMatchObject({ success: true });
  });
});
