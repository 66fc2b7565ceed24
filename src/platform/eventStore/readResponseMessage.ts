import type { RecordedEvent } from './eventStore.ts';

/** Anything but the plain event that is expected: the client shall decode it. */
class OtherMessage extends Error {}

/** Goes through a message field by field. @throws OtherMessage at any surprise. */
class Reading {
  private readonly bytes: Buffer;
  private at = 0;
  private end: number;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.end = bytes.length;
  }

  /** Tag of the next field: its number * 8, plus 2 where a length follows; 0 at the end of the message. */
  tag(): number {
    if (this.at === this.end) return 0;
    const tag = this.bytes[this.at] as number;
    this.at += 1;
    if (tag === 0) throw new OtherMessage('field 0');
    return tag;
  }

  /** A varint. */
  number(): number {
    let value = 0;
    for (let factor = 1; this.at < this.end; factor *= 128) {
      const byte = this.bytes[this.at] as number;
      this.at += 1;
      value += (byte & 127) * factor;
      if (byte < 128 && value <= Number.MAX_SAFE_INTEGER) return value;
    }
    throw new OtherMessage('no number below 2^53');
  }

  text(): string {
    const end = this.fieldEnd();
    const text = this.bytes.toString('utf8', this.at, end);
    this.at = end;
    return text;
  }

  /** Reads all of a message within this one. */
  message<T>(read: (reading: Reading) => T): T {
    const outer = this.end;
    this.end = this.fieldEnd();
    const value = read(this);
    if (this.tag() !== 0) throw new OtherMessage('fields are left');
    this.end = outer;
    return value;
  }

  /** Text in the only field of a message. */
  onlyText(tag: number): string {
    return this.message(() => this.textOf(tag));
  }

  textOf(tag: number): string {
    if (this.tag() !== tag) throw new OtherMessage('another field');
    const text = this.text();
    // The client has its own way with bytes that are no UTF-8.
    if (text.includes('\ufffd')) throw new OtherMessage('no text');
    return text;
  }

  private fieldEnd(): number {
    const length = this.number();
    if (this.at + length > this.end) throw new OtherMessage('a field beyond its message');
    return this.at + length;
  }
}

const varint = (number: number): number => number * 8;
const bytes = (number: number): number => number * 8 + 2;

/** Fields of `ReadResp.ReadEvent.RecordedEvent`. */
const field = {
  id: bytes(1),
  stream: bytes(2),
  revision: varint(3),
  prepare: varint(4),
  commit: varint(5),
  properties: bytes(6),
  metadata: bytes(7),
  data: bytes(8),
} as const;

/** A number that is 0 need not be sent. */
type Fields = {
  id?: string;
  stream?: string;
  revision: number;
  prepare: number;
  commit: number;
  type?: string;
  contentType?: string;
  created?: string;
  metadata?: string;
  data?: string;
};

const readProperty = (fields: Fields, reading: Reading): void => {
  const key = reading.textOf(bytes(1));
  const value = reading.textOf(bytes(2));
  if (key === 'type') fields.type = value;
  else if (key === 'content-type') fields.contentType = value;
  else if (key === 'created') fields.created = value;
};

const readFields = (reading: Reading): Fields => {
  const fields: Fields = { revision: 0, prepare: 0, commit: 0 };
  for (let tag = reading.tag(); tag !== 0; tag = reading.tag()) {
    if (tag === field.id) fields.id = reading.onlyText(bytes(2));
    else if (tag === field.stream) fields.stream = reading.onlyText(bytes(3));
    else if (tag === field.revision) fields.revision = reading.number();
    else if (tag === field.prepare) fields.prepare = reading.number();
    else if (tag === field.commit) fields.commit = reading.number();
    else if (tag === field.properties) reading.message(() => readProperty(fields, reading));
    else if (tag === field.metadata) fields.metadata = reading.text();
    else if (tag === field.data) fields.data = reading.text();
    else throw new OtherMessage('an unknown field');
  }
  return fields;
};

/** Ticks of 100 ns since 1970 as whole milliseconds; a number has not the digits for all ticks. */
const milliseconds = (ticks: string): number => {
  if (!/^\d{5,19}$/.test(ticks)) throw new OtherMessage('another time');
  return Number(ticks.slice(0, -4));
};

const toRecorded = (fields: Fields): RecordedEvent => {
  const { id, stream, type, contentType, created, data, metadata, revision, prepare, commit } = fields;
  const isWhole = id && stream && type && created && data && metadata;
  if (!isWhole || prepare !== commit || contentType !== 'application/json') throw new OtherMessage('another kind of event');
  return {
    id,
    stream,
    type,
    data: JSON.parse(data) as unknown,
    metadata: JSON.parse(metadata) as unknown,
    revision: BigInt(revision),
    position: BigInt(commit),
    createdAt: milliseconds(created),
  };
};

/** Nothing but a `RecordedEvent` and its commit position: no link, no other answer. */
const readEvent = (reading: Reading): RecordedEvent => {
  if (reading.tag() !== bytes(1)) throw new OtherMessage('no event');
  const fields = reading.message(readFields);
  const tag = reading.tag();
  if (tag === varint(3)) reading.number();
  else if (tag !== 0) throw new OtherMessage('more than an event');
  return toRecorded(fields);
};

/**
 * The event in a `ReadResp`, or undefined for all else: other answers, links, data that is no JSON, positions
 * of more than 53 bits, anything malformed. Fields are those of EventStoreDB's `streams.proto`; the format
 * is https://protobuf.dev/programming-guides/encoding/.
 */
export const decodeEvent = (message: Buffer): RecordedEvent | undefined => {
  const reading = new Reading(message);
  try {
    if (reading.tag() !== bytes(1)) return undefined;
    const event = reading.message(readEvent);
    return reading.tag() === 0 ? event : undefined;
  } catch {
    return undefined;
  }
};
