import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Call, type ReceivingBudget, Status } from './grpc.ts';
import {
  CALL_WINDOW_BYTES,
  CALLS_PER_CONNECTION_MAX,
  CONNECTION_MEMORY_MAX_MB,
  CONNECTION_WINDOW_BYTES,
  CONNECTIONS_MAX,
  STOP_WAIT_MAX_MS,
} from './limits.ts';

export type Handler = (call: Call) => void;

/** gRPC calls over HTTP/2 in clear text. Keeps the open connections and calls, so that it can end them. */
export class Transport {
  readonly #routes: ReadonlyMap<string, Handler>;
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #calls = new Set<Call>();
  readonly #budget: ReceivingBudget = { bytes: 0 };

  /** @param routes what serves a call, by its path; all other paths are answered as unimplemented. */
  constructor(routes: ReadonlyMap<string, Handler>) {
    this.#routes = routes;
    this.#server = createServer({
      maxSessionMemory: CONNECTION_MEMORY_MAX_MB,
      settings: { maxConcurrentStreams: CALLS_PER_CONNECTION_MAX, initialWindowSize: CALL_WINDOW_BYTES },
    });
    // Node's types leave out that an HTTP/2 server is a net.Server with this limit.
    (this.#server as Http2Server & { maxConnections: number }).maxConnections = CONNECTIONS_MAX;
    this.#server.on('session', (session) => this.#keep(session));
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
        resolve();
      });
    });
  }

  /** Takes nothing more from any client; what was taken can still be answered. */
  pause(): void {
    for (const call of this.#calls) call.pause();
  }

  /** Ends all calls as unavailable and closes all connections, by force after a while. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const call of this.#calls) call.finish(Status.unavailable, 'the event store is shutting down');
    for (const session of this.#sessions) session.close();
    const cut = setTimeout(() => this.cut(), STOP_WAIT_MAX_MS);
    await closed;
    clearTimeout(cut);
  }

  /** Breaks all connections at once. */
  cut(): void {
    for (const session of this.#sessions) session.destroy();
  }

  #keep(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.on('close', () => this.#sessions.delete(session));
    // Junk on the port ends its own connection and nothing else.
    session.on('error', () => session.destroy());
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
  }

  #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const call = new Call(stream, headers, this.#budget);
    if (headers[':method'] !== 'POST' || !String(headers['content-type'] ?? '').startsWith('application/grpc')) {
      stream.respond({ ':status': 415 }, { endStream: true });
      return;
    }
    this.#calls.add(call);
    call.onClose(() => this.#calls.delete(call));
    const handler = this.#routes.get(call.path);
    if (handler === undefined) call.finish(Status.unimplemented, `${call.path} is not served here`);
    else handler(call);
  }
}
