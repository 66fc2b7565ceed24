import { EVENT_TYPE_BYTES_MAX, STREAM_NAME_BYTES_MAX } from '../limits.ts';
import type { ProposedEvent } from '../storage/record.ts';
import { isMetaStream, originalOf } from '../streams/streamMetadata.ts';
import { MalformedMessage, type ProtoReader } from '../transport/protobuf.ts';
import type { Expected } from './append.ts';

/** The message is well formed, but no append can be made of it. */
export class BadAppend extends Error {
  override name = 'BadAppend';
}

/** An event lacks one of the properties that EventStoreDB requires. */
export class MissingMetadata extends BadAppend {
  override name = 'MissingMetadata';
}

export type AppendOptions = Readonly<{ stream: string; expected: Expected; deadlineMs: number }>;

const UUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const NO_BYTES: Buffer = Buffer.alloc(0);

/** `UUID`: either two halves or text; always text, in lower case, afterwards. */
const readUuid = (reader: ProtoReader): string => {
  let text = '';
  while (reader.next()) {
    if (reader.field === 1) {
      const halves = [0n, 0n];
      const structured = reader.message();
      while (structured.next()) {
        if (structured.field === 1 || structured.field === 2) halves[structured.field - 1] = structured.uint64();
        else structured.skip();
      }
      const hex = halves.map((half) => half.toString(16).padStart(16, '0')).join('');
      text = hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
    } else if (reader.field === 2) text = reader.string().toLowerCase();
    else reader.skip();
  }
  if (!UUID_TEXT.test(text)) throw new BadAppend('an event id is missing or no UUID');
  return text;
};

/** `StreamIdentifier`; a name that is no UTF-8 would not be found again under the name that readers see. */
export const readStreamName = (reader: ProtoReader): string => {
  let bytes = NO_BYTES;
  while (reader.next()) {
    if (reader.field === 3) bytes = reader.bytes();
    else reader.skip();
  }
  const name = bytes.toString('utf8');
  if (name.includes('\ufffd') && !Buffer.from(name).equals(bytes)) throw new MalformedMessage('a stream name is no UTF-8');
  return name;
};

/** Seconds and nanoseconds, of a `Timestamp` or of a `Duration`. */
const readMs = (reader: ProtoReader): number => {
  let ms = 0;
  while (reader.next()) {
    if (reader.field === 1) ms += Number(BigInt.asIntN(64, reader.uint64())) * 1_000;
    else if (reader.field === 2) ms += Number(BigInt.asIntN(64, reader.uint64())) / 1_000_000;
    else reader.skip();
  }
  return ms;
};

/** The options of an append or a deletion: the same fields everywhere, a deadline only in `BatchAppendReq`. */
const readOptions = (reader: ProtoReader, nowMs: number): AppendOptions => {
  let stream = '';
  let expected: Expected | undefined;
  let deadlineMs = Number.POSITIVE_INFINITY;
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        stream = readStreamName(reader.message());
        break;
      case 2:
        expected = { kind: 'revision', revision: reader.uint() };
        break;
      case 6:
        deadlineMs = readMs(reader.message());
        break;
      case 7:
        deadlineMs = nowMs + readMs(reader.message());
        break;
      default:
        if (reader.field === 3) expected = { kind: 'no-stream' };
        else if (reader.field === 4) expected = { kind: 'any' };
        else if (reader.field === 5) expected = { kind: 'stream-exists' };
        reader.skip();
    }
  }
  if (expected === undefined) throw new MalformedMessage('a write without an expected revision');
  return { stream, expected, deadlineMs };
};

/** `DeleteReq` and `TombstoneReq`, which are alike. */
export const readDeleteRequest = (reader: ProtoReader, nowMs: number): AppendOptions => {
  let options: AppendOptions | undefined;
  while (reader.next()) {
    if (reader.field === 1) options = readOptions(reader.message(), nowMs);
    else reader.skip();
  }
  if (options === undefined) throw new MalformedMessage('a deletion without options');
  return options;
};

type Properties = { type: string | undefined; contentType: string | undefined };

/** One entry of the map of properties; all but two are passed over. */
const readProperty = (reader: ProtoReader, properties: Properties): void => {
  let key = '';
  let value = '';
  while (reader.next()) {
    if (reader.field === 1) key = reader.string();
    else if (reader.field === 2) value = reader.string();
    else reader.skip();
  }
  if (key === 'type') properties.type = value;
  else if (key === 'content-type') properties.contentType = value;
};

/** `ProposedMessage` of either append call. @throws BadAppend when id, type or content type are missing or too long. */
const readEvent = (reader: ProtoReader): ProposedEvent => {
  let id = '';
  let metadata = NO_BYTES;
  let data = NO_BYTES;
  const properties: Properties = { type: undefined, contentType: undefined };
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        id = readUuid(reader.message());
        break;
      case 2:
        readProperty(reader.message(), properties);
        break;
      case 3:
        metadata = reader.bytes();
        break;
      case 4:
        data = reader.bytes();
        break;
      default:
        reader.skip();
    }
  }
  const { type, contentType } = properties;
  if (id === '') throw new BadAppend('an event has no id');
  if (type === undefined || contentType === undefined) throw new MissingMetadata('an event has no type or no content-type');
  if (Buffer.byteLength(type) > EVENT_TYPE_BYTES_MAX) throw new BadAppend(`an event type is longer than ${EVENT_TYPE_BYTES_MAX} bytes`);
  return { id, type, isJson: contentType === 'application/json', metadata, data };
};

/** The limit is for a name without the prefix under which metadata are kept. @throws BadAppend when no stream can have this name. */
export const checkStreamName = (stream: string): void => {
  const name = isMetaStream(stream) ? originalOf(stream) : stream;
  if (name === '') throw new BadAppend('the stream has no name');
  if (stream === '$all') throw new BadAppend('$all is not a stream to write to');
  if (Buffer.byteLength(name) > STREAM_NAME_BYTES_MAX) {
    throw new BadAppend(`the name of the stream is longer than ${STREAM_NAME_BYTES_MAX} bytes`);
  }
};

/** One part of `AppendReq`: the options come first, then an event each. */
export type AppendPart = Readonly<{ kind: 'options'; options: AppendOptions }> | Readonly<{ kind: 'event'; event: ProposedEvent }>;

export const readAppendPart = (reader: ProtoReader, nowMs: number): AppendPart => {
  let part: AppendPart | undefined;
  while (reader.next()) {
    if (reader.field === 1) part = { kind: 'options', options: readOptions(reader.message(), nowMs) };
    else if (reader.field === 2) part = { kind: 'event', event: readEvent(reader.message()) };
    else reader.skip();
  }
  if (part === undefined) throw new MalformedMessage('an empty append message');
  return part;
};

/** A chunk whose events are read later, by `readEvents`: a bad event must be answered under the chunk's correlation id. */
export type BatchAppendChunk = Readonly<{
  /** The client's UUID message, sent back as it came. */
  correlationId: Buffer;
  /** Only in the first chunk of an append. */
  options: AppendOptions | undefined;
  events: readonly ProtoReader[];
  isFinal: boolean;
}>;

export const readBatchAppendChunk = (reader: ProtoReader, nowMs: number): BatchAppendChunk => {
  let correlationId: Buffer | undefined;
  let options: AppendOptions | undefined;
  let isFinal = false;
  const events: ProtoReader[] = [];
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        correlationId = reader.bytes();
        break;
      case 2:
        options = readOptions(reader.message(), nowMs);
        break;
      case 3:
        events.push(reader.message());
        break;
      case 4:
        isFinal = reader.uint() !== 0;
        break;
      default:
        reader.skip();
    }
  }
  if (correlationId === undefined) throw new MalformedMessage('a batch append without a correlation id');
  return { correlationId, options, events, isFinal };
};

export const readEvents = (readers: readonly ProtoReader[]): ProposedEvent[] => readers.map(readEvent);
