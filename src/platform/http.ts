import { randomUUID } from 'node:crypto';
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Response } from 'express';
import { readBody } from './body.ts';
import { docsRoutes } from './docsPage.ts';
import { documentRoutes } from './documentRoutes.ts';
import { enveloped } from './envelope.ts';
import { type HealthChecks, healthRoutes } from './health.ts';
import { shedLoad } from './loadShedding.ts';
import type { Logger } from './log.ts';
import { type Metrics, metricsRoutes, timeRequests } from './metrics.ts';
import type { OpenApiDocument } from './openapi.ts';
import { isPassing, Problem, toProblemJson } from './problem.ts';
import { limitRate, type RateLimit } from './rateLimit.ts';
import type { RouteTable } from './route.ts';
import { routerOf } from './router.ts';
import { securityHeaders } from './securityHeaders.ts';
import { sparingly } from './sparingly.ts';

export type { HealthChecks } from './health.ts';
export { type Listening, listen } from './listen.ts';
export { BODY_BYTES_MAX } from './readBytes.ts';
export type { RouteTable } from './route.ts';

export type AppOptions = Readonly<{
  log: Logger;
  tables: readonly RouteTable[];
  health: HealthChecks;
  /** What the interface is called in its document. */
  title?: string;
  metrics?: Metrics;
  /** Off unless given. */
  rateLimit?: RateLimit | null;
  /** Proxies before this process whose word on the caller's address counts. */
  trustedProxies?: number;
  /** Takes every request that is not about this process itself, in place of the tables; it reads the body itself. */
  through?: RequestHandler;
  /** The document, where it is not that of the tables. */
  document?: () => Promise<OpenApiDocument>;
  /** Gives errors of the inside their names; `null` for those it does not know. */
  explain?: (error: unknown) => Problem | null;
}>;

const URL_CHARS_MAX = 2 * 1024;
/** Lines a second in the log about requests that were turned away. */
const TURNED_AWAY_LINES_MAX = 20;
const CORRELATION_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** The id under which this request stands in the log and in every event it causes. */
export const correlationIdOf = (res: Response): string => res.locals.correlationId as string;

/** An Express app with the house's rules for bodies, errors and unknown paths. Health and metrics answer under any load. */
export const createApp = (options: AppOptions): Express => {
  const { log, tables, metrics, rateLimit = null, trustedProxies = 0, through, explain = () => null } = options;
  const app = express();
  app.disable('x-powered-by').disable('etag').enable('case sensitive routing').set('query parser', 'simple');
  app.set('trust proxy', trustedProxies);
  if (metrics) app.use(timeRequests(metrics));
  app.use(greet);
  app.use(routerOf(systemRoutes(options)));
  if (rateLimit) app.use(limitRate(rateLimit));
  app.use(shedLoad());
  if (through) app.use(through);
  else app.use(readBody, routerOf(Object.assign({}, ...tables) as RouteTable));
  app.use((req) => {
    throw new Problem('not-found', `There is nothing at ${req.method} ${req.path}.`);
  });
  app.use(answerProblem(log, explain));
  return app;
};

/** What every process answers about itself. */
const systemRoutes = ({ log, tables, health, title = 'Tillstream', metrics, document }: AppOptions): RouteTable => {
  const own = async () => (await import('./openapi.ts')).documentOf(title, [...tables, system]);
  const system: RouteTable = {
    ...healthRoutes(health, log),
    ...(metrics ? metricsRoutes(metrics) : {}),
    ...docsRoutes(title),
    ...documentRoutes(document ?? own),
  };
  return system;
};

/** The caller's own id for a request, if it is one, or a new one. */
export const correlationIdFrom = (given: unknown): string =>
  typeof given === 'string' && CORRELATION_ID.test(given) ? given : randomUUID();

/** What every answer carries, refusals included. One function for all of it: each step that Express takes costs as much as the work done here. */
const greet: RequestHandler = (req, res, next) => {
  const id = correlationIdFrom(req.headers['x-correlation-id']);
  res.locals.correlationId = id;
  res.setHeader('X-Correlation-Id', id);
  securityHeaders(res);
  if (req.url.length > URL_CHARS_MAX) throw new Problem('invalid-request', `The address is longer than ${URL_CHARS_MAX} characters.`);
  next();
};

/** Express has its own errors for a path that cannot be read; they carry a status, and name nothing of the inside. */
const fromExpress = (error: unknown): Problem | null => {
  const status = (error as { status?: unknown } | null)?.status;
  const clients = error instanceof URIError || (typeof status === 'number' && status >= 400 && status < 500);
  return clients ? new Problem('invalid-request', 'The request could not be read.') : null;
};

const answerProblem = (log: Logger, explain: (error: unknown) => Problem | null): ErrorRequestHandler => {
  const turnedAway = sparingly(TURNED_AWAY_LINES_MAX);
  return (error: unknown, req, res, next) => {
    const named =
      error instanceof Problem ? error : (explain(error) ?? fromExpress(error) ?? new Problem('internal', 'The error was logged.'));
    const problem = enveloped(named, req.path);
    const correlationId = correlationIdOf(res);
    if (problem.status === 500) log.error({ err: error, correlationId, method: req.method, path: req.path }, 'a request failed');
    else if (problem.status === 503) {
      turnedAway((unsaid) => log.warn({ err: error, correlationId, problem: problem.problem, unsaid }, 'a request was turned away'));
    }
    if (res.headersSent) return next(error);
    if (isPassing(problem.problem) && !res.hasHeader('Retry-After')) res.setHeader('Retry-After', '1');
    res
      .status(problem.status)
      .type('application/problem+json')
      .send(JSON.stringify(toProblemJson(problem, correlationId)));
  };
};
