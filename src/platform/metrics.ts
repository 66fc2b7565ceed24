import type { RequestHandler } from 'express';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { z } from 'zod';
import { RequestDurations } from './requestDurations.ts';
import { type RouteTable, route } from './route.ts';

/** Seconds: from what the fastest answer takes to what the slowest may. */
const LATENCY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5];
const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'];

/** What one process counts and measures. Every process has a registry of its own, so that two in one test do not mix. */
export type Metrics = Readonly<{
  registry: Registry;
  /** Requests of all apps of this process. */
  requests: RequestDurations;
  /** Durations of another kind of requests, by route, method and status. */
  durations(name: string, help: string): RequestDurations;
  histogram<Label extends string = never>(name: string, help: string, options?: HistogramOptions<Label>): Histogram<Label>;
  counter<Label extends string = never>(name: string, help: string, labels?: readonly Label[]): Counter<Label>;
  /** `collect` sets the value when somebody asks for it. */
  gauge<Label extends string = never>(
    name: string,
    help: string,
    labels?: readonly Label[],
    collect?: (gauge: Gauge<Label>) => void | Promise<void>,
  ): Gauge<Label>;
}>;
export type HistogramOptions<Label extends string> = Readonly<{ labels?: readonly Label[]; buckets?: readonly number[] }>;

export const createMetrics = (): Metrics => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const durations = (name: string, help: string) => new RequestDurations(registry, name, help, LATENCY_BUCKETS);
  return {
    registry,
    requests: durations('till_http_request_duration_seconds', 'From the request read to the answer sent.'),
    durations,
    histogram: (name, help, { labels = [], buckets = LATENCY_BUCKETS } = {}) =>
      new Histogram({ name, help, labelNames: [...labels], buckets: [...buckets], registers }),
    counter: (name, help, labels = []) => new Counter({ name, help, labelNames: [...labels], registers }),
    gauge: (name, help, labels = [], collect) =>
      new Gauge({
        name,
        help,
        labelNames: [...labels],
        registers,
        ...(collect === undefined
          ? {}
          : {
              async collect() {
                await collect(this);
              },
            }),
      }),
  };
};

export const metricsRoutes = ({ registry }: Metrics): RouteTable => ({
  'GET /metrics': route(
    { summary: 'Counts and measures, for Prometheus', kind: 'system', answers: { 200: { body: z.string(), type: 'text/plain' } } },
    async (_req, res) => {
      const text = await registry.metrics();
      res.setHeader('Content-Type', registry.contentType);
      res.end(text);
    },
  ),
});

/**
 * Times every request by the template of its route, or by what `res.locals.route` calls it; never by its path, or every id would become a series of its own. What no
 * route takes counts under one name.
 */
export const timeRequests =
  ({ requests }: Metrics): RequestHandler =>
  (req, res, next) => {
    const begun = performance.now();
    res.on('close', () => {
      const template: unknown = res.locals.route ?? req.route?.path;
      const route = typeof template === 'string' ? template : 'none';
      const method = METHODS.includes(req.method) ? req.method : 'other';
      const status = res.writableFinished ? res.statusCode : 'client left';
      requests.observe(route, method, status, (performance.now() - begun) / 1_000);
    });
    next();
  };
