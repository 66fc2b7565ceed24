/**
 * The few pieces of the protobuf wire format that the protocol needs.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */

/** The bytes are not a message of the expected shape. */
export class MalformedMessage extends Error {
  override name = 'MalformedMessage';
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
const VARINT_BYTES_MAX = 10;

/**
 * Reads one message field by field: `while (reader.next()) switch (reader.field) …`. Every length is checked against the bytes
 * at hand. Nested messages and strings are read in place: a view of a buffer costs as much as the rest of a small field.
 */
export class ProtoReader {
  /** Number of the field that `next` moved to. */
  field: number;
  readonly #bytes: Buffer;
  #at: number;
  readonly #end: number;
  #wire = VARINT;

  /** @param start first byte of the message in `bytes`; `end` is the place behind its last. */
  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.field = 0;
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Moves to the next field; false at the end of the message. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    this.#wire = tag % 8;
    if (this.field === 0) throw new MalformedMessage('field number 0');
    return true;
  }

  /** An unsigned number. Anything above 2^53 - 1 reads as 2^53 - 1: no revision or position is that high. */
  uint(): number {
    this.#expect(VARINT);
    return Math.min(this.#varint(), Number.MAX_SAFE_INTEGER);
  }

  /** A 64-bit number, all bits exact. */
  uint64(): bigint {
    this.#expect(VARINT);
    const start = this.#at;
    this.#varint();
    let value = 0n;
    for (let at = this.#at - 1; at >= start; at--) value = (value << 7n) | BigInt((this.#bytes[at] as number) & 0x7f);
    return BigInt.asUintN(64, value);
  }

  /** A view of the field's bytes, not a copy. */
  bytes(): Buffer {
    const start = this.#delimited();
    return this.#bytes.subarray(start, this.#at);
  }

  string(): string {
    const start = this.#delimited();
    return this.#bytes.toString('utf8', start, this.#at);
  }

  message(): ProtoReader {
    const start = this.#delimited();
    return new ProtoReader(this.#bytes, start, this.#at);
  }

  skip(): void {
    switch (this.#wire) {
      case VARINT:
        this.#varint();
        return;
      case BYTES:
        this.#delimited();
        return;
      case FIXED64:
        this.#advance(8);
        return;
      case FIXED32:
        this.#advance(4);
        return;
      default:
        throw new MalformedMessage(`wire type ${this.#wire}`);
    }
  }

  #expect(wire: number): void {
    if (this.#wire !== wire) throw new MalformedMessage(`field ${this.field} has wire type ${this.#wire}`);
  }

  /** Moves behind a field of so many bytes; returns where they begin. */
  #delimited(): number {
    this.#expect(BYTES);
    const length = this.#varint();
    const start = this.#at;
    if (length > this.#end - start) throw new MalformedMessage(`field ${this.field} claims ${length} bytes, more than there are`);
    this.#at = start + length;
    return start;
  }

  #advance(count: number): void {
    this.#at += count;
    if (this.#at > this.#end) throw new MalformedMessage('the message ends within a field');
  }

  #varint(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < VARINT_BYTES_MAX; count++) {
      if (this.#at >= this.#end) throw new MalformedMessage('the message ends within a number');
      const byte = this.#bytes[this.#at++] as number;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    throw new MalformedMessage('a number of more than ten bytes');
  }
}

/** Writes messages one behind the other into one growing buffer. */
export class ProtoWriter {
  #bytes: Buffer;
  #end = 0;

  constructor(capacity = 256) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#end;
  }

  uint(field: number, value: number | bigint): this {
    this.varint(field * 8 + VARINT);
    return this.varint(value);
  }

  bytes(field: number, value: Uint8Array): this {
    this.varint(field * 8 + BYTES).varint(value.length);
    return this.raw(value);
  }

  string(field: number, value: string): this {
    const length = Buffer.byteLength(value);
    this.varint(field * 8 + BYTES).varint(length);
    this.#reserve(length);
    this.#end += this.#bytes.write(value, this.#end);
    return this;
  }

  /** A nested message; its length goes in front once it is known. */
  message(field: number, write: (nested: this) => void): this {
    this.varint(field * 8 + BYTES);
    this.#reserve(1);
    const start = ++this.#end;
    write(this);
    const length = this.#end - start;
    const extra = varintLength(length) - 1;
    if (extra > 0) {
      this.#reserve(extra);
      this.#bytes.copyWithin(start + extra, start, this.#end);
    }
    this.#end = start - 1;
    this.varint(length);
    this.#end += length;
    return this;
  }

  empty(field: number): this {
    this.varint(field * 8 + BYTES);
    return this.varint(0);
  }

  varint(value: number | bigint): this {
    this.#reserve(VARINT_BYTES_MAX);
    let rest = value;
    if (typeof rest === 'bigint') {
      for (; rest > 0x7fn; rest >>= 7n) this.#bytes[this.#end++] = Number(rest & 0x7fn) | 0x80;
    } else {
      for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.#bytes[this.#end++] = (rest % 128) | 0x80;
    }
    this.#bytes[this.#end++] = Number(rest);
    return this;
  }

  raw(value: Uint8Array): this {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#end);
    this.#end += value.length;
    return this;
  }

  /** Leaves room to be filled in later, through `fill` or `patch`. */
  skip(count: number): this {
    this.#reserve(count);
    this.#end += count;
    return this;
  }

  /** Writes a number of 32 bits, highest byte first, into room that was left at `at`. */
  fill(at: number, value: number): void {
    this.#bytes.writeUInt32BE(value, at);
  }

  /** The bytes written so far, to be changed in place; void after the next write. */
  patch(): Buffer {
    return this.#bytes.subarray(0, this.#end);
  }

  /** Hands over what was written; the writer starts again with a new buffer. */
  take(capacity = 256): Buffer {
    const taken = this.#bytes.subarray(0, this.#end);
    this.#bytes = Buffer.allocUnsafe(capacity);
    this.#end = 0;
    return taken;
  }

  #reserve(count: number): void {
    if (this.#end + count <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#end + count));
    grown.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = grown;
  }
}

export const varintLength = (value: number): number => {
  let length = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) length++;
  return length;
};
