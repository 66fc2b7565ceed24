import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { MESSAGE_BYTES_MAX, RECEIVING_BYTES_MAX } from './limits.ts';
import { MalformedMessage } from './protobuf.ts';
import { CorruptRecord } from './record.ts';

/** gRPC status codes in use. Source: https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
export const Status = {
  ok: 0,
  invalidArgument: 3,
  failedPrecondition: 9,
  resourceExhausted: 8,
  unimplemented: 12,
  aborted: 10,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
} as const;

/** Ends a call with a status; thrown by whoever handles the call's messages. */
export class CallFailed extends Error {
  override name = 'CallFailed';
  readonly status: number;
  readonly trailers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, trailers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.trailers = trailers;
  }
}

/** Bytes of half-received messages over all calls of a server. */
export type ReceivingBudget = { bytes: number };

export type CallHandler = Readonly<{
  /** One whole message; the buffer stays valid. May throw `CallFailed`. */
  message: (bytes: Buffer) => void;
  /** The client has sent its last message. */
  end: () => void;
}>;

const FRAME_HEADER_BYTES = 5;
const HEADERS = { ':status': 200, 'content-type': 'application/grpc' } as const;

/** `grpc-message` is percent-encoded: a header must not carry other than printable ASCII. */
const headerText = (text: string): string => encodeURIComponent(text).replaceAll('%20', ' ');

export const frame = (message: Uint8Array): Buffer => {
  const framed = Buffer.allocUnsafe(FRAME_HEADER_BYTES + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, FRAME_HEADER_BYTES);
  return framed;
};

/** Cuts a stream of bytes into gRPC messages. Holds no more than one unfinished message. */
class Deframer {
  readonly #budget: ReceivingBudget;
  #chunks: Buffer[] = [];
  #held = 0;
  #needed = FRAME_HEADER_BYTES;

  constructor(budget: ReceivingBudget) {
    this.#budget = budget;
  }

  get isMidMessage(): boolean {
    return this.#held > 0;
  }

  /** @throws CallFailed on a compressed message or one above the limits. */
  push(chunk: Buffer, message: (bytes: Buffer) => void): void {
    this.#chunks.push(chunk);
    this.#hold(chunk.length);
    if (this.#held < this.#needed) return;
    const [only] = this.#chunks;
    const bytes = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks);
    this.clear();
    let at = 0;
    this.#needed = FRAME_HEADER_BYTES;
    while (bytes.length - at >= FRAME_HEADER_BYTES) {
      const end = at + FRAME_HEADER_BYTES + this.#length(bytes, at);
      if (end > bytes.length) {
        this.#needed = end - at;
        break;
      }
      message(bytes.subarray(at + FRAME_HEADER_BYTES, end));
      at = end;
    }
    if (at === bytes.length) return;
    this.#chunks = [bytes.subarray(at)];
    this.#hold(bytes.length - at);
  }

  clear(): void {
    this.#chunks = [];
    this.#hold(-this.#held);
  }

  #hold(bytes: number): void {
    this.#held += bytes;
    this.#budget.bytes += bytes;
    if (this.#budget.bytes > RECEIVING_BYTES_MAX && bytes > 0) {
      throw new CallFailed(Status.resourceExhausted, 'too many bytes of unfinished messages');
    }
  }

  #length(bytes: Buffer, at: number): number {
    if (bytes[at] !== 0) throw new CallFailed(Status.unimplemented, 'compressed messages are not supported');
    const length = bytes.readUInt32BE(at + 1);
    if (length > MESSAGE_BYTES_MAX) {
      throw new CallFailed(Status.resourceExhausted, `a message of ${length} bytes, more than ${MESSAGE_BYTES_MAX}`);
    }
    return length;
  }
}

/**
 * One gRPC call on an HTTP/2 stream.
 * Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export class Call {
  readonly path: string;
  readonly #stream: ServerHttp2Stream;
  readonly #deframer: Deframer;
  readonly #closeListeners: (() => void)[] = [];
  #trailers: Record<string, string> | undefined;
  #isFull = false;
  #wakeWriter: (() => void) | undefined;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, budget: ReceivingBudget) {
    this.#stream = stream;
    this.path = String(headers[':path'] ?? '');
    this.#deframer = new Deframer(budget);
    // The one 'drain' listener of the call's life: a listener added per wait can miss the event.
    stream.on('drain', () => this.#unblock());
    stream.on('close', () => this.#closed());
    // A reset by the client is also a 'close'; nothing else is to be done.
    stream.on('error', () => undefined);
    stream.on('aborted', () => this.#closed());
    stream.on('wantTrailers', () => stream.sendTrailers(this.#trailers ?? { 'grpc-status': String(Status.internal) }));
  }

  get isOpen(): boolean {
    return this.#trailers === undefined && !this.#stream.destroyed && !this.#stream.aborted;
  }

  /** Hands every message to `handler`, which ends the call by `finish` or by throwing. */
  receive(handler: CallHandler): void {
    const message = (bytes: Buffer): void => {
      if (this.isOpen) handler.message(bytes);
    };
    this.#stream.on('data', (chunk: Buffer) => this.#attempt(() => this.#deframer.push(chunk, message)));
    this.#stream.on('end', () => this.#attempt(() => this.#ended(handler)));
  }

  /** Runs `listener` once when the call is over for the client, for whatever reason. */
  onClose(listener: () => void): void {
    this.#closeListeners.push(listener);
  }

  /** Stops and starts taking bytes from the client; the HTTP/2 window does the rest. */
  pause(): void {
    this.#stream.pause();
  }
  resume(): void {
    this.#stream.resume();
  }

  /** Sends framed messages; false when the client takes them slower than they come: wait for `writable` then. */
  send(framed: Buffer): boolean {
    if (!this.isOpen) return false;
    if (!this.#stream.headersSent) this.#stream.respond(HEADERS, { waitForTrailers: true });
    this.#isFull = !this.#stream.write(framed);
    return !this.#isFull;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  /** Resolves when more can be sent; to false when the call is over. One waiter at a time. */
  async writable(): Promise<boolean> {
    while (this.isOpen && this.#isFull) {
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
    }
    return this.isOpen;
  }

  /** Ends the call. Only the first ending counts. */
  finish(status: number, message = '', trailers: Readonly<Record<string, string>> = {}): void {
    if (!this.isOpen) return;
    this.#trailers = { 'grpc-status': String(status), ...(message === '' ? {} : { 'grpc-message': headerText(message) }), ...trailers };
    if (this.#stream.headersSent) this.#stream.end();
    else this.#stream.respond({ ...HEADERS, ...this.#trailers }, { endStream: true });
    // What the client still sends is read and dropped, so that its connection does not clog.
    this.#stream.resume();
    this.#closed();
  }

  /** Ends the call by what was thrown, under the status that says whose fault it is. */
  fail(error: unknown): void {
    if (error instanceof CallFailed) this.finish(error.status, error.message, error.trailers);
    else if (error instanceof MalformedMessage) this.finish(Status.invalidArgument, error.message);
    else if (error instanceof CorruptRecord) this.finish(Status.dataLoss, error.message);
    else this.finish(Status.internal, error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  }

  /** Runs a part of the call's work; what it throws ends the call. A call that is over does nothing more, whatever still comes in. */
  #attempt(work: () => void): void {
    if (!this.isOpen) return;
    try {
      work();
    } catch (error) {
      this.fail(error);
    }
  }

  #ended(handler: CallHandler): void {
    if (this.#deframer.isMidMessage) throw new CallFailed(Status.internal, 'the call ended within a message');
    handler.end();
  }

  #unblock(): void {
    this.#isFull = false;
    const wake = this.#wakeWriter;
    this.#wakeWriter = undefined;
    wake?.();
  }

  #closed(): void {
    this.#deframer.clear();
    this.#unblock();
    for (const listener of this.#closeListeners.splice(0)) listener();
  }
}
