import { join } from 'node:path';
import { EventStoreDBClient } from '@eventstore/db-client';
import { createEsdbEventStore } from '../../../src/platform/eventStore/esdbEventStore.ts';
import type { StoreBuild } from '../../proof/storeBuild.ts';
import { privateMemory, startStore } from '../../proof/storeProcess.ts';
import { removeFolder, temporaryFolder } from '../../proof/temporaryFolder.ts';
import { disposeOf, withinLimit } from '../../proof/waits.ts';
import { appends } from './appends.ts';
import type { Bench, Measurement } from './bench.ts';
import { calls } from './calls.ts';
import { catchUps } from './catchUp.ts';
import { delivery } from './delivery.ts';
import type { Figure } from './figure.ts';
import { flush } from './flush.ts';
import { MEASUREMENTS, type MeasurementName, type Options } from './options.ts';
import { reads } from './reads.ts';
import { type Seeded, seedStore } from './seed.ts';

const measurements: Readonly<Record<MeasurementName, Measurement>> = { flush, calls, delivery, reads, 'catch-up': catchUps, appends };

/** The client never answers some calls; this is far beyond what any measurement takes. */
const MEASUREMENT_MAX_MS = 1_800_000;

/** Private memory of the server in bytes, before the first and after the last measurement. */
export type Memory = Readonly<{ before: number | undefined; after: number | undefined }>;
export type Run = Readonly<{ figures: readonly Figure[]; memory: Memory }>;

type Server = Readonly<{ url: string; pid: number | undefined; stop: () => Promise<void> }>;

const openServer = async ({ url }: Options, build: StoreBuild | undefined, folder: string): Promise<Server> => {
  if (build === undefined) return { url: url ?? '', pid: undefined, stop: () => Promise.resolve() };
  const store = await startStore(build, join(folder, 'store'));
  return { url: store.url, pid: store.pid, stop: () => store.end('SIGTERM') };
};

const addressOf = (url: string): Readonly<{ host: string; port: number }> => {
  const [, host, port] = /^esdb:\/\/(?:[^@/]*@)?([^:/?,]+):(\d+)/.exec(url) ?? [];
  if (host === undefined) throw new Error('the benchmark needs an address of the form esdb://HOST:PORT?tls=false');
  return { host, port: Number(port) };
};

/** What is measured in a run, in the order that this run takes: every second one the other way round, so that drift shows. */
const orderOf = ({ only, url }: Options, number: number): MeasurementName[] => {
  // The disk of somebody else's server is not at hand.
  const chosen = MEASUREMENTS.filter((name) => name === 'calls' || (only.includes(name) && !(name === 'flush' && url !== undefined)));
  return number % 2 === 0 ? chosen : chosen.reverse();
};

const measureAll = async (bench: Bench, names: readonly MeasurementName[], tell: (line: string) => void): Promise<Figure[]> => {
  const figures: Figure[] = [];
  for (const name of names) {
    const startedAt = performance.now();
    figures.push(...(await withinLimit(measurements[name](bench), MEASUREMENT_MAX_MS, name)));
    tell(`${name}: ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`);
  }
  return figures;
};

/** One run: a server on a new folder, and everything measured on it once. `number` counts from 0. */
export const play = async (options: Options, build: StoreBuild | undefined, number: number, tell: (line: string) => void): Promise<Run> => {
  const folder = temporaryFolder('bench');
  try {
    const { url, pid, stop } = await openServer(options, build, folder);
    const memory = () => (pid === undefined ? undefined : privateMemory(pid));
    const before = memory();
    const client = EventStoreDBClient.connectionString(url);
    const adapter = createEsdbEventStore(url);
    let seeding: Promise<Seeded> | undefined;
    const seeded = (): Promise<Seeded> => {
      seeding ??= seedStore(client, options.events);
      return seeding;
    };
    const bench: Bench = { client, adapter, pid, ...addressOf(url), folder, seconds: options.seconds, seeded };
    const figures = await measureAll(bench, orderOf(options, number), tell);
    const after = memory();
    await adapter.close();
    await disposeOf(client);
    await stop();
    return { figures, memory: { before, after } };
  } finally {
    removeFolder(folder);
  }
};
