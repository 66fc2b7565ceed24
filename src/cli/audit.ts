import { parseArgs } from 'node:util';
import { audit } from '../audit/audit.ts';
import { printed } from '../audit/print.ts';
import { isClean } from '../audit/report.ts';
import { type Config, ConfigError, parseConfig } from '../platform/config.ts';
import { createEsdbEventStore } from '../platform/eventStore/esdbEventStore.ts';
import { openDatabase } from '../platform/postgres.ts';
import { EXIT } from '../platform/process.ts';
import { runningShop } from './shopFile.ts';

const PROGRESS_EVERY_MS = 250;
/** Events between two looks at the clock. */
const PROGRESS_EVENTS = 1_000;

/**
 * `till audit [--json]`: proves from the raw log that every view and every won is right. Status 0 when nothing is wrong, 1 on
 * any violation or when the stores cannot be read, 2 for wrong usage. @throws ConfigError when there are no stores to read.
 */
export const auditCommand = async (args: readonly string[]): Promise<number> => {
  const asJson = wantsJson(args);
  if (asJson === null) return EXIT.usage;
  const config = parseConfig(process.env);
  const urls = urlsOf(config);
  const store = createEsdbEventStore(urls.eventStore);
  const database = openDatabase(urls.database, { applicationName: 'till audit', connectionsMax: 2, onConnectionError: () => undefined });
  const progress = showEvents(process.stderr);
  try {
    const report = await audit({ store, database, serviceZone: config.serviceZone, now: Date.now, onEvent: progress.count });
    progress.clear();
    process.stdout.write(asJson ? `${JSON.stringify(report, null, 2)}\n` : printed(report));
    return isClean(report) ? EXIT.done : EXIT.failed;
  } finally {
    progress.clear();
    await Promise.all([store.close(), database.close()]);
  }
};

const wantsJson = (args: readonly string[]): boolean | null => {
  try {
    return parseArgs({ args: [...args], options: { json: { type: 'boolean' } }, strict: true }).values.json === true;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nusage: till audit [--json]\n`);
    return null;
  }
};

/** The stores that are named, else those of the shop that runs on DATA_DIR. */
const urlsOf = ({ eventStoreUrl, databaseUrl, dataDir }: Config): Readonly<{ eventStore: string; database: string }> => {
  const running = runningShop(dataDir)?.urls;
  const eventStore = eventStoreUrl ?? running?.eventStore;
  const database = databaseUrl ?? running?.postgres;
  if (eventStore !== undefined && database !== undefined) return { eventStore, database };
  const unset = [...(eventStore === undefined ? ['EVENTSTORE_URL'] : []), ...(database === undefined ? ['DATABASE_URL'] : [])];
  throw new ConfigError([`${unset.join(' and ')} not set, and no shop runs on ${dataDir}: start "till up" first, or set them`]);
};

/** On a terminal, how many events were read so far; nothing elsewhere. */
const showEvents = (out: NodeJS.WriteStream): Readonly<{ count(): void; clear(): void }> => {
  if (!out.isTTY) return { count: () => undefined, clear: () => undefined };
  let events = 0;
  let shownAt = 0;
  return {
    count: () => {
      events += 1;
      if (events % PROGRESS_EVENTS > 0 || performance.now() - shownAt < PROGRESS_EVERY_MS) return;
      shownAt = performance.now();
      out.write(`\r${events} events read`);
    },
    clear: () => {
      out.write('\r\x1b[K');
    },
  };
};
