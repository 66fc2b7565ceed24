import { crc32 } from 'node:zlib';
import { ProtoWriter } from './protobuf.ts';

/** An event as a client proposes it. The buffers are views of the received message. */
export type ProposedEvent = Readonly<{ id: string; type: string; isJson: boolean; metadata: Buffer; data: Buffer }>;

/** Where an event stands. Numbers are below 2^53; `createdAtMs` is Unix time. */
export type Place = Readonly<{ stream: string; revision: number; position: number; createdAtMs: number }>;

/** A stored record does not match its checksum. */
export class CorruptRecord extends Error {
  override name = 'CorruptRecord';
}

/**
 * A record as stored: a header and, behind it, the `RecordedEvent` message of the protocol exactly as it goes to readers,
 * so that a read copies bytes and encodes nothing.
 *
 *   0  crc32 of everything behind it
 *   4  place and length of the stream's name, of the event's type (16 bits each, from the record's start)
 *  12  RecordedEvent; begins with the id: two tags, two lengths, 36 characters
 */
const HEADER_BYTES = 12;
const ID_AT = HEADER_BYTES + 4;
const ID_CHARACTERS = 36;
const TICKS_PER_MS = 10_000n;

export const encodeRecord = (event: ProposedEvent, place: Place): Buffer => {
  const writer = new ProtoWriter(event.data.length + event.metadata.length + event.type.length + place.stream.length + 256);
  writer.skip(HEADER_BYTES);
  writer.message(1, (id) => id.string(2, event.id));
  writer.message(2, (identifier) => identifier.string(3, place.stream));
  const nameEnd = writer.length;
  writer.uint(3, place.revision).uint(4, place.position).uint(5, place.position);
  let typeEnd = 0;
  writer.message(6, (entry) => {
    entry.string(1, 'type').string(2, event.type);
    typeEnd = entry.length;
  });
  const shift = writer.length - typeEnd;
  writer.message(6, (entry) => entry.string(1, 'created').string(2, String(BigInt(place.createdAtMs) * TICKS_PER_MS)));
  const contentType = event.isJson ? 'application/json' : 'application/octet-stream';
  writer.message(6, (entry) => entry.string(1, 'content-type').string(2, contentType));
  writer.bytes(7, event.metadata).bytes(8, event.data);
  const nameLength = Buffer.byteLength(place.stream);
  const typeLength = Buffer.byteLength(event.type);
  const record = writer.take();
  record.writeUInt16BE(nameEnd - nameLength, 4);
  record.writeUInt16BE(nameLength, 6);
  // A nested length of two or more bytes moved the type behind where it was first written.
  record.writeUInt16BE(typeEnd + shift - typeLength, 8);
  record.writeUInt16BE(typeLength, 10);
  record.writeUInt32BE(crc32(record.subarray(4)), 0);
  return record;
};

/** @throws CorruptRecord when the stored bytes are not the bytes that were written. */
export const checkRecord = (record: Buffer, position: number): void => {
  if (record.length < ID_AT + ID_CHARACTERS || record.readUInt32BE(0) !== crc32(record.subarray(4))) {
    throw new CorruptRecord(`the record at position ${position} does not match its checksum`);
  }
};

export const recordedEvent = (record: Buffer): Buffer => record.subarray(HEADER_BYTES);
export const recordId = (record: Buffer): string => record.toString('latin1', ID_AT, ID_AT + ID_CHARACTERS);

const field = (record: Buffer, at: number): Buffer => {
  const start = record.readUInt16BE(at);
  return record.subarray(start, start + record.readUInt16BE(at + 2));
};
/** UTF-8 bytes of the stream's name, of the event's type. */
export const recordStream = (record: Buffer): Buffer => field(record, 4);
export const recordType = (record: Buffer): Buffer => field(record, 8);
