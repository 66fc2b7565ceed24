import { readStreamName } from '../appends/appendMessages.ts';
import {
  FILTER_PAGE_EVENTS,
  FILTER_PREFIXES_MAX,
  FILTER_REGEX_CHARACTERS_MAX,
  FILTER_WINDOW_EVENTS_MAX,
  OUTPUT_CHUNK_BYTES,
} from '../limits.ts';
import { recordedEvent } from '../storage/record.ts';
import { FRAME_HEADER_BYTES, putFrame } from '../transport/grpc.ts';
import { MalformedMessage, type ProtoReader, ProtoWriter, varintLength } from '../transport/protobuf.ts';
import type { FilterExpression } from './filter.ts';

export type From = Readonly<{ kind: 'start' }> | Readonly<{ kind: 'end' }> | Readonly<{ kind: 'at'; at: number }>;
export type FilterOptions = Readonly<{ expression: FilterExpression; windowEvents: number; checkpointMultiplier: number }>;

/** `ReadReq`: of a stream or of `$all` (`stream` is missing then), a number of events or a subscription (`maxCount` is missing then). */
export type ReadRequest = Readonly<{
  stream: string | undefined;
  from: From;
  backwards: boolean;
  maxCount: number | undefined;
  filter: FilterOptions | undefined;
  /** Whether a link is to be answered together with the event it stands for. */
  resolveLinks: boolean;
}>;

/** The highest 64-bit number means the end. */
const END_NUMBER = 2n ** 64n - 1n;
const fromNumber = (number: bigint): From =>
  number === END_NUMBER ? { kind: 'end' } : { kind: 'at', at: Math.min(Number(number), Number.MAX_SAFE_INTEGER) };

const readStreamOptions = (reader: ProtoReader): Readonly<{ stream: string; from: From }> => {
  let stream = '';
  let from: From = { kind: 'start' };
  while (reader.next()) {
    if (reader.field === 1) stream = readStreamName(reader.message());
    else if (reader.field === 2) from = fromNumber(reader.uint64());
    else {
      if (reader.field === 4) from = { kind: 'end' };
      reader.skip();
    }
  }
  if (stream === '') throw new MalformedMessage('the stream to read has no name');
  return { stream, from };
};

const readPosition = (reader: ProtoReader): bigint => {
  let commit = 0n;
  while (reader.next()) {
    if (reader.field === 1) commit = reader.uint64();
    else reader.skip();
  }
  return commit;
};

const readAllOptions = (reader: ProtoReader): From => {
  let from: From = { kind: 'start' };
  while (reader.next()) {
    if (reader.field === 1) from = fromNumber(readPosition(reader.message()));
    else {
      if (reader.field === 3) from = { kind: 'end' };
      reader.skip();
    }
  }
  return from;
};

const readExpression = (reader: ProtoReader, on: FilterExpression['on']): FilterExpression => {
  let regex = '';
  const prefixes: string[] = [];
  while (reader.next()) {
    if (reader.field === 1) regex = reader.string();
    else if (reader.field === 2) prefixes.push(reader.string());
    else reader.skip();
  }
  if (prefixes.length > FILTER_PREFIXES_MAX) throw new MalformedMessage(`more than ${FILTER_PREFIXES_MAX} prefixes`);
  if (regex.length > FILTER_REGEX_CHARACTERS_MAX) {
    throw new MalformedMessage(`a regular expression of more than ${FILTER_REGEX_CHARACTERS_MAX} characters`);
  }
  return { on, regex, prefixes };
};

const readFilter = (reader: ProtoReader): FilterOptions => {
  let expression: FilterExpression | undefined;
  let windowEvents = FILTER_PAGE_EVENTS;
  let checkpointMultiplier = 1;
  while (reader.next()) {
    if (reader.field === 1) expression = readExpression(reader.message(), 'stream');
    else if (reader.field === 2) expression = readExpression(reader.message(), 'type');
    else if (reader.field === 3) windowEvents = reader.uint();
    else if (reader.field === 5) checkpointMultiplier = reader.uint();
    else reader.skip();
  }
  if (expression === undefined) throw new MalformedMessage('a filter that says neither stream nor type');
  if (checkpointMultiplier === 0) throw new MalformedMessage('a checkpoint interval of 0');
  if (windowEvents === 0 || windowEvents * checkpointMultiplier > FILTER_WINDOW_EVENTS_MAX) {
    throw new MalformedMessage(`window times checkpoint interval is not within 1 to ${FILTER_WINDOW_EVENTS_MAX} events`);
  }
  return { expression, windowEvents, checkpointMultiplier };
};

/** @throws MalformedMessage on anything this server cannot read. */
export const readReadRequest = (request: ProtoReader): ReadRequest => {
  let read: ReadRequest | undefined;
  while (request.next()) {
    if (request.field === 1) read = readReadOptions(request.message());
    else request.skip();
  }
  if (read === undefined) throw new MalformedMessage('a read without options');
  return read;
};

const readReadOptions = (options: ProtoReader): ReadRequest => {
  let stream: string | undefined;
  let from: From | undefined;
  let backwards = false;
  let resolveLinks = false;
  let maxCount: number | undefined = 0;
  let filter: FilterOptions | undefined;
  while (options.next()) {
    if (options.field === 1) ({ stream, from } = readStreamOptions(options.message()));
    else if (options.field === 2) from = readAllOptions(options.message());
    else if (options.field === 3) backwards = options.uint() === 1;
    else if (options.field === 4) resolveLinks = options.uint() !== 0;
    else if (options.field === 5) maxCount = options.uint();
    else {
      if (options.field === 6) maxCount = undefined;
      if (options.field === 7) filter = readFilter(options.message());
      else options.skip();
    }
  }
  if (from === undefined) throw new MalformedMessage('a read of neither a stream nor $all');
  return { stream, from, backwards, maxCount, filter, resolveLinks };
};

/** Collects `ReadResp` messages, framed for gRPC, until they are worth sending. */
export class ReadAnswers {
  #writer = new ProtoWriter();

  /** Bytes collected. */
  get length(): number {
    return this.#writer.length;
  }
  get isEmpty(): boolean {
    return this.#writer.length === 0;
  }
  get isFull(): boolean {
    return this.#writer.length >= OUTPUT_CHUNK_BYTES;
  }

  /** An event as stored; the record is copied. */
  event(record: Buffer, position: number): void {
    const event = recordedEvent(record);
    const inner = 1 + varintLength(event.length) + event.length + 1 + varintLength(position);
    const lengthAt = this.#writer.varint(0).length;
    this.#writer.skip(FRAME_HEADER_BYTES - 1).fill(lengthAt, 1 + varintLength(inner) + inner);
    this.#writer.varint(0x0a).varint(inner).bytes(1, event).uint(3, position);
  }

  /** A link, and the event it stands for unless that is not to be seen; the position is the link's. The records are copied. */
  link(link: Buffer, target: Buffer | undefined, position: number): void {
    this.#message((answer) =>
      answer.message(1, (resolved) => {
        if (target !== undefined) resolved.bytes(1, recordedEvent(target));
        resolved.bytes(2, recordedEvent(link)).uint(3, position);
      }),
    );
  }

  confirmation(subscriptionId: string): void {
    this.#message((answer) => answer.message(2, (confirmation) => confirmation.string(1, subscriptionId)));
  }
  checkpoint(position: number): void {
    this.#message((answer) => answer.message(3, (checkpoint) => checkpoint.uint(1, position).uint(2, position)));
  }
  streamNotFound(stream: string): void {
    this.#message((answer) => answer.message(4, (notFound) => notFound.message(1, (identifier) => identifier.string(3, stream))));
  }
  caughtUp(): void {
    this.#message((answer) => answer.empty(8));
  }

  /** What was collected. The next buffer is made to fit as much again: large in a catch-up, small for live events. */
  take(): Buffer {
    return this.#writer.take(Math.min(this.#writer.length * 2, OUTPUT_CHUNK_BYTES * 2));
  }

  #message(write: (answer: ProtoWriter) => void): void {
    putFrame(this.#writer, write);
  }
}
