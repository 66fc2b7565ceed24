import { Transform } from 'node:stream';
import { binaryEvent, EventStoreDBClient, jsonEvent, NO_STREAM as NO_STREAM_YET, type ResolvedEvent } from '@eventstore/db-client';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { describe, expect, it } from '@jest/globals';
import { shutDown } from '../../../src/platform/eventStore/clientGuard.ts';
import { createEsdbEventStore } from '../../../src/platform/eventStore/esdbEventStore.ts';
import { toRecorded } from '../../../src/platform/eventStore/esdbEvents.ts';
import { EventDecoding, recordedIn } from '../../../src/platform/eventStore/eventDecoding.ts';
import type { RecordedEvent } from '../../../src/platform/eventStore/eventStore.ts';
import { startTestEventStore } from '../../support/eventStore.ts';
import { collect, freshStream } from './contract.ts';
import { count, eventsIn } from './contractSupport.ts';
import { message } from './scriptedServer.ts';

it('reads and subscriptions give what the client alone gives of the same log, be it JSON or not', async () => {
  const { url, stop } = await startTestEventStore();
  const store = createEsdbEventStore(url);
  const client = EventStoreDBClient.connectionString(url);
  const stream = freshStream();
  const metadata = { of: 'ü' };
  const some = () => [
    jsonEvent({ type: 'Text', data: { text: '가나다 🛒 \u0000', list: [1, null] }, metadata }),
    jsonEvent({ type: 'Bare', data: 'only text' }),
    binaryEvent({ type: 'Bytes', data: Uint8Array.of(0, 255, 1), metadata: Uint8Array.of(1, 2) }),
    jsonEvent({ type: 'Null', data: null as never, metadata }),
  ];
  await client.appendToStream(stream, [...some(), ...some(), ...some()], { expectedRevision: NO_STREAM_YET });
  const theirs: RecordedEvent[] = [];
  for await (const { event } of client.readStream(stream)) if (event !== undefined) theirs.push(toRecorded(event));
  expect(theirs).toHaveLength(12);
  const types = ['Text', 'Bare', 'Bytes', 'Null'];
  // Once before there is trust, and again with it.
  for (let round = 0; round < 2; round += 1) {
    expect(await store.readStream(stream, 0n, { maxCount: 100 })).toEqual(theirs);
    expect(eventsIn(await collect(store, { after: null, types }, count(12)))).toEqual(theirs);
    expect(eventsIn(await collect(store, { after: null }, count(12)))).toEqual(theirs);
  }
  await Promise.all([store.close(), shutDown(client, 200)]);
  await stop();
});

describe('the decoding of events', () => {
  type Convert = (answer: streams.ReadResp) => unknown;
  const { deserializeBinary } = streams.ReadResp;
  const asTheClient: Convert = (answer) => {
    const event = answer.getEvent()?.getEvent();
    const [commit, prepare] = [BigInt(event?.getCommitPosition() ?? 0), BigInt(event?.getPreparePosition() ?? 0)];
    const place = { streamId: 'account-a', revision: BigInt(event?.getStreamRevision() ?? 0), position: { commit, prepare } };
    const id = event?.getId()?.getString() ?? '';
    return (
      event && {
        event: { id, type: 'Counted', isJson: true, data: { by: 1 }, metadata: { of: 1 }, created: new Date(1_700_000_000_000), ...place },
      }
    );
  };
  const bytesOf = (position: string): Buffer => {
    const answer = message.event('account-a', '7', position);
    answer.getEvent()?.getEvent()?.setCustomMetadata(Buffer.from('{"of":1}'));
    return Buffer.from(answer.serializeBinary());
  };

  /** A reading that gets what a call of the stub received, and how often the decoding was refused. */
  const given = (convert: Convert = asTheClient, stub?: object) => {
    let refusals = 0;
    const decoding = new EventDecoding(() => {
      refusals += 1;
    });
    const read = Object.assign(() => {}, {
      path: '/',
      requestSerialize: () => {},
      responseDeserialize: (bytes: Buffer) => deserializeBinary(bytes),
    });
    const usual = { read, makeServerStreamRequest: (_path: string, _serialize: unknown, used: (bytes: Buffer) => object) => used };
    const around = decoding.around(stub ?? usual) as { read: () => (bytes: Buffer) => object };
    const transform = (answer: streams.ReadResp, _: unknown, done: (error: null, event: unknown) => void) => done(null, convert(answer));
    const reading = new Transform({ objectMode: true, transform });
    const take = (bytes: Buffer): RecordedEvent | undefined => {
      reading.write(around.read()(bytes));
      return recordedIn(reading.read() as ResolvedEvent);
    };
    return { decoding, reading, around, take, refusals: () => refusals };
  };

  it('is trusted once it read an event as the client did, and leaves to the client what is no plain event', () => {
    const { decoding, reading, take, refusals } = given();
    decoding.attach(reading);
    const positions = ['5', String(2n ** 53n), '6', '7', String(2n ** 60n)];
    expect(positions.map((position) => take(bytesOf(position))?.position)).toEqual(positions.map(BigInt));
    expect([decoding.isProven, refusals()]).toEqual([true, 0]);
  });

  it.each<[string, Convert]>([
    ['reads other data', (answer) => ({ event: { ...(asTheClient(answer) as { event: object }).event, data: { by: 2 } } })],
    ['reads another time', (answer) => ({ event: { ...(asTheClient(answer) as { event: object }).event, created: new Date(0) } })],
    ['leaves out the event', () => ({})],
    ['gives something else', () => 'text'],
  ])('is refused when the client %s: what the client reads is given', (_, convert) => {
    const { decoding, reading, take, refusals } = given(convert);
    decoding.attach(reading);
    const theirs = () => recordedIn(convert(deserializeBinary(bytesOf('5'))) as ResolvedEvent);
    for (let i = 0; i < 3; i += 1) expect({ ...take(bytesOf('5')), id: '' }).toEqual({ ...theirs(), id: '' });
    expect([decoding.isProven, refusals()]).toEqual([false, 1]);
  });

  it.each([{}, { read: () => {} }])('is refused when the client opens its calls otherwise: %j', (stub) => {
    const { decoding, around, refusals } = given(asTheClient, stub);
    expect(around).toBe(stub);
    expect(decoding.attach(stub)).toBe(stub);
    expect([decoding.isProven, refusals()]).toEqual([false, 1]);
  });

  it('never passes over an event: a reading that was not attached is an error', () => {
    const { decoding, reading, take, around } = given();
    decoding.attach(reading);
    take(bytesOf('5'));
    const answer = around.read()(bytesOf('6')) as streams.ReadResp;
    expect(() => answer.hasEvent()).toThrow('not attached');
  });
});
