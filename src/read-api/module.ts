import { Container, ContainerModule, type ServiceIdentifier } from 'inversify';
import type { Cache } from '../platform/cache/cache.ts';
import { createInProcessCache } from '../platform/cache/inProcessCache.ts';
import { learned } from '../platform/cache/learned.ts';
import { openCache } from '../platform/cache/openCache.ts';
import { type Clock, systemClock } from '../platform/clock.ts';
import type { Config } from '../platform/config.ts';
import type { HealthChecks, RouteTable } from '../platform/http.ts';
import type { Logger } from '../platform/log.ts';
import { createMetrics, type Metrics } from '../platform/metrics.ts';
import { type Database, openDatabase } from '../platform/postgres.ts';
import { seed000Routes } from './dialects/seed000.ts';
import { seed001Routes } from './dialects/seed001.ts';
import { Seed004Queries } from './dialects/seed004.ts';
import { type KeepAnswers, keepAnswers } from './keepAnswers.ts';
import { type GenerationReader, generationReader } from './queries/generation.ts';
import { ReadGate } from './readGate.ts';
import { ReadModels, VIEWS } from './readModels.ts';
import { couponRoutes } from './routes/coupons.ts';
import { orderRoutes } from './routes/orders.ts';
import { policyRoutes } from './routes/policies.ts';
import { productRoutes } from './routes/products.ts';
import { userRoutes } from './routes/users.ts';

const id = <T>(name: string) => Symbol.for(`read-api.${name}`) as ServiceIdentifier<T>;

export const QueryId = {
  config: id<Config>('config'),
  clock: id<Clock>('clock'),
  database: id<Database>('database'),
  models: id<ReadModels>('models'),
  gate: id<ReadGate>('gate'),
  gateWaited: id<(ms: number) => void>('gateWaited'),
  generation: id<GenerationReader>('generation'),
  cache: id<Cache>('cache'),
  keep: id<KeepAnswers>('keep'),
  routes: id<RouteTable>('routes'),
  seed004: id<Seed004Queries>('seed004'),
  health: id<HealthChecks>('health'),
} as const;

/** The read side. What a part needs stands in its arguments; only this file knows the container. What it answers it has from Postgres alone. */
export const queryModule = new ContainerModule(({ bind }) => {
  const Q = QueryId;
  bind(Q.gateWaited).toConstantValue(() => undefined);
  bind(Q.cache).toConstantValue(createInProcessCache());
  bind(Q.models)
    .toResolvedValue((database: Database) => new ReadModels(database), [Q.database])
    .inSingletonScope();
  bind(Q.gate)
    .toResolvedValue(
      (models: ReadModels, clock: Clock, waited: (ms: number) => void) => new ReadGate(() => models.positions(), clock, {}, waited),
      [Q.models, Q.clock, Q.gateWaited],
    )
    .inSingletonScope();
  bind(Q.generation).toResolvedValue(generationReader, [Q.models]).inSingletonScope();
  bind(Q.keep)
    .toResolvedValue(
      (cache: Cache, models: ReadModels, generation: GenerationReader, clock: Clock) =>
        keepAnswers(
          cache,
          learned(() => models.storeId()),
          generation,
          clock,
        ),
      [Q.cache, Q.models, Q.generation, Q.clock],
    )
    .inSingletonScope();
  bind(Q.routes)
    .toResolvedValue(
      (config: Config, models: ReadModels, gate: ReadGate, generation: GenerationReader, keep: KeepAnswers, clock: Clock): RouteTable => {
        const canonical = {
          ...userRoutes(models, gate, generation, clock),
          ...orderRoutes(models, gate),
          ...productRoutes(models, gate, keep, clock, { zone: config.serviceZone, days: config.topDays, limit: config.topLimit }),
          ...policyRoutes(models, gate, keep, clock),
          ...couponRoutes(models, gate, clock),
        };
        return { ...seed000Routes(models, gate), ...seed001Routes(canonical), ...canonical };
      },
      [Q.config, Q.models, Q.gate, Q.generation, Q.keep, Q.clock],
    )
    .inSingletonScope();
  bind(Q.seed004)
    .toResolvedValue(
      (models: ReadModels, gate: ReadGate, clock: Clock) => new Seed004Queries(models, gate, clock),
      [Q.models, Q.gate, Q.clock],
    )
    .inSingletonScope();
  bind(Q.health).toResolvedValue(healthOf, [Q.models]).inSingletonScope();
});

const healthOf = (models: ReadModels): HealthChecks => ({
  views: async () => {
    const positions = await models.positions();
    const missing = VIEWS.filter((view) => !positions.has(view));
    if (missing.length > 0) throw new Error(`no live version of ${missing.join(', ')}`);
  },
});

const CONNECTIONS_MAX = 8;
const STATEMENT_MAX_MS = 2_000;
const portsModule = (config: Config, log: Logger, clock: Clock) =>
  new ContainerModule(({ bind }) => {
    if (config.databaseUrl === null) throw new Error('DATABASE_URL is needed by a process that runs alone');
    bind(QueryId.config).toConstantValue(config);
    bind(QueryId.clock).toConstantValue(clock);
    bind(QueryId.database).toConstantValue(
      openDatabase(config.databaseUrl, {
        applicationName: 'tillstream queries',
        connectionsMax: CONNECTIONS_MAX,
        statementMaxMs: STATEMENT_MAX_MS,
        onConnectionError: (error) => log.warn({ err: error }, 'a Postgres connection broke'),
      }),
    );
  });

/** What a process that serves queries mounts, watches and closes. */
export type QuerySide = Readonly<{ routes: RouteTable; seed004: Seed004Queries; health: HealthChecks; close(): Promise<void> }>;

/** The read side over the configured database; it may be down or empty, then queries are 503 until it is not. */
export const createQuerySide = async (
  config: Config,
  log: Logger,
  metrics: Metrics = createMetrics(),
  clock: Clock = systemClock,
): Promise<QuerySide> => {
  const container = new Container();
  container.load(queryModule, portsModule(config, log, clock));
  const waits = metrics.histogram(
    'till_read_gate_wait_seconds',
    'For how long queries were held back until a view had reached their token.',
  );
  const cache = openCache(config.redisUrl, 'query', log, metrics);
  container.rebind(QueryId.cache).toConstantValue(cache);
  container.rebind(QueryId.gateWaited).toConstantValue((ms: number) => waits.observe(ms / 1_000));
  return {
    routes: container.get(QueryId.routes),
    seed004: container.get(QueryId.seed004),
    health: container.get(QueryId.health),
    close: async () => {
      container.get(QueryId.gate).close();
      await Promise.all([container.get(QueryId.database).close(), cache.close()]);
    },
  };
};
