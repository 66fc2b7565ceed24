import { MESSAGE_BYTES_MAX, RECEIVING_BYTES_MIN } from '../limits.ts';
import type { Half } from './receivingBudget.ts';
import { CallFailed, Status } from './status.ts';

const FRAME_HEADER_BYTES = 5;
const NOTHING = Buffer.alloc(0);

/** Cuts a call's bytes into gRPC messages. Holds no more than one unfinished message, however small the pieces it comes in. */
export class Deframer {
  readonly #memory: Half;
  #half = NOTHING;
  #held = 0;
  /** Bytes of the frame that has begun, as far as it is known. */
  #needed = FRAME_HEADER_BYTES;

  constructor(memory: Half) {
    this.#memory = memory;
  }

  get isMidMessage(): boolean {
    return this.#held > 0;
  }

  /** Hands over each whole message; its buffer stays valid. @throws CallFailed on a compressed message or one above the limits. */
  push(chunk: Buffer, message: (bytes: Buffer) => void): void {
    let at = this.#held === 0 ? 0 : this.#complete(chunk, message);
    while (chunk.length - at >= FRAME_HEADER_BYTES) {
      const end = at + FRAME_HEADER_BYTES + messageLength(chunk, at);
      if (end > chunk.length) {
        this.#needed = end - at;
        break;
      }
      message(chunk.subarray(at + FRAME_HEADER_BYTES, end));
      at = end;
    }
    if (at < chunk.length) this.#hold(chunk, at, chunk.length);
  }

  clear(): void {
    this.#memory.end();
    this.#half = NOTHING;
    this.#held = 0;
    this.#needed = FRAME_HEADER_BYTES;
  }

  /** Adds to the unfinished message what is missing of it; returns how much of `chunk` that was. */
  #complete(chunk: Buffer, message: (bytes: Buffer) => void): number {
    let at = 0;
    for (;;) {
      const end = Math.min(at + this.#needed - this.#held, chunk.length);
      this.#hold(chunk, at, end);
      at = end;
      if (this.#held < this.#needed) return at;
      const needed = FRAME_HEADER_BYTES + messageLength(this.#half, 0);
      if (needed === this.#needed) break;
      this.#needed = needed;
    }
    const whole = this.#half.subarray(FRAME_HEADER_BYTES, this.#needed);
    this.clear();
    message(whole);
    return at;
  }

  /** A copy: a view would keep all of what came along with it in memory. The buffer grows with what comes, not with what is claimed. */
  #hold(chunk: Buffer, start: number, end: number): void {
    const held = this.#held + end - start;
    const before = this.#half;
    if (held > before.length) {
      this.#half = Buffer.allocUnsafeSlow(Math.min(this.#needed, Math.max(held, 2 * before.length, RECEIVING_BYTES_MIN)));
      before.copy(this.#half, 0, 0, this.#held);
    }
    chunk.copy(this.#half, this.#held, start, end);
    this.#held = held;
    // Last, for it may end this very call.
    if (this.#half !== before) this.#memory.grow(this.#half.length - before.length);
  }
}

const messageLength = (bytes: Buffer, at: number): number => {
  if (bytes[at] !== 0) throw new CallFailed(Status.unimplemented, 'compressed messages are not supported');
  const length = bytes.readUInt32BE(at + 1);
  if (length > MESSAGE_BYTES_MAX) {
    throw new CallFailed(Status.resourceExhausted, `a message of ${length} bytes, more than ${MESSAGE_BYTES_MAX}`);
  }
  return length;
};
