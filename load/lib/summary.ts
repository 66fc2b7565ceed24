import type { Options } from 'k6/options';
import { faultsExpected, scale } from './environment.ts';

/** k6 adds these up; `audit:false` leaves out what only proves something, so figures compare with the seeds' scripts. */
const counted = {
  requests: 'http_reqs{audit:false}',
  plateauRequests: 'http_reqs{phase:plateau,audit:false}',
  failed: 'http_req_failed{audit:false}',
  time: 'http_req_duration{audit:false}',
  calls: 'grpc_req_duration{audit:false}',
  iterations: 'iterations{scenario:shoppers}',
} as const;

/** Starts that found no virtual user; those of a warming before the run do not count. */
export const DROPPED = 'dropped_iterations{scenario:shoppers}';

export type Thresholds = NonNullable<Options['thresholds']>;

/**
 * Thresholds of a run: every check holds, no request fails, 95 % of answers within 200 ms, plus `more`. With faults expected
 * only the checks count. A metric named here also appears in the summary, by tag.
 */
export const thresholds = (more: Thresholds = {}): Thresholds => ({
  checks: ['rate==1'],
  [counted.requests]: ['count>0'],
  [counted.plateauRequests]: ['count>=0'],
  [counted.iterations]: ['count>0'],
  [counted.failed]: faultsExpected ? [] : ['rate==0'],
  [counted.time]: faultsExpected ? [] : ['p(95)<200'],
  ...(faultsExpected ? {} : more),
});

/** The same for shoppers who order: 95 % of the orders within 200 ms, too. */
export const orderThresholds = (more: Thresholds = {}): Thresholds => thresholds({ order_time: ['p(95)<200'], ...more });

/** Options all scenarios share: statistics of the summary, room for the oracle's reading in `teardown`. */
export const common: Options = {
  summaryTrendStats: ['avg', 'min', 'med', 'p(95)', 'p(99)', 'max', 'count'],
  batch: 60,
  batchPerHost: 60,
  setupTimeout: '60s',
  teardownTimeout: '5m',
};

type Metric = Readonly<{ type: string; values: Record<string, number>; thresholds?: Record<string, { ok: boolean }> }>;
type SummaryData = Readonly<{ metrics: Record<string, Metric>; setup_data?: unknown }>;

const round = (n: number | undefined): number => Math.round((n ?? 0) * 100) / 100;

const timesOf = ({ values }: Metric) => ({
  avg: round(values.avg),
  p50: round(values.med),
  p95: round(values['p(95)']),
  p99: round(values['p(99)']),
  max: round(values.max),
});

/** Steps of the summary in the order of a visit, each with its metric. */
const trends = ['user_id_time', 'charge_balance_time', 'coupon_issue_time', 'coupon_check_time', 'get_top5_time', 'order_time'];
const steps: Readonly<Record<string, string>> = {
  ...Object.fromEntries([...trends, 'visit_time', 'view_lag', 'read_after_wait'].map((name) => [name, name])),
  give: 'grpc_req_duration{name:give}',
  find_all: 'grpc_req_duration{name:find_all}',
  queued_issue: 'http_req_duration{name:queued issue}',
  issue_end_to_end: 'issue_end_to_end',
  http: counted.time,
};

/** A ramp's stages by their names, `03-200x30`: virtual users at its end, seconds, requests of it, and how the queue stood. */
const stagesOf = (metrics: SummaryData['metrics']) =>
  Object.entries(metrics)
    .flatMap(([metric, m]) => {
      const [, name, vus, s] = /^(?:http|grpc)_req_duration\{stage:(\d+-(\d+)x(\d+))\}$/.exec(metric) ?? [];
      if (!name || !m.values.count) return [];
      const lag = metrics[`queue_lag{stage:${name}}`]?.values;
      const requests = m.values.count;
      const stage = { name, vus: Number(vus), requestsPerSecond: round(requests / Number(s)), ...timesOf(m) };
      return [lag?.count ? { ...stage, lagMin: lag.min, lagMax: lag.max } : stage];
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));

/** The run in figures: totals, times per step in milliseconds, counters, thresholds missed. */
const figuresOf = ({ metrics }: SummaryData) => {
  const value = (name: string, of: string): number => metrics[name]?.values[of] ?? 0;
  const own = Object.entries(metrics).filter(([name]) => !name.includes('{'));
  return {
    scale,
    seconds: round(value('shopping_seconds', 'max')),
    requests: value(counted.requests, 'count') + value(counted.calls, 'count'),
    plateauRequests: value(counted.plateauRequests, 'count'),
    iterations: value(counted.iterations, 'count'),
    checksRate: value('checks', 'rate'),
    failedRate: value(counted.failed, 'rate'),
    droppedIterations: value(DROPPED, 'count'),
    steps: Object.fromEntries(
      Object.entries(steps).flatMap(([step, name]) => (metrics[name]?.values.count ? [[step, timesOf(metrics[name])]] : [])),
    ),
    stages: stagesOf(metrics),
    counters: Object.fromEntries(own.filter(([, m]) => m.type === 'counter').map(([name, m]) => [name, m.values.count])),
    missedThresholds: Object.entries(metrics).flatMap(([name, m]) =>
      Object.entries(m.thresholds ?? {})
        .filter(([, { ok }]) => !ok)
        .map(([line]) => `${name} ${line}`),
    ),
  };
};

/** Writes the figures to `SUMMARY_FILE` for the runner, or prints them when k6 is used alone. */
export const handleSummary = (data: SummaryData): Record<string, string> => ({
  [__ENV.SUMMARY_FILE ?? 'stdout']: `${JSON.stringify(figuresOf(data), null, 2)}\n`,
});
