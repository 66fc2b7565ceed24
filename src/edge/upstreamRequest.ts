import http from 'node:http';
import type { Upstream } from './upstreams.ts';

/** Milliseconds for a server to answer, and for its connection to stand. More than any request may take there. */
const ANSWER_MS_MAX = 15_000;
const CONNECT_MS_MAX = 1_000;
/** Milliseconds that an idle connection is kept: less than the servers keep theirs, so that none is used as it is closed. */
const IDLE_MS_MAX = 4_000;
/** Idle connections kept for each server. */
const IDLE_MAX = 256;

/** The connection never stood: the server has seen nothing of the request. */
export class NeverSent extends Error {
  override name = 'NeverSent';
}
/** The server may have seen the request, and acted on it; no answer came. */
export class NoAnswer extends Error {
  override name = 'NoAnswer';
}

export type Outgoing = Readonly<{ method: string; path: string; headers: http.OutgoingHttpHeaders; body: Buffer; signal: AbortSignal }>;

/** Asks servers over connections that are kept. Whoever asks bounds how many requests are under way. */
export class UpstreamClient {
  private readonly agent = new http.Agent({ keepAlive: true, maxFreeSockets: IDLE_MAX, timeout: IDLE_MS_MAX, scheduling: 'lifo' });

  /** The answer with its body still to come. @throws NeverSent or NoAnswer. */
  ask({ host, port }: Upstream, { method, path, headers, body, signal }: Outgoing): Promise<http.IncomingMessage> {
    return new Promise((resolve, reject) => {
      let sent = false;
      const request = http.request({ agent: this.agent, host, port, method, path, headers, signal });
      const late = setTimeout(() => request.destroy(new Error(`no answer within ${ANSWER_MS_MAX} ms`)), ANSWER_MS_MAX);
      const unconnected = setTimeout(() => {
        if (!sent) request.destroy(new Error(`no connection within ${CONNECT_MS_MAX} ms`));
      }, CONNECT_MS_MAX);
      request.on('socket', (socket) => {
        if (!socket.connecting) sent = true;
        else
          socket.once('connect', () => {
            sent = true;
          });
      });
      const settled = (): void => {
        clearTimeout(late);
        clearTimeout(unconnected);
      };
      request.once('response', (response) => {
        settled();
        resolve(response);
      });
      request.on('error', (cause) => {
        settled();
        reject(sent ? new NoAnswer(`${host}:${port} gave no answer`, { cause }) : new NeverSent(`${host}:${port} not reached`, { cause }));
      });
      request.end(body);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}
