import { Container, ContainerModule, type ServiceIdentifier } from 'inversify';
import type { Cache } from '../platform/cache/cache.ts';
import { learned } from '../platform/cache/learned.ts';
import { openCache } from '../platform/cache/openCache.ts';
import { type Clock, systemClock } from '../platform/clock.ts';
import type { Config } from '../platform/config.ts';
import { createEsdbEventStore } from '../platform/eventStore/esdbEventStore.ts';
import type { EventStore } from '../platform/eventStore/eventStore.ts';
import { createStreamTruncation, noTruncation, type StreamTruncation } from '../platform/eventStore/streamTruncation.ts';
import type { HealthChecks, RouteTable } from '../platform/http.ts';
import type { Logger } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import { type Database, openDatabase } from '../platform/postgres.ts';
import { EXIT } from '../platform/process.ts';
import { openQueue } from '../platform/queue/openQueue.ts';
import type { Queue } from '../platform/queue/queue.ts';
import { ZonedTime } from '../platform/zonedTime.ts';
import { Catalog } from './catalog.ts';
import { seed000Routes } from './dialects/seed000.ts';
import { seed001Routes } from './dialects/seed001.ts';
import { CouponService } from './dialects/seed004.ts';
import { UserCouponService } from './dialects/seed004Coupons.ts';
import { LedgerWarmUp } from './ledgerWarmUp.ts';
import { Mailboxes, SOLD_OUT_FRESH_FOR_MS } from './mailboxes.ts';
import { countedAppends, countedMailboxes, tellBlindness } from './metrics.ts';
import { type CommandObserver, noObserver } from './observer.ts';
import { OrderPlacement } from './orderPlacement.ts';
import { LedgerHistory, type PastVerdicts } from './pastVerdicts.ts';
import { PresentGeneration } from './presentGeneration.ts';
import { CouponQueue } from './queue/couponQueue.ts';
import { CouponWorker } from './queue/couponWorker.ts';
import { countedRequests, noQueueObserver, type QueueObserver } from './queue/queueObserver.ts';
import { type QueueSide, startQueue } from './queue/queueSide.ts';
import { ReadModels } from './readModels.ts';
import { chargeRoutes } from './routes/charges.ts';
import { couponRoutes } from './routes/coupons.ts';
import { initRoutes } from './routes/init.ts';
import { orderRoutes } from './routes/orders.ts';
import { policyRoutes } from './routes/policies.ts';
import { productRoutes } from './routes/products.ts';
import { queuedCouponRoutes } from './routes/queuedCoupons.ts';
import { SetupFeed } from './setupFeed.ts';
import { ShopSetup } from './shopSetup.ts';
import { type EndSightings, soldOutHints } from './soldOutHints.ts';
import { Watchdog } from './watchdog.ts';

/** What the clients of seed 004 call. */
export type Seed004Commands = Readonly<{ coupons: CouponService; userCoupons: UserCouponService }>;

const id = <T>(name: string) => Symbol.for(`commands.${name}`) as ServiceIdentifier<T>;

export const CommandId = {
  config: id<Config>('config'),
  log: id<Logger>('log'),
  clock: id<Clock>('clock'),
  eventStore: id<EventStore>('eventStore'),
  truncation: id<StreamTruncation>('truncation'),
  database: id<Database>('database'),
  observer: id<CommandObserver>('observer'),
  soldOut: id<EndSightings | null>('soldOut'),
  mailboxes: id<Mailboxes>('mailboxes'),
  catalog: id<Catalog>('catalog'),
  pastVerdicts: id<PastVerdicts>('pastVerdicts'),
  placement: id<OrderPlacement>('placement'),
  setup: id<ShopSetup>('setup'),
  feed: id<SetupFeed>('feed'),
  readModels: id<ReadModels>('readModels'),
  watchdog: id<Watchdog>('watchdog'),
  queue: id<Queue>('queue'),
  queueObserver: id<QueueObserver>('queueObserver'),
  requests: id<CouponQueue>('requests'),
  worker: id<CouponWorker>('worker'),
  routes: id<RouteTable>('routes'),
  generation: id<PresentGeneration>('generation'),
  seed004: id<Seed004Commands>('seed004'),
} as const;

/** The write side. What a class needs stands in its constructor; only this file knows the container. */
export const commandModule = new ContainerModule(({ bind }) => {
  const C = CommandId;
  bind(C.observer).toConstantValue(noObserver);
  bind(C.truncation).toConstantValue(noTruncation);
  bind(C.soldOut).toConstantValue(null);
  bind(C.mailboxes)
    .toResolvedValue(
      (
        store: EventStore,
        clock: Clock,
        observer: CommandObserver,
        truncation: StreamTruncation,
        soldOut: EndSightings | null,
        log: Logger,
      ) => new Mailboxes(store, clock.monotonic, { observer, soldOut, snapshots: { truncate: truncation.truncate, log } }),
      [C.eventStore, C.clock, C.observer, C.truncation, C.soldOut, C.log],
    )
    .inSingletonScope();
  bind(C.catalog)
    .toResolvedValue((mailboxes: Mailboxes) => new Catalog(mailboxes), [C.mailboxes])
    .inSingletonScope();
  bind(C.pastVerdicts)
    .toResolvedValue((store: EventStore): PastVerdicts => new LedgerHistory(store), [C.eventStore])
    .inSingletonScope();
  bind(C.placement)
    .toResolvedValue(
      (mailboxes: Mailboxes, catalog: Catalog, past: PastVerdicts, clock: Clock, log: Logger) =>
        new OrderPlacement(mailboxes, catalog, past, clock, log),
      [C.mailboxes, C.catalog, C.pastVerdicts, C.clock, C.log],
    )
    .inSingletonScope();
  bind(C.setup)
    .toResolvedValue((mailboxes: Mailboxes, catalog: Catalog) => new ShopSetup(mailboxes, catalog), [C.mailboxes, C.catalog])
    .inSingletonScope();
  bind(C.feed)
    .toResolvedValue(
      (store: EventStore, setup: ShopSetup, catalog: Catalog, clock: Clock, log: Logger) =>
        new SetupFeed(store, setup, catalog, clock, log),
      [C.eventStore, C.setup, C.catalog, C.clock, C.log],
    )
    .inSingletonScope();
  bind(C.readModels)
    .toResolvedValue((database: Database, clock: Clock) => new ReadModels(database, clock), [C.database, C.clock])
    .inSingletonScope();
  bind(C.watchdog)
    .toResolvedValue(
      (models: ReadModels, placement: OrderPlacement, feed: SetupFeed, store: EventStore, clock: Clock, log: Logger) =>
        new Watchdog(models, placement, feed, store, clock, log),
      [C.readModels, C.placement, C.feed, C.eventStore, C.clock, C.log],
    )
    .inSingletonScope();
  bind(C.queueObserver).toConstantValue(noQueueObserver);
  bind(C.queue)
    .toResolvedValue(
      (config: Config, store: EventStore, { truncate }: StreamTruncation, log: Logger) => openQueue(config, { store, truncate, log }),
      [C.config, C.eventStore, C.truncation, C.log],
    )
    .inSingletonScope();
  bind(C.requests)
    .toResolvedValue((queue: Queue, observer: QueueObserver) => new CouponQueue(queue, observer), [C.queue, C.queueObserver])
    .inSingletonScope();
  bind(C.worker)
    .toResolvedValue(
      (queue: Queue, requests: CouponQueue, mailboxes: Mailboxes, clock: Clock, log: Logger, observer: QueueObserver) =>
        new CouponWorker({ queue, requests, mailboxes, clock, log, observer, onDead: (error) => end(log, error) }),
      [C.queue, C.requests, C.mailboxes, C.clock, C.log, C.queueObserver],
    )
    .inSingletonScope();
  bind(C.generation)
    .toResolvedValue((mailboxes: Mailboxes, clock: Clock) => new PresentGeneration(mailboxes, clock), [C.mailboxes, C.clock])
    .inSingletonScope();
  bind(C.seed004)
    .toResolvedValue(
      (config: Config, clock: Clock, mailboxes: Mailboxes, setup: ShopSetup, generation: PresentGeneration): Seed004Commands => ({
        coupons: new CouponService(mailboxes, setup, generation, clock, new ZonedTime(config.serviceZone)),
        userCoupons: new UserCouponService(mailboxes, generation, clock, config.idempotencyRequired),
      }),
      [C.config, C.clock, C.mailboxes, C.setup, C.generation],
    )
    .inSingletonScope();
  bind(C.routes)
    .toResolvedValue(
      (
        config: Config,
        clock: Clock,
        mailboxes: Mailboxes,
        catalog: Catalog,
        placement: OrderPlacement,
        setup: ShopSetup,
        models: ReadModels,
        requests: CouponQueue,
        generation: PresentGeneration,
      ): RouteTable => ({
        ...chargeRoutes(mailboxes, clock, config.idempotencyRequired),
        ...couponRoutes(mailboxes, clock, config.idempotencyRequired),
        ...orderRoutes(placement, clock, config.idempotencyRequired),
        ...productRoutes(mailboxes, catalog, setup, clock),
        ...policyRoutes(setup, mailboxes, clock),
        ...queuedCouponRoutes(requests, clock, config.idempotencyRequired),
        ...seed000Routes(requests, generation, clock),
        ...seed001Routes(mailboxes, generation, clock, config.idempotencyRequired),
        ...(config.enableTestEndpoints ? initRoutes(setup, models, clock, config.serviceZone) : {}),
      }),
      [C.config, C.clock, C.mailboxes, C.catalog, C.placement, C.setup, C.readModels, C.requests, C.generation],
    )
    .inSingletonScope();
});

/** For a process that is of no use any more: whoever supervises it starts it again. */
const end = (log: Logger, error: Error): void => {
  log.fatal({ err: error }, 'the queue delivers nothing more to this process');
  process.exit(EXIT.failed);
};

const CONNECTIONS_MAX = 4;

/** The outside world of the write side: real clock, event store and queue. Tests bind others in their place. */
const portsModule = (config: Config, log: Logger, metrics: Metrics) =>
  new ContainerModule(({ bind, rebind }) => {
    bind(CommandId.config).toConstantValue(config);
    bind(CommandId.log).toConstantValue(log);
    bind(CommandId.clock).toConstantValue(systemClock);
    const store = createEsdbEventStore(required(config.eventStoreUrl, 'EVENTSTORE_URL'), { log });
    bind(CommandId.eventStore).toConstantValue(countedAppends(store, metrics));
    const truncation = createStreamTruncation(required(config.eventStoreUrl, 'EVENTSTORE_URL'), { log });
    rebind(CommandId.truncation).toConstantValue(truncation);
    rebind(CommandId.observer).toConstantValue(countedMailboxes(metrics));
    rebind(CommandId.queueObserver).toConstantValue(countedRequests(metrics));
  });

const databaseModule = (config: Config, log: Logger) =>
  new ContainerModule(({ bind }) => {
    bind(CommandId.database).toConstantValue(
      openDatabase(required(config.databaseUrl, 'DATABASE_URL'), {
        applicationName: 'tillstream commands',
        connectionsMax: CONNECTIONS_MAX,
        onConnectionError: (error) => log.warn({ err: error }, 'a Postgres connection broke'),
      }),
    );
  });

const required = (value: string | null, variable: string): string => {
  if (value === null) throw new Error(`${variable} is needed by a process that runs alone`);
  return value;
};

/** What a process that serves commands mounts, watches and closes. */
export type CommandSide = Readonly<{ routes: RouteTable; seed004: Seed004Commands; health: HealthChecks; close(): Promise<void> }>;

/** Hints name the store whose streams they tell of: a cache may serve several shops. */
const hintsBy = (cache: Cache, container: Container): EndSightings => {
  const store = container.get(CommandId.eventStore);
  return soldOutHints(
    cache,
    learned(() => store.identity()),
    container.get(CommandId.clock),
    SOLD_OUT_FRESH_FOR_MS,
  );
};

/** Starts the write side: feed and watchdog run until `close`, which lets running commands finish first. */
export const createCommandSide = (config: Config, log: Logger, metrics: Metrics): CommandSide => {
  const container = new Container();
  container.load(commandModule);
  container.load(portsModule(config, log, metrics), databaseModule(config, log));
  const cache = openCache(config.redisUrl, 'command', log, metrics);
  if (cache.isShared) container.rebind(CommandId.soldOut).toConstantValue(hintsBy(cache, container));
  const feed = container.get(CommandId.feed);
  const watchdog = container.get(CommandId.watchdog);
  const store = container.get(CommandId.eventStore);
  const database = container.get(CommandId.database);
  const queued = startQueue(queueSideOf(container, metrics, config.kafkaBrokers.length === 0));
  const ledger = new LedgerWarmUp(container.get(CommandId.mailboxes), log);
  ledger.start();
  feed.start();
  watchdog.start();
  tellBlindness(watchdog, metrics);
  return {
    routes: container.get(CommandId.routes),
    seed004: container.get(CommandId.seed004),
    health: { eventStore: async () => void (await store.head()), ledger: () => ledger.check() },
    close: async () => {
      await Promise.all([watchdog.stop(), feed.stop(), ledger.stop(), queued.stop()]);
      await Promise.all([store.close(), container.get(CommandId.truncation).close(), database.close()]);
    },
  };
};

const queueSideOf = (container: Container, metrics: Metrics, withWorker: boolean): QueueSide => ({
  queue: container.get(CommandId.queue),
  requests: container.get(CommandId.requests),
  worker: withWorker ? container.get(CommandId.worker) : null,
  log: container.get(CommandId.log),
  metrics,
});

/** What `till coupon-worker` runs, watches and closes: the worker alone, without commands and without Postgres. */
export type WorkerSide = Readonly<{ health: HealthChecks; close(): Promise<void> }>;

/** Starts the worker; it joins its group in the background, for as long as that takes. */
export const createWorkerSide = (config: Config, log: Logger, metrics: Metrics): WorkerSide => {
  const container = new Container();
  container.load(commandModule);
  container.load(portsModule(config, log, metrics));
  const store = container.get(CommandId.eventStore);
  const worker = container.get(CommandId.worker);
  const queued = startQueue(queueSideOf(container, metrics, true));
  return {
    health: {
      eventStore: async () => void (await store.head()),
      queue: () => {
        if (!worker.hasJoined) throw new Error('the worker has not joined its group yet');
      },
    },
    close: async () => {
      await queued.stop();
      await Promise.all([store.close(), container.get(CommandId.truncation).close()]);
    },
  };
};
