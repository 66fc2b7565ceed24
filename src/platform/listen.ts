import http from 'node:http';
import type { Socket } from 'node:net';
import type { Express } from 'express';
import { answerBroken } from './brokenRequests.ts';
import { ConnectionsFirst } from './connectionsFirst.ts';

export type Listening = Readonly<{ port: number; close(): Promise<void> }>;

const HEADER_BYTES_MAX = 8 * 1024;
/** Connections at once at most; one more is closed before it costs anything. */
const CONNECTIONS_MAX = 10_000;
/** Requests that a connection may send without waiting for an answer; who sends more loses it. All that come at once are worked on at once, before anybody else's. */
const PIPELINED_MAX = 64;
/** While closing: how often connections that have answered their last request are ended. */
const IDLE_CHECK_MS = 50;

/**
 * Milliseconds for a request's headers, for all of it, and between two requests; how often that is looked at; and how long a
 * connection may stand still in the middle of an exchange, which is how a client that does not read its answers is found out.
 */
const SERVER_TIMES = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  stillMsMax: 20_000,
} as const;

export type ServerTimes = Readonly<Record<keyof typeof SERVER_TIMES, number>>;

/**
 * Express gives each request and response the app's prototypes, and changing a prototype costs more than
 * all the rest of a small request. Objects that are born with them need no change.
 */
const bornForApp = (app: Express) => {
  class AppRequest extends http.IncomingMessage {}
  class AppResponse<Request extends http.IncomingMessage = http.IncomingMessage> extends http.ServerResponse<Request> {}
  Object.setPrototypeOf(AppRequest.prototype, app.request);
  Object.setPrototypeOf(AppResponse.prototype, app.response);
  app.request = AppRequest.prototype as typeof app.request;
  app.response = AppResponse.prototype as unknown as typeof app.response;
  return { IncomingMessage: AppRequest, ServerResponse: AppResponse };
};

/**
 * Serves the app with limits on slow and idle clients. Port 0 is any free one.
 * `close` stops taking, lets running requests finish, and ends idle connections.
 * @throws the system's EADDRINUSE when the port is taken.
 */
export const listen = (app: Express, host: string, port: number, times: Partial<ServerTimes> = {}): Promise<Listening> => {
  const { stillMsMax, ...httpTimes } = { ...SERVER_TIMES, ...times };
  const underWay = new WeakMap<Socket, number>();
  const newcomers = new ConnectionsFirst();
  const server = http.createServer({ ...bornForApp(app), ...httpTimes, maxHeaderSize: HEADER_BYTES_MAX }, inTurn(app, underWay, newcomers));
  server.timeout = stillMsMax;
  server.on('connection', () => newcomers.accepted());
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    answerBroken(error, socket as Socket, (underWay.get(socket as Socket) ?? 0) > 0);
  });
  return listening(server, host, port);
};

/** Cuts connections off that pile requests up, and counts in `underWay` those that are not answered yet. */
const inTurn =
  (app: Express, underWay: WeakMap<Socket, number>, newcomers: ConnectionsFirst): http.RequestListener =>
  (req, res) => {
    const { socket } = req;
    const requests = (underWay.get(socket) ?? 0) + 1;
    if (requests > PIPELINED_MAX) return void socket.destroy();
    underWay.set(socket, requests);
    res.on('close', () => underWay.set(socket, (underWay.get(socket) ?? 1) - 1));
    newcomers.serve(() => {
      if (!socket.destroyed) app(req, res);
    });
  };

/** Starts a server that stands ready, under the limits that all servers here have. */
export const listening = (server: http.Server, host: string, port: number): Promise<Listening> => {
  server.maxConnections = CONNECTIONS_MAX;
  const close = () =>
    new Promise<void>((resolve) => {
      const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
      server.close(() => {
        clearInterval(idle);
        resolve();
      });
    });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve({ port: (server.address() as { port: number }).port, close }));
  });
};
