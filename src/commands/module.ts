import { Container, ContainerModule, type ServiceIdentifier } from 'inversify';
import { type Clock, systemClock } from '../platform/clock.ts';
import type { Config } from '../platform/config.ts';
import { createEsdbEventStore } from '../platform/eventStore/esdbEventStore.ts';
import type { EventStore } from '../platform/eventStore/eventStore.ts';
import { createStreamTruncation, noTruncation, type StreamTruncation } from '../platform/eventStore/streamTruncation.ts';
import type { HealthChecks, RouteTable } from '../platform/http.ts';
import type { Logger } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import { type Database, openDatabase } from '../platform/postgres.ts';
import { Catalog } from './catalog.ts';
import { seed001Routes } from './dialects/seed001.ts';
import { LedgerWarmUp } from './ledgerWarmUp.ts';
import { Mailboxes } from './mailboxes.ts';
import { countedAppends, countedMailboxes, tellBlindness } from './metrics.ts';
import { type CommandObserver, noObserver } from './observer.ts';
import { OrderPlacement } from './orderPlacement.ts';
import { LedgerHistory, type PastVerdicts } from './pastVerdicts.ts';
import { ReadModels } from './readModels.ts';
import { chargeRoutes } from './routes/charges.ts';
import { couponRoutes } from './routes/coupons.ts';
import { initRoutes } from './routes/init.ts';
import { orderRoutes } from './routes/orders.ts';
import { policyRoutes } from './routes/policies.ts';
import { productRoutes } from './routes/products.ts';
import { SetupFeed } from './setupFeed.ts';
import { ShopSetup } from './shopSetup.ts';
import { Watchdog } from './watchdog.ts';

const id = <T>(name: string) => Symbol.for(`commands.${name}`) as ServiceIdentifier<T>;

export const CommandId = {
  config: id<Config>('config'),
  log: id<Logger>('log'),
  clock: id<Clock>('clock'),
  eventStore: id<EventStore>('eventStore'),
  truncation: id<StreamTruncation>('truncation'),
  database: id<Database>('database'),
  observer: id<CommandObserver>('observer'),
  mailboxes: id<Mailboxes>('mailboxes'),
  catalog: id<Catalog>('catalog'),
  pastVerdicts: id<PastVerdicts>('pastVerdicts'),
  placement: id<OrderPlacement>('placement'),
  setup: id<ShopSetup>('setup'),
  feed: id<SetupFeed>('feed'),
  readModels: id<ReadModels>('readModels'),
  watchdog: id<Watchdog>('watchdog'),
  routes: id<RouteTable>('routes'),
} as const;

/** The write side. What a class needs stands in its constructor; only this file knows the container. */
export const commandModule = new ContainerModule(({ bind }) => {
  const C = CommandId;
  bind(C.observer).toConstantValue(noObserver);
  bind(C.truncation).toConstantValue(noTruncation);
  bind(C.mailboxes)
    .toResolvedValue(
      (store: EventStore, clock: Clock, observer: CommandObserver, truncation: StreamTruncation, log: Logger) =>
        new Mailboxes(store, clock.monotonic, { observer, snapshots: { truncate: truncation.truncate, log } }),
      [C.eventStore, C.clock, C.observer, C.truncation, C.log],
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
      ): RouteTable => ({
        ...chargeRoutes(mailboxes, clock, config.idempotencyRequired),
        ...couponRoutes(mailboxes, clock, config.idempotencyRequired),
        ...orderRoutes(placement, clock, config.idempotencyRequired),
        ...productRoutes(mailboxes, catalog, setup, clock),
        ...policyRoutes(setup, mailboxes, clock),
        ...seed001Routes(mailboxes, clock, config.idempotencyRequired),
        ...(config.enableTestEndpoints ? initRoutes(setup, models, clock, config.serviceZone) : {}),
      }),
      [C.config, C.clock, C.mailboxes, C.catalog, C.placement, C.setup, C.readModels],
    )
    .inSingletonScope();
});

const CONNECTIONS_MAX = 4;

/** The outside world of the write side: real clock, event store and Postgres. Tests bind others in their place. */
const portsModule = (config: Config, log: Logger, metrics: Metrics) =>
  new ContainerModule(({ bind }) => {
    bind(CommandId.config).toConstantValue(config);
    bind(CommandId.log).toConstantValue(log);
    bind(CommandId.clock).toConstantValue(systemClock);
    const store = createEsdbEventStore(required(config.eventStoreUrl, 'EVENTSTORE_URL'), { log });
    bind(CommandId.eventStore).toConstantValue(countedAppends(store, metrics));
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
export type CommandSide = Readonly<{ routes: RouteTable; health: HealthChecks; close(): Promise<void> }>;

/** Starts the write side: feed and watchdog run until `close`, which lets running commands finish first. */
export const createCommandSide = (config: Config, log: Logger, metrics: Metrics): CommandSide => {
  const container = new Container();
  container.load(commandModule, portsModule(config, log, metrics));
  container.rebind(CommandId.observer).toConstantValue(countedMailboxes(metrics));
  const truncation = createStreamTruncation(required(config.eventStoreUrl, 'EVENTSTORE_URL'), { log });
  container.rebind(CommandId.truncation).toConstantValue(truncation);
  const feed = container.get(CommandId.feed);
  const watchdog = container.get(CommandId.watchdog);
  const store = container.get(CommandId.eventStore);
  const database = container.get(CommandId.database);
  const ledger = new LedgerWarmUp(container.get(CommandId.mailboxes), log);
  ledger.start();
  feed.start();
  watchdog.start();
  tellBlindness(watchdog, metrics);
  return {
    routes: container.get(CommandId.routes),
    health: { eventStore: async () => void (await store.head()), ledger: () => ledger.check() },
    close: async () => {
      await Promise.all([watchdog.stop(), feed.stop(), ledger.stop()]);
      await Promise.all([store.close(), truncation.close(), database.close()]);
    },
  };
};
