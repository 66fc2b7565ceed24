import { setTimeout as sleep } from 'node:timers/promises';
import type { Position } from '../platform/eventStore/eventStore.ts';
import type { Database } from '../platform/postgres.ts';
import { EXIT } from '../platform/process.ts';
import type { Projection } from '../projections/projection.ts';
import { promote, requestBuild, type Version, versions } from '../projections/versions.ts';
import { showFilling } from './projectionsProgress.ts';

export type RebuildParts = Readonly<{
  database: Database;
  projections: readonly Projection[];
  say: (line: string) => void;
  print: (document: unknown, words: string) => void;
}>;
export type RebuildOptions = Readonly<{ names: readonly string[] | 'all'; promote: boolean }>;

const LOOK_EVERY_MS = 200;
/** Milliseconds without any progress after which nobody seems to be at work. */
const STILL_MAX_MS = 30_000;
/** Tries to promote one version, a second apart: under load it may be behind at the moment of asking. */
const PROMOTE_TRIES_MAX = 10;
const PROMOTE_RETRY_MS = 1_000;

type Build = Readonly<{ projection: Projection; table: string }>;

/** Asks for builds of the newest version of each view, waits until they have caught up, and promotes them when told so. */
export const rebuild = async (parts: RebuildParts, options: RebuildOptions): Promise<number> => {
  const { database, say, print } = parts;
  const newest = newestOf(parts.projections);
  const names = options.names === 'all' ? [...newest.keys()] : options.names;
  const unknown = names.filter((name) => !newest.has(name));
  if (unknown.length > 0) {
    say(`no view is called ${unknown.join(', ')}; there are ${[...newest.keys()].join(', ')}`);
    return EXIT.usage;
  }
  const begun = performance.now();
  const builds: Build[] = [];
  for (const name of names) {
    const projection = newest.get(name) as Projection;
    const answer = await requestBuild(database, projection);
    if (answer.kind === 'refused') say(answer.reason);
    else builds.push({ projection, table: answer.value });
  }
  const filled = builds.length === names.length && (await filling(parts, builds));
  if (!filled) return EXIT.failed;
  const seconds = (performance.now() - begun) / 1_000;
  const promoted = options.promote ? await promoteAll(parts, builds) : [];
  const tables = builds.map(({ table }) => table);
  const words = `filled in ${seconds.toFixed(1)} s: ${tables.join(', ')}\n`;
  print({ seconds, tables, promoted }, promoted.length > 0 ? `${words}live: ${promoted.join(', ')}\n` : words);
  return options.promote && promoted.length < builds.length ? EXIT.failed : EXIT.done;
};

const newestOf = (projections: readonly Projection[]): ReadonlyMap<string, Projection> => {
  const newest = new Map<string, Projection>();
  for (const projection of projections) {
    if ((newest.get(projection.name)?.version ?? 0) < projection.version) newest.set(projection.name, projection);
  }
  return newest;
};

/** Waits until each build is where its live version is. Says what stands in the way. */
const filling = async ({ database, say }: RebuildParts, builds: readonly Build[]): Promise<boolean> => {
  const show = showFilling(process.stderr);
  let [moved, sum] = [performance.now(), -1n];
  try {
    for (;;) {
      const all = await versions(database);
      const filled = builds.map(({ table }) => all.find((version) => version.table === table));
      const goal = all.filter(({ status }) => status === 'live').reduce((far, version) => max(far, at(version)), 0n);
      const lost = filled.find((version) => version === undefined || version.status === 'retired' || version.halted !== null);
      if (lost !== undefined || filled.includes(undefined)) return refuse(say, lost);
      const present = filled as readonly Version[];
      const slowest = present.reduce((low, version) => (at(version) < low ? at(version) : low), goal);
      show.at(goal === 0n ? 1 : Number((slowest * 1_000n) / goal) / 1_000);
      if (present.every((version) => version.storeId !== null && at(version) >= at(liveOf(all, version)))) return true;
      const now = present.reduce((total, version) => total + at(version), 0n);
      if (now !== sum) [moved, sum] = [performance.now(), now];
      if (performance.now() - moved > STILL_MAX_MS) {
        say(`nothing has moved for ${STILL_MAX_MS / 1_000} s: is a projector running?`);
        return false;
      }
      await sleep(LOOK_EVERY_MS);
    }
  } finally {
    show.done();
  }
};

const refuse = (say: (line: string) => void, lost: Version | undefined): false => {
  const why = lost?.halted ? `has halted at ${lost.halted.position}: ${lost.halted.reason}` : 'was retired meanwhile';
  say(`${lost?.table ?? 'a build'} ${why}`);
  return false;
};

const at = (version: Version | undefined): Position => version?.position ?? -1n;
const max = (a: Position, b: Position): Position => (a > b ? a : b);
const liveOf = (all: readonly Version[], { name }: Version): Version | undefined =>
  all.find((version) => version.name === name && version.status === 'live');

const promoteAll = async ({ database, say }: RebuildParts, builds: readonly Build[]): Promise<readonly string[]> => {
  const promoted: string[] = [];
  for (const { projection, table } of builds) {
    for (let tries = 1; ; tries += 1) {
      const answer = await promote(database, projection, table);
      if (answer.kind === 'done') promoted.push(table);
      else if (tries < PROMOTE_TRIES_MAX) {
        await sleep(PROMOTE_RETRY_MS);
        continue;
      } else say(answer.reason);
      break;
    }
  }
  return promoted;
};
