import { Container, ContainerModule, type ServiceIdentifier } from 'inversify';
import type { Config } from '../platform/config.ts';
import type { EventStore } from '../platform/eventStore/eventStore.ts';
import type { Logger } from '../platform/log.ts';
import { type Database, openDatabase } from '../platform/postgres.ts';
import { allProjections } from './models/all.ts';
import type { Projection } from './projection.ts';
import { Runner } from './runner.ts';

const id = <T>(name: string) => Symbol.for(`projections.${name}`) as ServiceIdentifier<T>;

export const Id = {
  config: id<Config>('config'),
  log: id<Logger>('log'),
  store: id<EventStore>('store'),
  database: id<Database>('database'),
  projections: id<readonly Projection[]>('projections'),
  runner: id<Runner>('runner'),
} as const;

/** The projector writes on a session of its own; the pool serves only its health check. */
const CONNECTIONS_MAX = 2;

/** The projection side, less what comes from outside: configuration, log and event store. */
export const projectionsModule = new ContainerModule(({ bind }) => {
  bind(Id.database)
    .toResolvedValue(
      (config: Config, log: Logger) =>
        openDatabase(databaseUrlOf(config), {
          connectionsMax: CONNECTIONS_MAX,
          applicationName: 'till projector',
          onConnectionError: (err) => log.warn({ err }, 'a connection to Postgres was lost'),
        }),
      [Id.config, Id.log],
    )
    .inSingletonScope();
  bind(Id.projections)
    .toResolvedValue((config: Config) => allProjections(config.serviceZone), [Id.config])
    .inSingletonScope();
  bind(Id.runner)
    .toResolvedValue(
      (database: Database, store: EventStore, projections: readonly Projection[], log: Logger) =>
        new Runner({ database, store, projections, log }),
      [Id.database, Id.store, Id.projections, Id.log],
    )
    .inSingletonScope();
});

const databaseUrlOf = ({ databaseUrl }: Config): string => {
  if (databaseUrl === null) throw new Error('the projector needs DATABASE_URL');
  return databaseUrl;
};

/** A projector over the given store; rebind in the container what a test replaces. */
export const createContainer = (config: Config, log: Logger, store: EventStore): Container => {
  const container = new Container();
  container.bind(Id.config).toConstantValue(config);
  container.bind(Id.log).toConstantValue(log);
  container.bind(Id.store).toConstantValue(store);
  container.load(projectionsModule);
  return container;
};
