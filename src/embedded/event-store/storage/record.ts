import { crc32 } from 'node:zlib';
import { ProtoReader, ProtoWriter, varintLength } from '../transport/protobuf.ts';

/** An event as a client proposes it. The buffers are views of the received message. */
export type ProposedEvent = Readonly<{ id: string; type: string; isJson: boolean; metadata: Buffer; data: Buffer }>;

/** Revision of the tombstone that ends a stream for ever: 2^63 - 1 on the wire, the highest exact number here. */
export const TOMBSTONE_REVISION = Number.MAX_SAFE_INTEGER;
const TOMBSTONE_ON_THE_WIRE = 2n ** 63n - 1n;

/** Where an event stands. Numbers are below 2^53; `createdAtMs` is Unix time. */
export type Place = Readonly<{ stream: string; revision: number; position: number; createdAtMs: number }>;

/** A stored record does not match its checksum. */
export class CorruptRecord extends Error {
  override name = 'CorruptRecord';
}

/**
 * A record as stored: a header, the `RecordedEvent` message of the protocol exactly as it goes to readers, so that a read copies
 * bytes and encodes nothing, and the length again, by which the log is read downwards.
 *
 *   0  length of the whole record (32 bits)
 *   4  crc32 of everything from 8 to the last field, begun with the record's position: a record is valid at its place only
 *   8  position at which the write began that brought the record (64 bits)
 *  16  place and length of the stream's name, of the event's type (16 bits each, from the record's start)
 *  24  1 in the last record of a write: what does not end in one was never acknowledged
 *  25  RecordedEvent; begins with the id: two tags, two lengths, 36 characters
 *  -4  length of the whole record (32 bits)
 */
const CRC_AT = 4;
const CHECKED_FROM = 8;
const NAME_AT = 16;
const TYPE_AT = 20;
const LAST_AT = 24;
const EVENT_AT = 25;
const ID_AT = EVENT_AT + 4;
const ID_CHARACTERS = 36;
/** Bytes of the length at either end of a record. */
export const LENGTH_BYTES = 4;
export const RECORD_BYTES_MIN = ID_AT + ID_CHARACTERS + LENGTH_BYTES;

const WORD = 2 ** 32;
const TICKS_PER_MS = '0000';
const CREATED_DIGITS = 'created'.length;

const contentTypeEntry = (contentType: string): Buffer =>
  new ProtoWriter().message(6, (entry) => entry.string(1, 'content-type').string(2, contentType)).take();
const JSON_ENTRY = contentTypeEntry('application/json');
const BINARY_ENTRY = contentTypeEntry('application/octet-stream');

/** Length of a field that is a number of bytes behind a tag of one byte. */
const fieldLength = (bytes: number): number => 1 + varintLength(bytes) + bytes;

/**
 * Encodes an event, without its checksum: `sealRecord` comes when its write is whole.
 * @param writtenFrom position at which the record's write begins.
 */
export const encodeRecord = (event: ProposedEvent, place: Place, writtenFrom: number): Buffer => {
  const { stream, revision, position, createdAtMs } = place;
  const nameLength = Buffer.byteLength(stream);
  const typeLength = Buffer.byteLength(event.type);
  const created = createdAtMs > 0 ? `${createdAtMs}${TICKS_PER_MS}` : '0';
  const writer = new ProtoWriter(event.data.length + event.metadata.length + typeLength + nameLength + 256);
  writer.skip(EVENT_AT);
  writer
    .varint(0x0a)
    .varint(2 + ID_CHARACTERS)
    .string(2, event.id);
  writer.varint(0x12).varint(fieldLength(nameLength)).string(3, stream);
  const nameAt = writer.length - nameLength;
  writer.uint(3, revision === TOMBSTONE_REVISION ? TOMBSTONE_ON_THE_WIRE : revision);
  writer.uint(4, position).uint(5, position);
  writer
    .varint(0x32)
    .varint(fieldLength('type'.length) + fieldLength(typeLength))
    .string(1, 'type')
    .string(2, event.type);
  const typeAt = writer.length - typeLength;
  writer
    .varint(0x32)
    .varint(fieldLength(CREATED_DIGITS) + fieldLength(created.length))
    .string(1, 'created')
    .string(2, created);
  writer.raw(event.isJson ? JSON_ENTRY : BINARY_ENTRY);
  writer.bytes(7, event.metadata).bytes(8, event.data);
  const record = writer.skip(LENGTH_BYTES).patch();
  record.writeUInt32BE(record.length, 0);
  record.writeUInt32BE(Math.floor(writtenFrom / WORD), CHECKED_FROM);
  record.writeUInt32BE(writtenFrom % WORD, CHECKED_FROM + 4);
  record.writeUInt16BE(nameAt, NAME_AT);
  record.writeUInt16BE(nameLength, NAME_AT + 2);
  record.writeUInt16BE(typeAt, TYPE_AT);
  record.writeUInt16BE(typeLength, TYPE_AT + 2);
  record[LAST_AT] = 0;
  record.writeUInt32BE(record.length, record.length - LENGTH_BYTES);
  return record;
};

const checksum = (record: Buffer, position: number): number =>
  crc32(record.subarray(CHECKED_FROM, record.length - LENGTH_BYTES), position % WORD);

/** Sets the checksum, and marks the last record of a write. */
export const sealRecord = (record: Buffer, position: number, isLast: boolean): void => {
  record[LAST_AT] = isLast ? 1 : 0;
  record.writeUInt32BE(checksum(record, position), CRC_AT);
};

/** Whether the bytes are the very record that was written at this position. */
export const isIntact = (record: Buffer, position: number): boolean =>
  record.length >= RECORD_BYTES_MIN &&
  record.readUInt32BE(0) === record.length &&
  record.readUInt32BE(record.length - LENGTH_BYTES) === record.length &&
  record.readUInt32BE(CRC_AT) === checksum(record, position);

/** @throws CorruptRecord when the stored bytes are not the bytes that were written. */
export const checkRecord = (record: Buffer, position: number): void => {
  if (!isIntact(record, position)) throw new CorruptRecord(`the record at position ${position} does not match its checksum`);
};

export const recordedEvent = (record: Buffer): Buffer => record.subarray(EVENT_AT, record.length - LENGTH_BYTES);
export const recordId = (record: Buffer): string => record.toString('latin1', ID_AT, ID_AT + ID_CHARACTERS);
export const isLastOfWrite = (record: Buffer): boolean => record[LAST_AT] === 1;
export const writtenFrom = (record: Buffer): number => record.readUInt32BE(CHECKED_FROM) * WORD + record.readUInt32BE(CHECKED_FROM + 4);

const field = (record: Buffer, at: number): Buffer => {
  const start = record.readUInt16BE(at);
  return record.subarray(start, start + record.readUInt16BE(at + 2));
};
/** UTF-8 bytes of the stream's name, of the event's type. */
export const recordStream = (record: Buffer): Buffer => field(record, NAME_AT);
export const recordType = (record: Buffer): Buffer => field(record, TYPE_AT);

/** The type as a key: a character for each byte. */
export const recordTypeKey = (record: Buffer): string => {
  const start = record.readUInt16BE(TYPE_AT);
  return record.toString('latin1', start, start + record.readUInt16BE(TYPE_AT + 2));
};

/** `TOMBSTONE_REVISION` for a tombstone. */
export const recordRevision = (record: Buffer): number => {
  const nameEnd = record.readUInt16BE(NAME_AT) + record.readUInt16BE(NAME_AT + 2);
  const reader = new ProtoReader(record, nameEnd, record.length - LENGTH_BYTES);
  reader.next();
  return reader.uint();
};
