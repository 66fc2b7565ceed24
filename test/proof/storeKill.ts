/**
 * Kills the embedded event store with appends in flight, or lets it stand still, round after round on one folder, and proves
 * from the log that nothing acknowledged is lost: `npm run proof:store-kill -- --rounds 500 --stops 50 --long-stops 3`.
 * One client of npm, unmodified, lives through all rounds and has to find the server again on its own.
 */
import { inspect, parseArgs } from 'node:util';
import { EventStoreDBClient } from '@eventstore/db-client';
import { buildStore } from './storeBuild.ts';
import { LogCheck } from './storeKillCheck.ts';
import { compare, type Play, type Played, playKill, playStop } from './storeKillRounds.ts';
import { openStage } from './storeKillStage.ts';
import { Ledger, readOn, WRITERS } from './storeKillWriters.ts';
import { surviveTheClient } from './strayRejections.ts';
import { keepFolder, temporaryFolder } from './temporaryFolder.ts';
import { disposeOf } from './waits.ts';

const VIOLATIONS_SHOWN_MAX = 20;
/** Share of the rounds that must have appends in flight when the fault comes. */
const HITS_MIN = 0.9;

type Options = Readonly<{
  kills: number;
  stops: number;
  stopMs: number;
  longStops: number;
  longStopMs: number;
  startKillEvery: number;
  seed: number;
}>;
type Kind = 'kill' | 'kill in start' | 'stop' | 'long stop';

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
const randomFrom = (seed: number) => {
  let state = seed;
  return (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** `--rounds`: kills; `--stops`, `--long-stops`: SIGSTOPs; `--start-kill-every`: so many kills to one that also hits the new start, 0 for none. */
const parse = (): Options => {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '20' },
      stops: { type: 'string', default: '0' },
      'stop-ms': { type: 'string', default: '1000' },
      'long-stops': { type: 'string', default: '0' },
      'long-stop-ms': { type: 'string', default: '30000' },
      'start-kill-every': { type: 'string', default: '5' },
      seed: { type: 'string', default: String(Date.now() % 1e9) },
    },
  });
  const count = (name: keyof typeof values): number => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < 0) throw new Error(`--${name} is no number: ${values[name]}`);
    return value;
  };
  return {
    kills: count('rounds'),
    stops: count('stops'),
    stopMs: count('stop-ms'),
    longStops: count('long-stops'),
    longStopMs: count('long-stop-ms'),
    startKillEvery: count('start-kill-every'),
    seed: count('seed'),
  };
};

/** All rounds in a random order. */
const schedule = ({ kills, stops, longStops, startKillEvery }: Options, random: () => number): Kind[] => {
  const kill = (n: number): Kind => (startKillEvery > 0 && (n + 1) % startKillEvery === 0 ? 'kill in start' : 'kill');
  const kinds = Array.from({ length: kills }, (_, n) => kill(n));
  kinds.push(...Array<Kind>(stops).fill('stop'), ...Array<Kind>(longStops).fill('long stop'));
  return kinds
    .map((kind) => ({ kind, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ kind }) => kind);
};

const playOne = (play: Play, kind: Kind, { stopMs, longStopMs }: Options): Promise<Played> =>
  kind === 'kill' || kind === 'kill in start'
    ? playKill(play, kind === 'kill in start')
    : playStop(play, kind === 'stop' ? stopMs : longStopMs);

/** Reads the whole log once more: no restart may have changed what an earlier round has seen. */
const checkAgain = async (play: Play): Promise<void> => {
  const { client, check } = play;
  await compare(play);
  const again = new LogCheck();
  await readOn(client, again);
  if (again.digest() !== check.digest())
    check.violations.push(`the log, read again, differs: ${again.events} events, ${check.events} before`);
};

/** Plays the rounds up to the first that cannot be played to its end: a client that does not recover is a violation, too. */
const playAll = async (play: Play, kinds: readonly Kind[], options: Options): Promise<Played[]> => {
  const played: Played[] = [];
  try {
    for (const [n, kind] of kinds.entries()) {
      const startedAt = performance.now();
      const round = await playOne(play, kind, options);
      played.push(round);
      console.log(`round ${n + 1}: ${round.line}; ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
    }
    await checkAgain(play);
  } catch (error) {
    play.check.violations.push(`broken off behind round ${played.length}: ${inspect(error)}`);
  }
  return played;
};

/** Prints the outcome; says whether it is a proof. */
const report = (played: readonly Played[], { events, violations }: LogCheck, survived: number): boolean => {
  const hits = played.filter(({ inFlight }) => inFlight > 0).length;
  const acknowledged = played.reduce((sum, round) => sum + round.acknowledged, 0);
  const slowest = Math.max(0, ...played.map(({ recoveryMs }) => recoveryMs));
  for (const violation of violations.slice(0, VIOLATIONS_SHOWN_MAX)) console.log(`VIOLATION ${violation}`);
  console.log(`${events} events in the log; client back within ${slowest.toFixed(0)} ms; ${survived} stray rejections of it survived`);
  console.log(
    `store-kill: ${played.length} rounds, ${hits} with appends in flight, ${acknowledged} acknowledged, ${violations.length} violations`,
  );
  return violations.length === 0 && hits > 0 && hits >= HITS_MIN * played.length;
};

const main = async (): Promise<number> => {
  const options = parse();
  const random = randomFrom(options.seed);
  const kinds = schedule(options, random);
  const survived = surviveTheClient();
  const folder = temporaryFolder('store-kill');
  const build = buildStore();
  const stage = await openStage(build, folder);
  const client = EventStoreDBClient.connectionString(stage.url);
  const check = new LogCheck();
  console.log(`store-kill: ${kinds.length} rounds, ${WRITERS} writers, seed ${options.seed}, the server from ${build.from}`);
  const played = await playAll({ stage, client, check, ledger: new Ledger(), random }, kinds, options);
  await disposeOf(client);
  await stage.end();
  if (check.violations.length > 0) {
    keepFolder(folder);
    console.log(`the folder is kept: ${folder}`);
  }
  return report(played, check, survived.count()) ? 0 : 1;
};

// The client keeps its connection, and with it the process, whatever it is told.
process.exit(await main());
