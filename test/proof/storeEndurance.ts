/**
 * Fills the embedded event store with a million events, kills it, starts it again and reads everything back:
 * `npm run proof:store-endurance -- --events 1000000 [--batch 10]`. Ends with status 1 when a promise is missed: nothing
 * acknowledged lost, a start within a second, private memory below 300 MB throughout.
 */
import { parseArgs } from 'node:util';
import { EventStoreDBClient } from '@eventstore/db-client';
import { buildStore, type StoreBuild } from './storeBuild.ts';
import { type Filled, fill } from './storeEnduranceFill.ts';
import { MemoryWatch } from './storeEnduranceMemory.ts';
import { readBack } from './storeEnduranceRead.ts';
import { type StoreProcess, startStore } from './storeProcess.ts';
import { surviveTheClient } from './strayRejections.ts';
import { removeFolder, temporaryFolder } from './temporaryFolder.ts';
import { disposeOf } from './waits.ts';

const START_MAX_MS = 1_000;
const MEMORY_MAX_MB = 300;

type Options = Readonly<{ events: number; batch: number }>;

const parse = (): Options => {
  const { values } = parseArgs({ options: { events: { type: 'string', default: '1000000' }, batch: { type: 'string', default: '1' } } });
  const count = (name: keyof typeof values): number => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} is no number: ${values[name]}`);
    return value;
  };
  return { events: count('events'), batch: count('batch') };
};

/** Fills the store on the folder and kills it with the last appends still in flight. */
const fillAndKill = async (build: StoreBuild, folder: string, options: Options): Promise<Readonly<{ filled: Filled; peakMb: number }>> => {
  const store = await startStore(build, folder);
  const watch = new MemoryWatch(store.pid);
  const client = EventStoreDBClient.connectionString(store.url);
  const filled = await fill(client, options, (line) => console.log(`${line}; the server has ${watch.nowMb().toFixed(0)} MB`));
  await store.end('SIGKILL');
  await disposeOf(client);
  watch.stop();
  console.log(
    `private memory of the server, medians: ${watch.firstTenthMb().toFixed(1)} MB in the first tenth, ${watch.lastTenthMb().toFixed(1)} MB in the last`,
  );
  return { filled, peakMb: watch.peakMb };
};

/** A start on an empty folder: what node itself takes, and the opening of nothing. */
const emptyStartMs = async (build: StoreBuild): Promise<number> => {
  const folder = temporaryFolder('store-empty');
  const store = await startStore(build, folder);
  await store.end('SIGTERM');
  removeFolder(folder);
  return store.startMs;
};

const reopen = async (store: StoreProcess, filled: Filled): Promise<Readonly<{ violations: readonly string[]; peakMb: number }>> => {
  const watch = new MemoryWatch(store.pid);
  const client = EventStoreDBClient.connectionString(store.url);
  const violations = await readBack(client, filled, (line) => console.log(`${line}; the server has ${watch.nowMb().toFixed(0)} MB`));
  await disposeOf(client);
  watch.stop();
  return { violations, peakMb: watch.peakMb };
};

const main = async (): Promise<number> => {
  const options = parse();
  const survived = surviveTheClient();
  const build = buildStore();
  const folder = temporaryFolder('store-endurance');
  console.log(`store-endurance: ${options.events} events, ${options.batch} an append, the server from ${build.from}`);
  const { filled, peakMb } = await fillAndKill(build, folder, options);
  const emptyMs = await emptyStartMs(build);
  const store = await startStore(build, folder);
  console.log(`killed and started again: ready in ${store.startMs.toFixed(0)} ms, on an empty folder in ${emptyMs.toFixed(0)} ms`);
  const { violations, peakMb: peakAfterMb } = await reopen(store, filled);
  await store.end('SIGTERM');

  const misses = violations.map((violation) => `VIOLATION ${violation}`);
  if (store.startMs >= START_MAX_MS) misses.push(`MISSED the start took ${store.startMs.toFixed(0)} ms, of ${START_MAX_MS}`);
  const highestMb = Math.max(peakMb, peakAfterMb);
  if (!(highestMb < MEMORY_MAX_MB)) misses.push(`MISSED private memory reached ${highestMb.toFixed(0)} MB, of ${MEMORY_MAX_MB}`);
  for (const miss of misses) console.log(miss);
  console.log(
    `store-endurance: ${filled.acknowledged} events acknowledged, start ${store.startMs.toFixed(0)} ms, private memory at most ` +
      `${highestMb.toFixed(0)} MB, ${survived.count()} stray rejections survived, ${misses.length} missed`,
  );
  return misses.length === 0 ? 0 : 1;
};

process.exit(await main());
