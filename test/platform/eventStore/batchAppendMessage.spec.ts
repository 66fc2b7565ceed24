import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { describe, expect, it } from '@jest/globals';
import timestamps from 'google-protobuf/google/protobuf/timestamp_pb.js';
import { encodeAppend } from '../../../src/platform/eventStore/appendRequest.ts';
import { type BatchAppend, encodeBatchAppend } from '../../../src/platform/eventStore/batchAppendMessage.ts';
import { type NewEvent, NO_STREAM } from '../../../src/platform/eventStore/eventStore.ts';
import { event, eventsOf } from './contractSupport.ts';

const usual = {
  correlationId: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
  stream: Buffer.from('account-1'),
  expected: 7n,
  deadline: { seconds: 1_732_200_000, nanos: 123_000_000 },
};

const append = (changes: Partial<BatchAppend>, events: readonly NewEvent[] = eventsOf(1)): BatchAppend => ({
  ...usual,
  events: encodeAppend('account-1', events, 0n).encoded,
  ...changes,
});

/** The same append by the generated code that the client uses. */
const byGeneratedCode = ({ correlationId, stream, expected, deadline, events }: BatchAppend): Buffer => {
  const options = new streams.BatchAppendReq.Options();
  options.setStreamIdentifier(new shared.StreamIdentifier().setStreamName(stream));
  options.setDeadline(new timestamps.Timestamp().setSeconds(deadline.seconds).setNanos(deadline.nanos));
  if (expected === NO_STREAM) options.setNoStream(new shared.Empty() as never);
  else options.setStreamPosition(String(expected));
  const request = new streams.BatchAppendReq().setCorrelationId(new shared.UUID().setString(correlationId)).setOptions(options);
  for (const { id, type, data, metadata } of events) {
    const proposed = new streams.BatchAppendReq.ProposedMessage().setId(new shared.UUID().setString(id));
    proposed.getMetadataMap().set('type', type).set('content-type', 'application/json');
    request.addProposedMessages(proposed.setData(Buffer.from(data)).setCustomMetadata(Buffer.from(metadata)));
  }
  return Buffer.from(request.setIsFinal(true).serializeBinary());
};

const expectTheSame = (given: BatchAppend) => expect(encodeBatchAppend(given).equals(byGeneratedCode(given))).toBe(true);

describe('a batch append as bytes is what the generated code makes of it', () => {
  it.each([NO_STREAM, 0n, 1n, 127n, 128n, 2n ** 31n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 64n - 1n])(
    'expecting revision %s',
    (expected) => {
      expectTheSame(append({ expected }));
    },
  );

  it.each([1, 2, 127, 128, 400, 16_383, 16_384])('with a stream name of %d bytes', (length) => {
    expectTheSame(append({ stream: Buffer.alloc(length, 'ü') }));
  });

  it.each([1, 2, 3, 64, 256])('with %d events', (count) => {
    expectTheSame(append({}, eventsOf(count)));
  });

  // Around the lengths at which a varint grows, those of the messages around the text included.
  it.each([0, 60, 100, 110, 120, 127, 128, 300, 16_200, 16_383, 16_384, 200_000])('with %d characters of data', (length) => {
    for (const character of ['x', '가', '🛒', '\ud800', '"\u0000']) {
      const type = `T${character.repeat(Math.min(length, 150)).toWellFormed()}`;
      const { encoded: events } = encodeAppend(
        'account-1',
        [event(type, { text: 'x'.repeat(length) }), event('Next', character.repeat(length / 10))],
        0n,
      );
      expectTheSame(append({ events }));
    }
  });

  it.each([
    { seconds: 0, nanos: 0 },
    { seconds: 0, nanos: 1_000_000 },
    { seconds: 127, nanos: 999_000_000 },
    { seconds: 2 ** 32 + 5, nanos: 0 },
    { seconds: 253_402_300_799, nanos: 127 },
  ])('with deadline %j', (deadline) => {
    expectTheSame(append({ deadline }));
  });
});

it('an id of another length than a UUID is not written', () => {
  for (const correlationId of ['', 'short', `${usual.correlationId}x`])
    expect(() => encodeBatchAppend(append({ correlationId }))).toThrow(/bounds|counted/);
});
