import { isUtf8 } from 'node:buffer';
import type { Field } from './contract.ts';

/** The bytes are no such message. */
export class WireFault extends Error {
  override name = 'WireFault';
}

export type Message = Readonly<Record<string, number | string>>;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;
const INT32_SIGN = 0x80000000;

/**
 * Reads a message, and refuses what the usual readers let pass: a field of another wire type than its own, which they take for
 * whatever its bytes look like, and a number beyond int32, of which they drop the upper half, so that a coupon is given out that nobody
 * asked for. Unknown fields are passed over, as the format wants it; what is left out is 0 or the empty text, or is absent if optional.
 * (Protocol Buffers, "Encoding".)
 */
export const readMessage = (fields: readonly Field[], bytes: Buffer): Message => {
  const message: Record<string, number | string> = {};
  for (const { name, kind, optional } of fields) if (!optional) message[name] = kind === 'int32' ? 0 : '';
  const input = new Input(bytes);
  while (!input.isAtEnd) {
    const { number, wireType } = input.tag();
    const field = fields.find((known) => known.number === number);
    if (field === undefined) input.skip(wireType);
    else if (wireType !== (field.kind === 'int32' ? VARINT : LENGTH)) throw new WireFault(`${field.name}: is not of its type`);
    else message[field.name] = field.kind === 'int32' ? input.int32(field.name) : input.text(field.name);
  }
  return message;
};

class Input {
  private readonly bytes: Buffer;
  private at = 0;
  /** The last variable-length number, as two's complement of 64 bits in halves. */
  private low = 0;
  private high = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.at === this.bytes.length;
  }

  tag(): Readonly<{ number: number; wireType: number }> {
    this.varint();
    const number = this.low >>> 3;
    if (this.high !== 0 || number === 0) throw new WireFault('there is no such field');
    return { number, wireType: this.low & 7 };
  }

  int32(name: string): number {
    this.varint();
    const isPositive = this.high === 0 && this.low < INT32_SIGN;
    const isNegative = this.high === 0xffffffff && this.low >= INT32_SIGN;
    if (!isPositive && !isNegative) throw new WireFault(`${name}: must be a number of 32 bits`);
    return this.low | 0;
  }

  text(name: string): string {
    const bytes = this.block();
    if (!isUtf8(bytes)) throw new WireFault(`${name}: must be UTF-8`);
    return bytes.toString('utf8');
  }

  skip(wireType: number): void {
    if (wireType === VARINT) this.varint();
    else if (wireType === LENGTH) this.block();
    else if (wireType === FIXED64) this.take(8);
    else if (wireType === FIXED32) this.take(4);
    else throw new WireFault('there is no such type of field');
  }

  private block(): Buffer {
    this.varint();
    if (this.high !== 0) throw new WireFault('a field ends behind the message');
    return this.take(this.low);
  }

  private take(length: number): Buffer {
    const end = this.at + length;
    if (end > this.bytes.length) throw new WireFault('a field ends behind the message');
    const taken = this.bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  private varint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.bytes[this.at];
      if (byte === undefined) throw new WireFault('a number ends behind the message');
      this.at += 1;
      const bits = byte & 0x7f;
      if (shift <= 28) low |= bits << shift;
      if (shift === 28) high = bits >>> 4;
      else if (shift > 28) high |= bits << (shift - 32);
      if (byte >= 0x80) continue;
      this.low = low >>> 0;
      this.high = high >>> 0;
      return;
    }
    throw new WireFault('a number is too long');
  }
}
