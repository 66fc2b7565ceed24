import {
  ANY,
  BACKWARDS,
  END,
  NO_STREAM,
  STREAM_EXISTS,
  StreamDeletedError,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { ProtoReader, ProtoWriter } from '../../../src/embedded/event-store/transport/protobuf.ts';
import { append, collect, event, events, newFolder, numbersOf, rawCall, startPair, startServer, unaryAppend, wholeLog } from './support.ts';

const STREAMS = '/event_store.client.streams.Streams';
const revisionsOf = (resolved: readonly Readonly<{ event?: { revision: bigint } }>[]): (bigint | undefined)[] =>
  resolved.map(({ event: recorded }) => recorded?.revision);

describe('a stream that was deleted', () => {
  it('reads as not found, both ways, and stays in $all', async () => {
    const { client } = await startPair();
    await append(client, 's', events(3), NO_STREAM);
    await client.deleteStream('s', { expectedRevision: 2n });
    await expect(collect(client.readStream('s'))).rejects.toBeInstanceOf(StreamNotFoundError);
    await expect(collect(client.readStream('s', { direction: BACKWARDS, fromRevision: END }))).rejects.toBeInstanceOf(StreamNotFoundError);
    expect(numbersOf(await wholeLog(client))).toEqual([0, 1, 2]);
  });

  it('answers the position of the event that deletes it', async () => {
    const { client } = await startPair();
    await append(client, 's', events(2), NO_STREAM);
    const soft = await client.deleteStream('s');
    const hard = await client.tombstoneStream('s');
    const log = (await collect(client.readAll())).map((resolved) => resolved.event).slice(-2);
    expect(log).toMatchObject([
      { streamId: '$$s', type: '$metadata', revision: 0n, isJson: true, position: soft.position },
      { streamId: 's', type: '$streamDeleted', revision: 2n ** 63n - 1n, isJson: false, position: hard.position },
    ]);
  });

  it.each([
    ['ANY', ANY],
    ['NO_STREAM', NO_STREAM],
    ['its last revision', 2n],
  ] as const)('comes back with an append at %s, its numbers going on', async (_name, expected) => {
    const { client } = await startPair();
    await append(client, 's', events(3), NO_STREAM);
    await client.deleteStream('s');
    expect(await append(client, 's', [event(3), event(4)], expected)).toMatchObject({ nextExpectedRevision: 4n });
    const read = await collect(client.readStream('s'));
    expect([numbersOf(read), revisionsOf(read)]).toEqual([
      [3, 4],
      [3n, 4n],
    ]);
    expect(numbersOf(await collect(client.readStream('s', { direction: BACKWARDS, fromRevision: END })))).toEqual([4, 3]);
    const written = (await collect(client.readAll())).filter(({ event: recorded }) => recorded?.streamId === '$$s');
    expect(written.map(({ event: recorded }) => recorded?.data)).toEqual([{ $tb: Number(2n ** 63n - 1n) }, { $tb: 3 }]);
  });

  it.each([
    ['BatchAppend', append],
    ['Append', unaryAppend],
  ])('is deleted, not gone, for %s with STREAM_EXISTS', async (_name, appendTo) => {
    const { client } = await startPair();
    await append(client, '계좌', events(3), NO_STREAM);
    await client.deleteStream('계좌');
    await expect(appendTo(client, '계좌', event(3), STREAM_EXISTS)).rejects.toBeInstanceOf(StreamDeletedError);
    await expect(appendTo(client, '계좌', event(3), 1n)).rejects.toMatchObject({ expectedVersion: 1n, actualVersion: 2n });
  });

  it('comes back empty with new metadata, all of which count', async () => {
    const { client } = await startPair();
    await append(client, 's', events(3), NO_STREAM);
    await client.setStreamMetadata('s', { maxCount: 50, colour: 'red' });
    await client.deleteStream('s');
    await client.setStreamMetadata('s', { maxCount: 2 });
    expect(await collect(client.readStream('s'))).toEqual([]);
    expect((await client.getStreamMetadata('s')).metadata).toEqual({ maxCount: 2, truncateBefore: 3 });
    await append(client, 's', events(3), 2n);
    expect(numbersOf(await collect(client.readStream('s')))).toEqual([1, 2]);
  });

  it('can be deleted again and again', async () => {
    const { client } = await startPair();
    await append(client, 's', event(0), NO_STREAM);
    for (let n = 1; n < 4; n++) {
      await client.deleteStream('s');
      await client.deleteStream('s', { expectedRevision: BigInt(n - 1) });
      await expect(collect(client.readStream('s'))).rejects.toBeInstanceOf(StreamNotFoundError);
      await append(client, 's', event(n), NO_STREAM);
      expect(numbersOf(await collect(client.readStream('s')))).toEqual([n]);
    }
  });
});

describe('a deletion', () => {
  it('needs the right revision', async () => {
    const { client } = await startPair();
    await append(client, 's', events(3), NO_STREAM);
    for (const remove of ['deleteStream', 'tombstoneStream'] as const) {
      const wrong = { streamName: 's', expectedVersion: 1n, actualVersion: 2n };
      await expect(client[remove]('s', { expectedRevision: 1n })).rejects.toMatchObject(wrong);
      await expect(client[remove]('s', { expectedRevision: 1n })).rejects.toBeInstanceOf(WrongExpectedVersionError);
      await expect(client[remove]('s', { expectedRevision: NO_STREAM })).rejects.toMatchObject({ ...wrong, expectedVersion: -1n });
      await expect(client[remove]('none', { expectedRevision: 0n })).rejects.toMatchObject({ streamName: 'none', actualVersion: -1n });
    }
    // The client's types leave out what its code and the protocol have.
    const expectedRevision = STREAM_EXISTS as unknown as bigint;
    await expect(client.tombstoneStream('none', { expectedRevision })).rejects.toMatchObject({ expectedVersion: -4n });
    await expect(client.deleteStream('none')).rejects.toMatchObject({ expectedVersion: -2n, actualVersion: -1n });
    expect(numbersOf(await collect(client.readStream('s')))).toEqual([0, 1, 2]);
  });

  it('takes STREAM_EXISTS, which the client of npm cannot say', async () => {
    const { server, client } = await startPair();
    const request = (stream: string): Buffer =>
      new ProtoWriter().message(1, (options) => options.message(1, (identifier) => identifier.string(3, stream)).empty(5)).take();
    expect((await rawCall(server, `${STREAMS}/Delete`, request('s'))).trailers).toMatchObject({
      'grpc-status': '9',
      exception: 'wrong-expected-version',
      'expected-version': '-4',
      'actual-version': '-1',
    });
    await append(client, 's', events(3), NO_STREAM);
    const { status, messages } = await rawCall(server, `${STREAMS}/Delete`, request('s'));
    const answer = new ProtoReader(messages[0] as Buffer);
    expect([status, answer.next(), answer.field]).toEqual([0, true, 1]);
    const again = await rawCall(server, `${STREAMS}/Delete`, request('s'));
    expect(again.trailers).toMatchObject({ 'grpc-status': '9', exception: 'stream-deleted', 'stream-name': 's' });
  });

  it('that is none is refused, and writes nothing', async () => {
    const server = await startServer();
    const options = (stream: string) => (message: ProtoWriter) => message.message(1, (identifier) => identifier.string(3, stream)).empty(4);
    const bad = [Buffer.alloc(0), new ProtoWriter().message(1, options('')).take(), new ProtoWriter().message(1, options('$all')).take()];
    for (const method of ['Delete', 'Tombstone']) {
      expect((await rawCall(server, `${STREAMS}/${method}`)).status).toBe(3);
      for (const message of bad) expect((await rawCall(server, `${STREAMS}/${method}`, message)).status).toBe(3);
    }
  });
});

describe('a tombstone', () => {
  it('can be the first event of a stream, and is the last', async () => {
    const { client } = await startPair();
    await client.tombstoneStream('never', { expectedRevision: NO_STREAM });
    await expect(collect(client.readStream('never'))).rejects.toBeInstanceOf(StreamDeletedError);
    await expect(append(client, 'never', event(0), NO_STREAM)).rejects.toBeInstanceOf(StreamDeletedError);
    expect((await wholeLog(client)).map(({ event: recorded }) => recorded?.type)).toEqual(['$streamDeleted']);
  });

  it.each(['s', '계좌-1', ' blanks ', '100%'])('ends the stream %j for everything, its metadata too', async (stream) => {
    const { client } = await startPair();
    await append(client, stream, events(3), NO_STREAM);
    await client.setStreamMetadata(stream, { maxCount: 2 });
    await client.tombstoneStream(stream, { expectedRevision: 2n });
    for (const expected of [ANY, NO_STREAM, STREAM_EXISTS, 2n] as const) {
      await expect(append(client, stream, event(3), expected)).rejects.toMatchObject({ type: 'stream-deleted', streamName: stream });
      await expect(unaryAppend(client, stream, event(3), expected)).rejects.toBeInstanceOf(StreamDeletedError);
    }
    await expect(append(client, stream, [], ANY)).rejects.toBeInstanceOf(StreamDeletedError);
    await expect(collect(client.readStream(stream, { direction: BACKWARDS, fromRevision: END }))).rejects.toBeInstanceOf(
      StreamDeletedError,
    );
    await expect(client.deleteStream(stream)).rejects.toBeInstanceOf(StreamDeletedError);
    await expect(client.tombstoneStream(stream)).rejects.toBeInstanceOf(StreamDeletedError);
    await expect(client.setStreamMetadata(stream, { maxCount: 5 })).rejects.toBeInstanceOf(StreamDeletedError);
    await expect(client.getStreamMetadata(stream)).rejects.toBeInstanceOf(StreamDeletedError);
    expect(numbersOf(await wholeLog(client)).slice(0, 3)).toEqual([0, 1, 2]);
  });

  it('holds over a restart, as softer deletions do', async () => {
    const dataDir = newFolder();
    const { server, client } = await startPair({ dataDir });
    for (const stream of ['hard', 'soft', 'back']) await append(client, stream, events(3), NO_STREAM);
    await client.tombstoneStream('hard');
    await client.deleteStream('soft');
    await client.deleteStream('back');
    await append(client, 'back', event(3), ANY);
    await server.stop();
    const again = await startPair({ dataDir });
    await expect(append(again.client, 'hard', event(3), ANY)).rejects.toBeInstanceOf(StreamDeletedError);
    await expect(collect(again.client.readStream('soft'))).rejects.toBeInstanceOf(StreamNotFoundError);
    expect(await append(again.client, 'soft', event(3), 2n)).toMatchObject({ nextExpectedRevision: 3n });
    expect(numbersOf(await collect(again.client.readStream('soft')))).toEqual([3]);
    expect(numbersOf(await collect(again.client.readStream('back')))).toEqual([3]);
  });
});
