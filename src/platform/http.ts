import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Response, Router } from 'express';
import helmet from 'helmet';
import type { Logger } from './log.ts';
import { Problem, toProblemJson } from './problem.ts';

/** Handlers by method and path, `'GET /users/:userId/balance'`. Paths without parameters stand before those with. */
export type RouteTable = Readonly<Record<string, RequestHandler>>;
/** A check that throws makes the process not ready. */
export type HealthChecks = Readonly<Record<string, () => Promise<void> | void>>;
export type Listening = Readonly<{ port: number; close(): Promise<void> }>;
export type AppOptions = Readonly<{
  log: Logger;
  tables: readonly RouteTable[];
  health: HealthChecks;
  /** Gives errors of the inside their names; `null` for those it does not know. */
  explain?: (error: unknown) => Problem | null;
}>;

export const BODY_BYTES_MAX = 16 * 1024;
const HEADER_BYTES_MAX = 8 * 1024;
const URL_CHARS_MAX = 2 * 1024;
const HEALTH_CHECK_MS_MAX = 2_000;
/** While closing: how often connections that have answered their last request are ended. */
const IDLE_CHECK_MS = 50;
const CORRELATION_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** The id under which this request stands in the log and in every event it causes. */
export const correlationIdOf = (res: Response): string => res.locals.correlationId as string;

/** An Express app with the house's rules for bodies, errors and unknown paths. */
export const createApp = ({ log, tables, health, explain = () => null }: AppOptions): Express => {
  const app = express();
  app.disable('x-powered-by').disable('etag').enable('case sensitive routing').set('query parser', 'simple');
  app.use(correlate, securityHeaders, limitUrl);
  app.use(routerOf({ 'GET /health/live': live, 'GET /health/ready': readiness(health, log) }));
  app.use(express.raw({ type: () => true, limit: BODY_BYTES_MAX }), parseJson);
  app.use(routerOf(Object.assign({}, ...tables) as RouteTable));
  app.use((req) => {
    throw new Problem('not-found', `There is nothing at ${req.method} ${req.path}.`);
  });
  app.use(answerProblem(log, explain));
  return app;
};

const correlate: RequestHandler = (req, res, next) => {
  const given = req.get('X-Correlation-Id');
  const id = given && CORRELATION_ID.test(given) ? given : randomUUID();
  res.locals.correlationId = id;
  res.setHeader('X-Correlation-Id', id);
  next();
};

/** For answers that are data, never pages: what only tells a browser how to show a page is left out. */
const securityHeaders = helmet({
  contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
});

const limitUrl: RequestHandler = (req, _res, next) => {
  if (req.url.length > URL_CHARS_MAX) throw new Problem('invalid-request', `The address is longer than ${URL_CHARS_MAX} characters.`);
  next();
};

/** One route a path, so that any other method gets 405 and is told which there are. */
const routerOf = (table: RouteTable): Router => {
  const router = Router({ caseSensitive: true });
  const byPath = new Map<string, Map<string, RequestHandler>>();
  for (const [key, handler] of Object.entries(table)) {
    const [method, path] = key.split(' ') as [string, string];
    byPath.set(path, (byPath.get(path) ?? new Map()).set(method, handler));
  }
  for (const [path, handlers] of byPath) {
    const route = router.route(path);
    for (const [method, handler] of handlers) route[method.toLowerCase() as 'get' | 'post' | 'put' | 'delete'](handler);
    const allow = [...handlers.keys(), ...(handlers.has('GET') ? ['HEAD'] : [])].join(', ');
    route.all((req, res) => {
      res.setHeader('Allow', allow);
      throw new Problem('method-not-allowed', `${req.path} takes ${allow}.`);
    });
  }
  return router;
};

const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*"?utf-?8"?\s*)?$/i;

/** `req.body` is what the JSON says, or `undefined` when there was no body; its type is then nobody's concern. */
const parseJson: RequestHandler = (req, _res, next) => {
  const bytes: unknown = req.body;
  if (!Buffer.isBuffer(bytes) || bytes.length === 0) {
    req.body = undefined;
    return next();
  }
  if (!JSON_TYPE.test(req.get('Content-Type') ?? '')) {
    throw new Problem('unsupported-media-type', 'A body needs the content type application/json, in UTF-8.');
  }
  if (!isUtf8(bytes)) throw new Problem('invalid-request', 'The body is not UTF-8.');
  try {
    req.body = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new Problem('invalid-request', 'The body is not JSON.');
  }
  return next();
};

const live: RequestHandler = (_req, res) => {
  res.json({ status: 'live' });
};

const readiness =
  (checks: HealthChecks, log: Logger): RequestHandler =>
  async (_req, res) => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => {
        const failure = await failureOf(check);
        if (failure) log.warn({ check: name, err: failure }, 'not ready');
        return [name, failure ? 'failing' : 'ok'] as const;
      }),
    );
    const ready = results.every(([, result]) => result === 'ok');
    res.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not-ready', checks: Object.fromEntries(results) });
  };

const failureOf = async (check: () => Promise<void> | void): Promise<Error | null> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${HEALTH_CHECK_MS_MAX} ms`)), HEALTH_CHECK_MS_MAX);
  });
  try {
    await Promise.race([check(), late]);
    return null;
  } catch (error) {
    return error as Error;
  } finally {
    clearTimeout(timer);
  }
};

const answerProblem =
  (log: Logger, explain: (error: unknown) => Problem | null): ErrorRequestHandler =>
  (error: unknown, req, res, next) => {
    const problem =
      error instanceof Problem ? error : (explain(error) ?? fromParser(error) ?? new Problem('internal', 'The error was logged.'));
    const correlationId = correlationIdOf(res);
    if (problem.status === 500) log.error({ err: error, correlationId, method: req.method, path: req.path }, 'a request failed');
    else if (problem.status === 503) log.warn({ err: error, correlationId, problem: problem.problem }, 'a request was turned away');
    if (res.headersSent) return next(error);
    if (problem.status === 503 || problem.status === 429) res.setHeader('Retry-After', '1');
    res
      .status(problem.status)
      .type('application/problem+json')
      .send(JSON.stringify(toProblemJson(problem, correlationId)));
  };

/** Errors of Express and its body parser carry a status of their own; they name nothing of the inside. */
const fromParser = (error: unknown): Problem | null => {
  const status = (error as { status?: unknown } | null)?.status;
  if (status === 413) return new Problem('payload-too-large', `A body has ${BODY_BYTES_MAX} bytes at most.`);
  if (status === 415) return new Problem('unsupported-media-type', 'The encoding of the body is not supported.');
  if (error instanceof URIError || (typeof status === 'number' && status >= 400 && status < 500)) {
    return new Problem('invalid-request', 'The request could not be read.');
  }
  return null;
};

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
export const listen = (app: Express, host: string, port: number): Promise<Listening> => {
  const server = http.createServer(
    {
      ...bornForApp(app),
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: 5_000,
      requestTimeout: 10_000,
      keepAliveTimeout: 5_000,
      connectionsCheckingInterval: 1_000,
    },
    app,
  );
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
