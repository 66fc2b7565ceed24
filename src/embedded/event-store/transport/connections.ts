import type { Http2Session, ServerHttp2Stream } from 'node:http2';
import {
  CONNECTION_IDLE_MAX_MS,
  CONNECTION_WINDOW_BYTES,
  CONNECTIONS_MAX,
  FIRST_CALL_WAIT_MAX_MS,
  PING_INTERVAL_MS,
  PING_WAIT_MAX_MS,
} from '../limits.ts';

type Connection = { calls: number; hasCalled: boolean; idleSince: number; heardAt: number; askedAt: number | undefined };

/** The open connections. One that is of no use to anybody makes way, after a while or for a newcomer. */
export class Connections {
  readonly #now: () => number;
  /** In the order in which they were opened. */
  readonly #open = new Map<Http2Session, Connection>();

  /** @param now milliseconds the server was awake. */
  constructor(now: () => number) {
    this.#now = now;
  }

  add(session: Http2Session): void {
    session.on('close', () => this.#open.delete(session));
    // Junk on the port ends its own connection and nothing else.
    session.on('error', () => session.destroy());
    if (this.#open.size >= CONNECTIONS_MAX && !this.#makeRoom()) {
      session.destroy();
      return;
    }
    const now = this.#now();
    this.#open.set(session, { calls: 0, hasCalled: false, idleSince: now, heardAt: now, askedAt: undefined });
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
  }

  /** A call on one of the connections begins, and lasts until its stream is closed. */
  serve(session: Http2Session | undefined, stream: ServerHttp2Stream): void {
    const connection = session && this.#open.get(session);
    if (connection === undefined) return;
    connection.calls++;
    connection.hasCalled = true;
    stream.on('close', () => {
      connection.calls--;
      connection.idleSince = this.#now();
    });
  }

  /** Ends those that have had no call, or whose client was not heard of, for too long. To be called now and then. */
  expire(): void {
    const now = this.#now();
    for (const [session, connection] of this.#open) {
      const { calls, hasCalled, idleSince, askedAt } = connection;
      const isIdle = calls === 0 && now - idleSince > (hasCalled ? CONNECTION_IDLE_MAX_MS : FIRST_CALL_WAIT_MAX_MS);
      // A call that is on its way just now is refused unseen, and its client makes it anew on another connection.
      if (isIdle && hasCalled) session.close();
      else if (isIdle || (askedAt !== undefined && now - askedAt > PING_WAIT_MAX_MS)) session.destroy();
      else this.#ask(session, connection);
    }
  }

  /** Lets the calls end, then closes. */
  close(): void {
    for (const session of this.#open.keys()) session.close();
  }

  /** Breaks all of them at once. */
  cut(): void {
    for (const session of this.#open.keys()) session.destroy();
  }

  /**
   * Whether the client is still there. A connection on which the protocol was broken does not answer either:
   * Node says goodbye on it and reads no more, but leaves it open.
   */
  #ask(session: Http2Session, connection: Connection): void {
    if (session.destroyed || session.closed) return; // It is on its way out; a ping would throw.
    const now = this.#now();
    if (!connection.hasCalled || connection.askedAt !== undefined || now - connection.heardAt < PING_INTERVAL_MS) return;
    connection.askedAt = now;
    session.ping((error) => {
      if (error !== null) return;
      connection.heardAt = this.#now();
      connection.askedAt = undefined;
    });
  }

  /** Ends the oldest connection that never had a call; false when there is none. */
  #makeRoom(): boolean {
    for (const [session, { hasCalled }] of this.#open) {
      if (hasCalled) continue;
      this.#open.delete(session);
      session.destroy();
      return true;
    }
    return false;
  }
}
