import type { EncodedEvent } from './appendRequest.ts';
import { NO_STREAM, type Revision } from './eventStore.ts';

/** What a `BatchAppendReq` says: one whole append. The correlation id is a UUID in its usual 36 characters. */
export type BatchAppend = Readonly<{
  correlationId: string;
  /** Name of the stream as UTF-8. */
  stream: Uint8Array;
  expected: Revision;
  /** When the server may give up: whole seconds since 1970, and nanoseconds. */
  deadline: Readonly<{ seconds: number; nanos: number }>;
  events: readonly EncodedEvent[];
}>;

/** Tags of the fields used: number * 8, plus 2 where a length follows. None is above 15, so each takes one byte. */
const field = (number: number): number => number * 8 + 2;
const number = (of: number): number => of * 8;

const UUID_CHARS = 36;
/** `UUID { string = 2 }` in field 1, up to its text. */
const uuidInFront = Buffer.from([field(1), UUID_CHARS + 2, field(2), UUID_CHARS]);
const entry = (key: string): number[] => [field(1), key.length, ...Buffer.from(key)];
const typeKey = Buffer.from(entry('type'));
/** The map entry `content-type: application/json` in field 2; maps are written in the order of their keys. */
const contentType = ((value: string) => {
  const body = [...entry('content-type'), field(2), value.length, ...Buffer.from(value)];
  return Buffer.from([field(2), body.length, ...body]);
})('application/json');
const isFinal = Buffer.from([number(4), 1]);
const noStream = Buffer.from([field(3), 0]);

const varintBytes = (value: number): number => {
  let bytes = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
};
const fieldBytes = (length: number): number => 1 + varintBytes(length) + length;

/** A number as a varint, seven bits a byte. All 64 bits are exact. */
const varint = (value: bigint): number[] => {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
};

const timestamp = ({ seconds, nanos }: BatchAppend['deadline']): number[] => {
  const body: number[] = [];
  if (seconds > 0) body.push(number(1), ...varint(BigInt(seconds)));
  if (nanos > 0) body.push(number(2), ...varint(BigInt(nanos)));
  return [field(6), body.length, ...body];
};

/** Fills a buffer of a size that was counted before. */
class Filling {
  readonly bytes: Buffer;
  private at = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  raw(bytes: ArrayLike<number>): this {
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
    return this;
  }

  /** Tag and length; the field's bytes come next. */
  open(tag: number, length: number): this {
    this.bytes[this.at] = tag;
    this.at += 1;
    let rest = length;
    for (; rest > 127; rest >>>= 7, this.at += 1) this.bytes[this.at] = (rest & 127) | 128;
    this.bytes[this.at] = rest;
    this.at += 1;
    return this;
  }

  text(value: string): this {
    this.at += this.bytes.write(value, this.at);
    return this;
  }

  /** @throws Error when bytes are left: then they were counted wrongly. */
  full(): Buffer {
    if (this.at !== this.bytes.length) throw new Error(`${this.at} bytes written where ${this.bytes.length} were counted`);
    return this.bytes;
  }
}

type Sized = Readonly<{ event: EncodedEvent; type: number; bytes: number }>;

const sized = (event: EncodedEvent): Sized => {
  const type = Buffer.byteLength(event.type);
  const id = uuidInFront.length + UUID_CHARS;
  const bytes =
    id + contentType.length + fieldBytes(typeKey.length + fieldBytes(type)) + fieldBytes(event.metadataBytes) + fieldBytes(event.dataBytes);
  return { event, type, bytes };
};

/**
 * The bytes of a `BatchAppendReq`, the very same that the client's generated code makes, for a fraction of
 * its work: lengths are counted first, and everything is written once. Fields and their order are those of
 * EventStoreDB's `streams.proto`; the format is https://protobuf.dev/programming-guides/encoding/.
 *
 * @throws Error when an id has not 36 characters.
 */
export const encodeBatchAppend = ({ correlationId, stream, expected, deadline, events }: BatchAppend): Buffer => {
  const identifier = fieldBytes(stream.length);
  const rest = [...(expected === NO_STREAM ? noStream : [number(2), ...varint(expected)]), ...timestamp(deadline)];
  const options = fieldBytes(identifier) + rest.length;
  const proposed = events.map(sized);
  let size = uuidInFront.length + UUID_CHARS + fieldBytes(options) + isFinal.length;
  for (const { bytes } of proposed) size += fieldBytes(bytes);

  const filling = new Filling(size).raw(uuidInFront).text(correlationId);
  filling.open(field(2), options).open(field(1), identifier).open(field(3), stream.length).raw(stream).raw(rest);
  for (const { event, type, bytes } of proposed) {
    filling.open(field(3), bytes).raw(uuidInFront).text(event.id).raw(contentType);
    filling
      .open(field(2), typeKey.length + fieldBytes(type))
      .raw(typeKey)
      .open(field(2), type)
      .text(event.type);
    filling.open(field(3), event.metadataBytes).text(event.metadata).open(field(4), event.dataBytes).text(event.data);
  }
  return filling.raw(isFinal).full();
};
