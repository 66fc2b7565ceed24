import { type Config, parseConfig } from '../platform/config.ts';
import { createEsdbEventStore } from '../platform/eventStore/esdbEventStore.ts';
import { type Database, openDatabase } from '../platform/postgres.ts';
import { EXIT } from '../platform/process.ts';
import { allProjections } from '../projections/models/all.ts';
import type { Projection } from '../projections/projection.ts';
import { type Answer, park, promote, retire, type Version, versions } from '../projections/versions.ts';
import { withLocalStores } from './localStores.ts';
import { type ProjectionsOptions, parseProjectionsOptions, WrongUsage } from './projectionsOptions.ts';
import { rebuild } from './projectionsRebuild.ts';
import { isSound, printedStatus, statusOf } from './projectionsStatus.ts';

/** What an operation needs. Nothing here feeds a view: that is the projector's, which does what it finds asked for. */
type Shop = Readonly<{ config: Config & { eventStoreUrl: string }; database: Database; projections: readonly Projection[] }>;

const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** On stdout: the document, or its members in words. */
const print = (asJson: boolean, document: unknown, words: string): void =>
  void process.stdout.write(asJson ? `${JSON.stringify(document, null, 2)}\n` : words);

const refuse = (reason: string): number => {
  say(reason);
  return EXIT.failed;
};

const done = <T>(answer: Answer<T>, asJson: boolean, document: (value: T) => object, words: string): number => {
  if (answer.kind === 'refused') return refuse(answer.reason);
  print(asJson, document(answer.value), `${words}\n`);
  return EXIT.done;
};

/** The one build that is meant; a sentence when there is none or more than one. */
const buildMeant = async (database: Database, name: string): Promise<Version | string> => {
  const all = (await versions(database)).filter(({ status }) => status !== 'retired');
  const exact = all.find(({ table }) => table === name);
  if (exact) return exact;
  const candidates = all.filter((version) => version.name === name && version.status !== 'live');
  const [only, further] = candidates;
  if (further) return `${name} has several versions that are not live: name one of ${candidates.map(({ table }) => table).join(', ')}`;
  return only ?? `${name} has no version that is not live`;
};

const status = async ({ config, database }: Shop, asJson: boolean): Promise<number> => {
  const store = createEsdbEventStore(config.eventStoreUrl);
  try {
    const found = await statusOf(database, store, Date.now());
    print(asJson, found, printedStatus(found));
    return isSound(found) ? EXIT.done : EXIT.failed;
  } finally {
    await store.close();
  }
};

const goLive = async ({ database, projections }: Shop, name: string, asJson: boolean): Promise<number> => {
  const meant = await buildMeant(database, name);
  if (typeof meant === 'string') return refuse(meant);
  const { table, version } = meant;
  const projection = projections.find((known) => known.name === meant.name && known.version === version);
  if (!projection) return refuse(`this program does not have version ${version} of ${meant.name}`);
  return done(await promote(database, projection, table), asJson, () => ({ promoted: table }), `${table} is live`);
};

const drop = async ({ database }: Shop, name: string, asJson: boolean): Promise<number> => {
  const meant = await buildMeant(database, name);
  if (typeof meant === 'string') return refuse(meant);
  const { table } = meant;
  return done(await retire(database, table), asJson, () => ({ retired: table }), `${table} is retired`);
};

const goOnWithout = async ({ database }: Shop, wish: Extract<ProjectionsOptions, { kind: 'park' }>): Promise<number> => {
  const { name, position, reason, json } = wish;
  const answer = await park(database, wish);
  const words = `${name} goes on without the event at ${position}: ${reason}`;
  return done(answer, json, (parked) => ({ name, reason, parked }), words);
};

const run = (shop: Shop, wanted: ProjectionsOptions): Promise<number> => {
  if (wanted.kind === 'status') return status(shop, wanted.json);
  if (wanted.kind === 'rebuild') return rebuild({ ...shop, say, print: (document, words) => print(wanted.json, document, words) }, wanted);
  if (wanted.kind === 'park') return goOnWithout(shop, wanted);
  return (wanted.kind === 'promote' ? goLive : drop)(shop, wanted.name, wanted.json);
};

const optionsOf = (args: readonly string[]): ProjectionsOptions | null => {
  try {
    return parseProjectionsOptions(args);
  } catch (error) {
    if (!(error instanceof WrongUsage)) throw error;
    say(`${error.message}; see "till projections --help"`);
    return null;
  }
};

/**
 * `till projections status|rebuild|promote|retire|park`. Status 0 when done, 1 when refused, when something fails or a live view
 * has halted, 2 for wrong usage. @throws ConfigError when there is no database to ask.
 */
export const projectionsCommand = async (args: readonly string[]): Promise<number> => {
  const wanted = optionsOf(args);
  if (wanted === null) return EXIT.usage;
  const config = withLocalStores(parseConfig(process.env));
  const database = openDatabase(config.databaseUrl, {
    applicationName: 'till projections',
    connectionsMax: 2,
    onConnectionError: () => undefined,
  });
  try {
    return await run({ config, database, projections: allProjections(config.serviceZone) }, wanted);
  } finally {
    await database.close();
  }
};
