import { randomUUID } from 'node:crypto';
import { EventStoreDBClient, type JSONType, jsonEvent } from '@eventstore/db-client';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streamsService from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { describe, expect, it } from '@jest/globals';
import timestamps from 'google-protobuf/google/protobuf/timestamp_pb.js';
import { AppendEncoding } from '../../../src/platform/eventStore/appendEncoding.ts';
import { encodeAppend } from '../../../src/platform/eventStore/appendRequest.ts';
import { shutDown } from '../../../src/platform/eventStore/clientGuard.ts';
import { createEsdbEventStore } from '../../../src/platform/eventStore/esdbEventStore.ts';
import { AppendInDoubt, type NewEvent, NO_STREAM, StoreUnavailable } from '../../../src/platform/eventStore/eventStore.ts';
import { startTestEventStore } from '../../support/eventStore.ts';
import { event, eventsOf, freshStream } from './contract.ts';
import { appendOne, failureOf, server, store, waitAsUsual, warnings } from './hazards.ts';

const otherShape = 'the event store client is not as expected: it encodes appends itself, slower';

const clientEvent = ({ id, type, data, metadata }: NewEvent) => jsonEvent({ id, type, data: data as JSONType, metadata });

const batches = [
  eventsOf(1),
  eventsOf(40),
  [event('주문됨-🛒', { 이름: '가나다 🛒', none: null, list: [1, { deep: true }], text: 'a\u0000b\n"\\', half: '\ud800' })],
  [event('Text', 'only text'), event('Null', null), event('Nothing', {}), event('Big', { text: 'x'.repeat(400_000) })],
];

describe('appends in our own encoding', () => {
  it('say what the client says of the same events: ids, types, content types, data, metadata and the revision', async () => {
    await waitAsUsual();
    const requests: streams.BatchAppendReq[] = [];
    server.script.append = ({ request, answer }) => {
      requests.push(request);
      answer({ revision: '9', position: '9' });
    };
    // Another client, whose encoding nobody touches.
    const client = EventStoreDBClient.connectionString(server.url);
    await appendOne();
    for (const batch of batches) {
      for (const expected of [NO_STREAM, 0n, 300n]) {
        const expectedRevision = expected === NO_STREAM ? 'no_stream' : expected;
        await client.appendToStream('account-ü가', batch.map(clientEvent), { expectedRevision, deadline: 3_000 });
        await store.append('account-ü가', batch, expected);
        const [one, two] = requests.slice(-2).map((request) => request.toObject());
        expect(two?.correlationId?.string).toMatch(/^[0-9a-f-]{36}$/);
        expect(two?.correlationId).not.toEqual(one?.correlationId);
        const time = (request: typeof one) => (request?.options?.deadline?.seconds ?? 0) + (request?.options?.deadline?.nanos ?? 0) / 1e9;
        expect(Math.abs(time(two) - time(one))).toBeLessThan(2);
        const rest = { correlationId: undefined, deadline: undefined };
        expect({ ...two, ...rest, options: { ...two?.options, ...rest } }).toEqual({
          ...one,
          ...rest,
          options: { ...one?.options, ...rest },
        });
      }
    }
    await shutDown(client, 200);
    expect(warnings).toEqual([]);
  });

  it('are read back as those in the encoding of the client, from the embedded server', async () => {
    const { url, stop } = await startTestEventStore();
    await store.close();
    const own = createEsdbEventStore(url);
    const client = EventStoreDBClient.connectionString(url);
    const read = async (stream: string) => {
      const events = [];
      for await (const { event } of client.readStream(stream)) events.push(event);
      return events.map((recorded) => ({ ...recorded, streamId: '', position: undefined, created: undefined }));
    };
    await own.append(freshStream(), eventsOf(1), NO_STREAM);
    for (const batch of batches) {
      const [theirs, ours] = [freshStream(), freshStream()];
      await client.appendToStream(theirs, batch.map(clientEvent), { expectedRevision: 'no_stream' });
      await own.append(ours, batch, NO_STREAM);
      await own.append(ours, batch, BigInt(batch.length - 1));
      await client.appendToStream(theirs, batch.map(clientEvent), { expectedRevision: BigInt(batch.length - 1) });
      expect(await read(ours)).toEqual(await read(theirs));
    }
    await Promise.all([own.close(), shutDown(client, 200)]);
    await stop();
  });
});

describe('a client of another shape keeps its own encoding', () => {
  const given = (): { encoding: AppendEncoding; refusals: () => number } => {
    let refusals = 0;
    const count = () => {
      refusals += 1;
    };
    return { encoding: new AppendEncoding(count), refusals: () => refusals };
  };
  const { encoded } = encodeAppend('account-1', eventsOf(2), 0n);

  /** A batch call that only serialises what is written to it; `serialize` is the client's own. */
  const stubOf = (serialize = streamsService.StreamsService.batchAppend.requestSerialize) => ({
    batchAppend: Object.assign(() => {}, { path: '/', requestSerialize: serialize, responseDeserialize: () => {} }),
    makeBidiStreamRequest: (_: string, used: typeof serialize) => used,
  });
  const serializer = (encoding: AppendEncoding, stub = stubOf()) =>
    (encoding.around(stub) as { batchAppend: () => (message: streams.BatchAppendReq) => Buffer }).batchAppend();

  const request = () => {
    const options = new streams.BatchAppendReq.Options().setStreamPosition('4').setDeadline(timestamps.Timestamp.fromDate(new Date()));
    options.setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from('account-1')));
    const proposed = new streams.BatchAppendReq.ProposedMessage().setId(new shared.UUID().setString(randomUUID()));
    proposed.getMetadataMap().set('type', 'Counted').set('content-type', 'application/json');
    proposed.setData(Buffer.from('{}')).setCustomMetadata(Buffer.from('{"of":1}'));
    const message = new streams.BatchAppendReq().setOptions(options).setCorrelationId(new shared.UUID().setString(randomUUID()));
    return message.addProposedMessages(proposed) && message.setIsFinal(true);
  };

  it('the client at hand has the expected shape', () => {
    const { encoding, refusals } = given();
    const message = request();
    expect(serializer(encoding)(message)).toEqual(Buffer.from(message.serializeBinary()));
    expect(encoding.isProven).toBe(true);
    expect(refusals()).toBe(0);
  });

  it.each([{}, { batchAppend: () => {} }, { ...stubOf(), makeBidiStreamRequest: undefined }])(
    'that opens its calls otherwise: %j',
    (stub) => {
      const { encoding, refusals } = given();
      expect(encoding.around(stub)).toBe(stub);
      expect(serializer(encoding)(request()).length).toBeGreaterThan(0);
      expect([encoding.isProven, refusals()]).toEqual([false, 1]);
    },
  );

  it.each<[string, (message: streams.BatchAppendReq) => unknown]>([
    ['other fields', (message) => message.setIsFinal(false)],
    ['other content types', (message) => message.getProposedMessagesList()[0]?.getMetadataMap().set('content-type', 'text/plain')],
    ['no type', (message) => message.getProposedMessagesList()[0]?.getMetadataMap().del('type')],
    ['no deadline', (message) => message.getOptions()?.clearDeadline()],
    [
      'another kind of id',
      (message) => message.getCorrelationId()?.setStructured(new shared.UUID.Structured().setLeastSignificantBits('1')),
    ],
  ])('that sends %s: its bytes go as they are', (_, change) => {
    const { encoding, refusals } = given();
    const message = request();
    change(message);
    expect(serializer(encoding)(message)).toEqual(Buffer.from(message.serializeBinary()));
    expect([encoding.isProven, refusals()]).toEqual([false, 1]);
  });

  it('that puts the revision somewhere else: an append that is carried becomes no bytes, and none is carried afterwards', () => {
    const { encoding, refusals } = given();
    serializer(encoding)(request());
    const carried = encoding.carried(encoded, 4n) as unknown as { toString: (radix: number) => string };
    const unary = new streams.AppendReq().setOptions(new streams.AppendReq.Options().setRevision(carried.toString(10)));
    expect(() => unary.serializeBinary()).toThrow('only carries');
    expect([encoding.isProven, refusals()]).toEqual([false, 1]);
  });

  it('a server that has lost its batch appends is never sent another append than the one asked for', async () => {
    await waitAsUsual();
    await appendOne();
    server.crash();
    server.script.features = () => 'no batch appends';
    await server.listen();
    const [before, batch] = [server.seen.appends, eventsOf(2)];
    const ends: unknown[] = [];
    while (ends.length < 50 && server.unary.length < 2) ends.push(await failureOf(store.append(freshStream(), batch, NO_STREAM)));
    expect(ends.every((end) => end instanceof AppendInDoubt || end instanceof StoreUnavailable)).toBe(true);
    expect(server.seen.appends).toBe(before);
    const ids = batch.map(({ id }) => id);
    expect(server.unary).toEqual([ids, ids]);
    expect(warnings).toContain(otherShape);
  });
});
