import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import {
  CALL_WINDOW_BYTES,
  CALLS_MAX,
  CALLS_PER_CONNECTION_MAX,
  CONNECTION_MEMORY_MAX_MB,
  MESSAGE_WAIT_MAX_MS,
  STOP_WAIT_MAX_MS,
  WAIT_SWEEP_MS,
} from '../limits.ts';
import { Connections } from './connections.ts';
import { Call, CallFailed, Status, timeoutOf } from './grpc.ts';
import { ReceivingBudget } from './receivingBudget.ts';

export type Handler = (call: Call) => void;

const TOO_MANY_CALLS = `more than ${CALLS_MAX} calls at a time`;

/** gRPC calls over HTTP/2 in clear text. Keeps the open connections and calls, so that it can end them. */
export class Transport {
  readonly #routes: ReadonlyMap<string, Handler>;
  readonly #server: Http2Server;
  readonly #calls = new Set<Call>();
  #openCalls = 0;
  /** Milliseconds this server was awake. A process that was stopped for a while must not hold that against its clients. */
  #awakeMs = 0;
  readonly #connections = new Connections(() => this.#awakeMs);
  readonly #budget = new ReceivingBudget(() => this.#awakeMs);
  #sweeping: NodeJS.Timeout | undefined;

  /** @param routes what serves a call, by its path; all other paths are answered as unimplemented. */
  constructor(routes: ReadonlyMap<string, Handler>) {
    this.#routes = routes;
    this.#server = createServer({
      maxSessionMemory: CONNECTION_MEMORY_MAX_MB,
      settings: { maxConcurrentStreams: CALLS_PER_CONNECTION_MAX, initialWindowSize: CALL_WINDOW_BYTES },
    });
    this.#server.on('session', (session) => this.#connections.add(session));
    this.#server.on('sessionError', () => undefined);
    this.#server.on('stream', (stream, headers) => this.#serve(stream, headers));
  }

  get address(): AddressInfo {
    return this.#server.address() as AddressInfo;
  }

  /** Listens on a port, 0 for any free one. @throws the system's error when the port is taken. */
  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        // An error of a single accept, such as too many open files, is no reason to stop.
        this.#server.on('error', () => undefined);
        this.#sweeping = setInterval(() => this.sweep(), WAIT_SWEEP_MS);
        resolve();
      });
    });
  }

  /** Another `WAIT_SWEEP_MS` have passed: ends calls and connections whose client lets them wait for too long. */
  sweep(): void {
    this.#awakeMs += WAIT_SWEEP_MS;
    this.#budget.expire(MESSAGE_WAIT_MAX_MS);
    for (const call of this.#calls) call.expire();
    this.#connections.expire();
  }

  /** Takes nothing more from any client; what was taken can still be answered. */
  pause(): void {
    for (const call of this.#calls) call.pause();
  }

  /** Ends all calls as unavailable and closes all connections, by force after a while. */
  async close(): Promise<void> {
    clearInterval(this.#sweeping);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const call of this.#calls) call.finish(Status.unavailable, 'the event store is shutting down');
    this.#connections.close();
    const cut = setTimeout(() => this.cut(), STOP_WAIT_MAX_MS);
    await closed;
    clearTimeout(cut);
  }

  /** Breaks all connections at once. */
  cut(): void {
    clearInterval(this.#sweeping);
    this.#connections.cut();
  }

  #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const call = new Call(stream, headers, this.#budget, () => this.#awakeMs);
    this.#connections.serve(stream.session, stream);
    if (headers[':method'] !== 'POST' || !String(headers['content-type'] ?? '').startsWith('application/grpc')) {
      call.refuse(415);
      return;
    }
    if (this.#openCalls >= CALLS_MAX) this.#makeRoom();
    this.#openCalls++;
    call.onClose(() => this.#openCalls--);
    // Longer than it is open: its client may still have to take the end of it.
    this.#calls.add(call);
    stream.on('close', () => this.#calls.delete(call));
    try {
      this.#begin(call, timeoutOf(headers['grpc-timeout']));
    } catch (error) {
      call.fail(error);
    }
  }

  /** Ends the oldest call whose client has not said what it wants. */
  #makeRoom(): void {
    for (const call of this.#calls) {
      if (!call.isOpen || call.isRequested) continue;
      call.finish(Status.resourceExhausted, TOO_MANY_CALLS);
      return;
    }
  }

  /** @throws CallFailed when it cannot be served. */
  #begin(call: Call, timeoutMs: number | undefined): void {
    const handler = this.#routes.get(call.path);
    if (this.#openCalls > CALLS_MAX) throw new CallFailed(Status.resourceExhausted, TOO_MANY_CALLS);
    if (handler === undefined) throw new CallFailed(Status.unimplemented, `${call.path} is not served here`);
    if (timeoutMs !== undefined) {
      const timer = setTimeout(() => call.finish(Status.deadlineExceeded, 'the time given for the call is over'), timeoutMs);
      call.onClose(() => clearTimeout(timer));
    }
    handler(call);
  }
}
