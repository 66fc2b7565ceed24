import { embeddedUrl } from '../embedded/postgres.ts';
import { type Config, ConfigError } from '../platform/config.ts';
import type { StartProcess } from '../platform/process.ts';
import { runningShop } from './shopFile.ts';

/** The event store that is named, else that of the shop that runs on DATA_DIR, else where the embedded one listens by default. */
export const localEventStoreUrl = ({ eventStoreUrl, dataDir, eventStorePort }: Config): string =>
  eventStoreUrl ?? runningShop(dataDir)?.urls.eventStore ?? `esdb://127.0.0.1:${eventStorePort}?tls=false`;

/**
 * The configuration with both store URLs: those given, else those of the shop that runs on DATA_DIR, else where the embedded
 * servers listen by default. Throws `ConfigError` when there is no database to name.
 */
export const withLocalStores = (config: Config): Config & { eventStoreUrl: string; databaseUrl: string } => {
  const databaseUrl = config.databaseUrl ?? runningShop(config.dataDir)?.urls.postgres ?? embeddedUrl(config.dataDir, config.postgresPort);
  if (databaseUrl === null) {
    throw new ConfigError([`DATABASE_URL is not set and ${config.dataDir} holds no Postgres: start "till up" or "till postgres" first`]);
  }
  return { ...config, eventStoreUrl: localEventStoreUrl(config), databaseUrl };
};

export const onLocalStores =
  (start: StartProcess): StartProcess =>
  (config, log) =>
    start(withLocalStores(config), log);

/** A process that has nothing to ask Postgres. */
export const onLocalEventStore =
  (start: StartProcess): StartProcess =>
  (config, log) =>
    start({ ...config, eventStoreUrl: localEventStoreUrl(config) }, log);

/** The query side is never told where the event store is. */
export const onLocalDatabase =
  (start: StartProcess): StartProcess =>
  (config, log) =>
    start({ ...withLocalStores(config), eventStoreUrl: null }, log);
