import type { BatchAppendReq } from '@eventstore/db-client/generated/streams_pb.js';
import type { EncodedEvent } from './appendRequest.ts';
import { encodeBatchAppend } from './batchAppendMessage.ts';
import { NO_STREAM, type Revision } from './eventStore.ts';
import { Trust } from './trust.ts';

type Serialize = (message: BatchAppendReq) => Buffer;
type Call = (...args: unknown[]) => unknown;
/** The generated client of the streams service, as far as it is used here. */
type Stub = {
  batchAppend: Call & { path: string; requestSerialize: Serialize; responseDeserialize: unknown };
  makeBidiStreamRequest: Call;
};

/**
 * An append that goes through the client without its events: in the place of the expected revision, of which
 * the client asks the text and keeps what it is given. Only the serializer below can make bytes of it.
 * Anywhere else the generated code asks for its length, and gets an error: so it never becomes another append.
 */
class CarriedAppend {
  readonly events: readonly EncodedEvent[];
  readonly expected: Revision;
  private readonly misread: () => void;

  constructor(events: readonly EncodedEvent[], expected: Revision, misread: () => void) {
    this.events = events;
    this.expected = expected;
    this.misread = misread;
  }

  toString(): string {
    return this as unknown as string;
  }

  get length(): number {
    this.misread();
    throw new Error('the client serialises an append that it only carries');
  }
}

/**
 * How appends become bytes. The client serialises each event twice and its data in base64 between; this puts
 * our own bytes behind its message, which stays in charge of everything else (correlation, deadline, errors).
 *
 * It is trusted from the first append on of which it and the client make the same bytes.
 */
export class AppendEncoding {
  private readonly trust: Trust;

  /** `refused` is told once, when the client is not what this was written for. */
  constructor(refused: () => void) {
    this.trust = new Trust(refused);
  }

  /** Whether `carried` may be given to the client. */
  get isProven(): boolean {
    return this.trust.isGiven;
  }

  /** To be given to the client as the expected revision, with no events. */
  carried(events: readonly EncodedEvent[], expected: Revision): bigint {
    return new CarriedAppend(events, expected, this.trust.refuse) as unknown as bigint;
  }

  /** The client's stub of the streams service, with our serializer for batch appends. */
  around(stub: unknown): unknown {
    const { batchAppend, makeBidiStreamRequest } = stub as Partial<Stub>;
    if (typeof batchAppend?.requestSerialize !== 'function' || typeof makeBidiStreamRequest !== 'function') {
      this.trust.refuse();
      return stub;
    }
    const { path, requestSerialize, responseDeserialize } = batchAppend;
    const serialize = (message: BatchAppendReq) => this.serialize(message, requestSerialize);
    const call: Call = (...args) => makeBidiStreamRequest.call(stub, path, serialize, responseDeserialize, ...args);
    return Object.create(stub as object, { batchAppend: { value: call } });
  }

  private serialize(message: BatchAppendReq, theirs: Serialize): Buffer {
    const carried: unknown = message.getOptions()?.getStreamPosition();
    if (carried instanceof CarriedAppend) return encoded(message, carried.expected, carried.events);
    const bytes = theirs(message);
    if (this.trust.isSought) this.trust.decide(() => encodedAgain(message).equals(bytes));
    return bytes;
  }
}

const part = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error('the client left out a part of an append');
  return value;
};

const encoded = (message: BatchAppendReq, expected: Revision, events: readonly EncodedEvent[]): Buffer => {
  const options = part(message.getOptions());
  const deadline = part(options.getDeadline());
  return encodeBatchAppend({
    correlationId: part(message.getCorrelationId()).getString(),
    stream: part(options.getStreamIdentifier()).getStreamName_asU8(),
    expected,
    deadline: { seconds: deadline.getSeconds(), nanos: deadline.getNanos() },
    events,
  });
};

const encodedAgain = (message: BatchAppendReq): Buffer => {
  const options = part(message.getOptions());
  const events = message.getProposedMessagesList().map((proposed): EncodedEvent => {
    const [data, metadata] = [proposed.getData_asU8(), proposed.getCustomMetadata_asU8()];
    const [id, type] = [part(proposed.getId()).getString(), part(proposed.getMetadataMap().get('type'))];
    const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
    return { id, type, data: text(data), dataBytes: data.length, metadata: text(metadata), metadataBytes: metadata.length };
  });
  return encoded(message, options.hasNoStream() ? NO_STREAM : BigInt(options.getStreamPosition()), events);
};
