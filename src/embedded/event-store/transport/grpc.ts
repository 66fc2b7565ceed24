import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { DEADLINE_MAX_MS, OUTPUT_STALL_MAX_MS, REQUEST_WAIT_MAX_MS } from '../limits.ts';
import { CorruptRecord } from '../storage/record.ts';
import { Deframer } from './deframer.ts';
import { MalformedMessage, type ProtoWriter } from './protobuf.ts';
import { Half, type ReceivingBudget } from './receivingBudget.ts';
import { CallFailed, Status } from './status.ts';

export { CallFailed, Status } from './status.ts';

export type CallHandler = Readonly<{
  /** One whole message; the buffer stays valid. May throw `CallFailed`. */
  message: (bytes: Buffer) => void;
  /** The client has sent its last message. */
  end: () => void;
}>;

export const FRAME_HEADER_BYTES = 5;
const HEADERS = { ':status': 200, 'content-type': 'application/grpc' } as const;

const percentEncoded = (character: string): string =>
  [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');

/** `grpc-message`: bytes other than printable ASCII are percent-encoded, and the percent sign itself. */
const headerText = (text: string): string => text.replace(/[^ -$&-~]/gu, percentEncoded);

export const frame = (message: Uint8Array): Buffer => {
  const framed = Buffer.allocUnsafe(FRAME_HEADER_BYTES + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, FRAME_HEADER_BYTES);
  return framed;
};

/** Puts what `write` writes behind what is there already, framed as a message. */
export const putFrame = (writer: ProtoWriter, write: (message: ProtoWriter) => void): void => {
  writer.varint(0);
  const lengthAt = writer.length;
  writer.skip(FRAME_HEADER_BYTES - 1);
  const start = writer.length;
  write(writer);
  writer.fill(lengthAt, writer.length - start);
};

const TIMEOUT_UNITS_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** Milliseconds that a `grpc-timeout` header leaves, undefined without one. @throws CallFailed when it is none. */
export const timeoutOf = (header: string | string[] | undefined): number | undefined => {
  if (header === undefined) return undefined;
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(String(header)) ?? [];
  if (digits === undefined || unit === undefined) throw new CallFailed(Status.internal, 'the header grpc-timeout is malformed');
  return Math.min(Number(digits) * (TIMEOUT_UNITS_MS[unit] as number), DEADLINE_MAX_MS);
};

/**
 * One gRPC call on an HTTP/2 stream.
 * Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export class Call {
  readonly path: string;
  readonly #stream: ServerHttp2Stream;
  readonly #deframer: Deframer;
  readonly #closeListeners: (() => void)[] = [];
  readonly #budget: ReceivingBudget;
  readonly #now: () => number;
  readonly #begunAt: number;
  /** Whether the client has sent its whole request, or enough of it to be answered. */
  #isRequested = false;
  #trailers: Record<string, string> | undefined;
  #isFull = false;
  /** Since when the client takes nothing of what lies ready for it. */
  #fullSince: number | undefined;
  #wakeWriter: (() => void) | undefined;

  /** @param now milliseconds the server was awake. */
  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, budget: ReceivingBudget, now: () => number) {
    this.#stream = stream;
    this.#budget = budget;
    this.#now = now;
    this.#begunAt = now();
    this.path = String(headers[':path'] ?? '');
    this.#deframer = new Deframer(this.half());
    // The one 'drain' listener of the call's life: a listener added per wait can miss the event.
    stream.on('drain', () => this.#unblock());
    stream.on('close', () => this.#closed());
    // A reset by the client is also a 'close'; nothing else is to be done.
    stream.on('error', () => undefined);
    stream.on('aborted', () => this.#closed());
    stream.on('wantTrailers', () => {
      stream.sendTrailers(this.#trailers ?? { 'grpc-status': String(Status.internal) });
      this.#leave();
    });
  }

  get isRequested(): boolean {
    return this.#isRequested;
  }

  /** Not once the client has reset it, though what it sent, and an end it never sent, may still come out of the stream then. */
  get isOpen(): boolean {
    return this.#trailers === undefined && !this.#stream.closed && !this.#stream.destroyed;
  }

  /** Hands every message to `handler`, which ends the call by `finish` or by throwing. */
  receive(handler: CallHandler): void {
    const message = (bytes: Buffer): void => {
      if (this.isOpen) handler.message(bytes);
    };
    this.#stream.on('data', (chunk: Buffer) => this.#attempt(() => this.#deframer.push(chunk, message)));
    this.#stream.on('end', () => this.#attempt(() => this.#ended(handler)));
  }

  /** Something of which not everything has come, and which counts in the memory of such things until it has. */
  half(): Half {
    return new Half(this.#budget, (failure) => this.fail(failure));
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
    this.#isRequested = true;
    const hasRoom = this.#stream.write(framed);
    if (!hasRoom) this.#fullSince ??= this.#now();
    this.#isFull = !hasRoom;
    return hasRoom;
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
    this.#fullSince ??= this.#now();
    // What the client still sends is read and dropped, so that its connection does not clog.
    this.#stream.resume();
    if (this.#stream.headersSent) {
      this.#stream.end();
    } else {
      this.#stream.respond({ ...HEADERS, ...this.#trailers }, { endStream: true });
      this.#leave();
    }
    this.#closed();
  }

  /** Ends what is no gRPC call, by an HTTP status. */
  refuse(httpStatus: number): void {
    this.#stream.respond({ ':status': httpStatus }, { endStream: true });
    this.#stream.resume();
    this.#leave();
  }

  /** Ends the call when its client has kept it waiting for too long. To be called now and then. */
  expire(): void {
    const now = this.#now();
    if (this.#fullSince !== undefined && now - this.#fullSince > OUTPUT_STALL_MAX_MS) {
      // Trailers would only wait behind what is not taken.
      this.#stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    } else if (!this.isRequested && now - this.#begunAt > REQUEST_WAIT_MAX_MS) {
      this.finish(Status.aborted, `no request within ${REQUEST_WAIT_MAX_MS} ms`);
    }
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

  /** All is said: a client that has not ended its side need not, and no longer takes up one of its connection's calls. */
  #leave(): void {
    if (this.#stream.readableEnded) return;
    // Not at once: a reset drops what has not been handed to the connection yet.
    setImmediate(() => this.#stream.close(constants.NGHTTP2_NO_ERROR));
  }

  #ended(handler: CallHandler): void {
    if (this.#deframer.isMidMessage) throw new CallFailed(Status.internal, 'the call ended within a message');
    this.#isRequested = true;
    handler.end();
  }

  #unblock(): void {
    this.#isFull = false;
    if (this.isOpen) this.#fullSince = undefined;
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
