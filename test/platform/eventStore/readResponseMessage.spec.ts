import { randomUUID } from 'node:crypto';
import type { ResolvedEvent } from '@eventstore/db-client';
import converting from '@eventstore/db-client/dist/utils/convertGrpcEvent.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { describe, expect, it } from '@jest/globals';
import { toRecorded } from '../../../src/platform/eventStore/esdbEvents.ts';
import type { RecordedEvent } from '../../../src/platform/eventStore/eventStore.ts';
import { decodeEvent } from '../../../src/platform/eventStore/readResponseMessage.ts';
import { message } from './scriptedServer.ts';

type Recorded = streams.ReadResp.ReadEvent.RecordedEvent;

const recorded = (change: (recorded: Recorded) => unknown = () => {}): Recorded => {
  const event = new streams.ReadResp.ReadEvent.RecordedEvent().setId(new shared.UUID().setString(randomUUID()));
  event.setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from('account-ü')));
  event.setStreamRevision('300').setCommitPosition('123456').setPreparePosition('123456');
  event.getMetadataMap().set('type', '주문됨-🛒').set('content-type', 'application/json').set('created', '17322000001239999');
  event.setData(Buffer.from('{"by":1,"text":"가 \\u0000"}')).setCustomMetadata(Buffer.from('{"of":"ü"}'));
  change(event);
  return event;
};
const answer = (event: Recorded, around: (event: streams.ReadResp.ReadEvent) => unknown = () => {}): Buffer => {
  const read = new streams.ReadResp.ReadEvent().setEvent(event).setCommitPosition('123456');
  around(read);
  return Buffer.from(new streams.ReadResp().setEvent(read).serializeBinary());
};
const byClient = (bytes: Buffer): RecordedEvent | undefined => {
  const { event } = converting.convertGrpcEvent(
    streams.ReadResp.deserializeBinary(new Uint8Array(bytes)).getEvent() as never,
  ) as ResolvedEvent;
  return event && toRecorded(event);
};

describe('an event is read as the client reads it', () => {
  it.each<[string, (event: Recorded) => unknown]>([
    ['as it usually is', () => {}],
    ['its first revision and position', (event) => event.setStreamRevision('0').setCommitPosition('0').setPreparePosition('0')],
    ['its highest exact revision', (event) => event.setStreamRevision(String(Number.MAX_SAFE_INTEGER))],
    ['a highest exact position', (event) => event.setCommitPosition(String(2 ** 53 - 1)).setPreparePosition(String(2 ** 53 - 1))],
    ['data that is a number', (event) => event.setData(Buffer.from('0'))],
    ['data that is null', (event) => event.setData(Buffer.from('null'))],
    ['much data', (event) => event.setData(Buffer.from(JSON.stringify({ text: '🛒'.repeat(50_000) })))],
    ['the last tick of a millisecond', (event) => event.getMetadataMap().set('created', '17322000009999999')],
    ['the first tick of a millisecond', (event) => event.getMetadataMap().set('created', '17322000010000000')],
    ['other properties', (event) => event.getMetadataMap().set('is-json', 'true')],
  ])('%s', (_, change) => {
    const bytes = answer(recorded(change));
    expect(decodeEvent(bytes)).toBeDefined();
    expect(decodeEvent(bytes)).toEqual(byClient(bytes));
  });

  it('without a position of its own in the answer', () => {
    const bytes = answer(recorded(), (event) => event.clearCommitPosition());
    expect(decodeEvent(bytes)).toEqual(byClient(bytes));
    expect(decodeEvent(bytes)).toBeDefined();
  });
});

describe('is left to the client', () => {
  it.each<[string, (event: Recorded) => unknown]>([
    ['a revision beyond 2^53', (event) => event.setStreamRevision('9007199254740992')],
    ['a position beyond 2^53', (event) => event.setCommitPosition(String(2n ** 63n)).setPreparePosition(String(2n ** 63n))],
    ['two positions that differ', (event) => event.setPreparePosition('123455')],
    ['no stream', (event) => event.clearStreamIdentifier()],
    ['no id', (event) => event.clearId()],
    ['an id in two halves', (event) => event.setId(new shared.UUID().setStructured(new shared.UUID.Structured()))],
    ['no type', (event) => event.getMetadataMap().del('type')],
    ['no time', (event) => event.getMetadataMap().del('created')],
    ['another time', (event) => event.getMetadataMap().set('created', '0x1234567')],
    ['no content type', (event) => event.getMetadataMap().del('content-type')],
    ['data that is not said to be JSON', (event) => event.getMetadataMap().set('content-type', 'application/octet-stream')],
    ['data that is no JSON', (event) => event.setData(Buffer.from('{"by":'))],
    ['no data', (event) => event.setData('')],
    ['no metadata', (event) => event.setCustomMetadata('')],
    ['metadata that is no JSON', (event) => event.setCustomMetadata(Buffer.from([1, 2]))],
  ])('an event with %s', (_, change) => {
    expect(decodeEvent(answer(recorded(change)))).toBeUndefined();
  });

  it('a link, alone or with its event', () => {
    expect(decodeEvent(answer(recorded(), (event) => event.setLink(recorded())))).toBeUndefined();
    expect(decodeEvent(answer(recorded(), (event) => event.setLink(recorded()).clearEvent()))).toBeUndefined();
    expect(decodeEvent(answer(recorded(), (event) => event.clearEvent()))).toBeUndefined();
  });

  it('every other answer', () => {
    const others = [
      message.confirmation(),
      message.caughtUp(),
      message.checkpoint('5'),
      message.notFound('account-a'),
      new streams.ReadResp(),
    ];
    for (const other of others) expect(decodeEvent(Buffer.from(other.serializeBinary()))).toBeUndefined();
  });

  it('an answer that ends too early, wherever, or goes on with something unknown', () => {
    const bytes = answer(recorded());
    for (let length = 0; length < bytes.length; length += 1) expect(decodeEvent(bytes.subarray(0, length))).toBeUndefined();
    for (const more of [[0], [0x10, 1], [0xfa, 1, 0], [0x80]])
      expect(decodeEvent(Buffer.concat([bytes, Buffer.from(more)]))).toBeUndefined();
  });

  it('any answer with a byte changed, unless the client reads the same in it', () => {
    const bytes = answer(recorded());
    for (let at = 0; at < bytes.length; at += 1) {
      for (const change of [1, 2, 8, 64, 128, 255]) {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] as number) ^ change;
        const ours = decodeEvent(changed);
        if (ours !== undefined) expect(ours).toEqual(byClient(changed));
      }
    }
  });
});
