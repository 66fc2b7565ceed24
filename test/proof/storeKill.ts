/**
 * Kills the embedded event store with appends in flight, round after round on one folder, and proves from the log that
 * nothing acknowledged is lost: `npm run proof:store-kill -- --rounds 20 [--seed 1]`.
 * One client of npm, unmodified, lives through all rounds and has to find the restarted server on its own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { EventStoreDBClient, jsonEvent, NO_STREAM } from '@eventstore/db-client';
import { type Acknowledged, LogCheck, type Sent } from './storeKillCheck.ts';

const WRITERS = 64;
const BATCH_EVENTS_MAX = 10;
const KILL_AFTER_MAX_MS = 400;
const APPEND_WAIT_MAX_MS = 3_000;
const START_MAX_MS = 20_000;
const RECOVERY_MAX_MS = 20_000;
const RETRY_MS = 20;
const VIOLATIONS_SHOWN_MAX = 20;

type PartData = Readonly<{ append: string; index: number; count: number }>;
type Round = {
  readonly sent: Map<string, Sent>;
  readonly acknowledged: Map<string, Acknowledged>;
  readonly firstAnswer: Deferred;
  inFlight: number;
  over: boolean;
};

type Deferred = Readonly<{ promise: Promise<void>; resolve: () => void }>;
const deferred = (): Deferred => {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

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

/** The client never answers some appends of a broken connection: each gets a timer of its own. */
const withinLimit = async <T>(work: Promise<T>, ms: number, what: string): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
};

/**
 * A broken batch append rejects promises inside the client that nobody holds, and its late answers throw a TypeError.
 * They are counted and survived; a rejection from anywhere else ends the proof.
 */
const surviveTheClient = () => {
  const survived = { count: 0 };
  process.on('unhandledRejection', (error) => {
    const trace = error instanceof Error ? `${error.stack} ${(error as { _raw?: Error })._raw?.stack ?? ''}` : '';
    if (!/@eventstore|@grpc/.test(trace)) throw error;
    survived.count++;
  });
  return survived;
};

const startStore = async (folder: string, port: number): Promise<Readonly<{ child: ChildProcess; url: string }>> => {
  const main = fileURLToPath(new URL('../../src/embedded/event-store/main.ts', import.meta.url));
  const args = ['--import', import.meta.resolve('tsx'), main, '--data', folder, '--port', String(port)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(createInterface({ input: child.stdout }), 'line', { signal: AbortSignal.timeout(START_MAX_MS) });
  const [, url] = /^ready (esdb:\/\/\S+)/.exec(String(line)) ?? [];
  if (url === undefined) throw new Error(`the event store said instead of being ready: ${String(line)}`);
  return { child, url };
};

const appendOnce = async (client: EventStoreDBClient, round: Round, stream: string, last: bigint, count: number): Promise<Acknowledged> => {
  const append = randomUUID();
  const parts = Array.from({ length: count }, (_, index) =>
    jsonEvent<{ type: 'Part'; data: PartData }>({ type: 'Part', data: { append, index, count } }),
  );
  const expectedRevision = last < 0n ? NO_STREAM : last;
  round.sent.set(append, { append, stream, count });
  round.inFlight++;
  try {
    const asked = client.appendToStream(stream, parts, { expectedRevision });
    const { nextExpectedRevision, position } = await withinLimit(asked, APPEND_WAIT_MAX_MS, 'an append');
    const answer = { revision: nextExpectedRevision, position: position?.commit ?? -1n };
    round.acknowledged.set(append, answer);
    round.firstAnswer.resolve();
    return answer;
  } finally {
    round.inFlight--;
  }
};

/** Appends to one stream, one batch after the other, until the first failure: what then is there, only the log knows. */
const write = async (client: EventStoreDBClient, round: Round, stream: string, last: bigint, random: () => number): Promise<void> => {
  let revision = last;
  try {
    while (!round.over)
      revision = (await appendOnce(client, round, stream, revision, 1 + Math.floor(random() * BATCH_EVENTS_MAX))).revision;
  } catch {
    // In doubt; the check of the log accepts it whole or absent.
  }
};

/** Feeds the check with everything behind what it has seen. */
const readOn = async (client: EventStoreDBClient, check: LogCheck): Promise<void> => {
  const from = check.position < 0n ? {} : { fromPosition: { commit: check.position, prepare: check.position } };
  for await (const { event } of client.readAll(from)) {
    if (event === undefined || event.streamId.startsWith('$') || event.position.commit === check.position) continue;
    const data = event.data as PartData;
    check.event({ ...data, stream: event.streamId, revision: event.revision, position: event.position.commit, id: event.id });
  }
};

/** How long the client took until a first call went through. @throws when it does not recover. */
const recovered = async (client: EventStoreDBClient): Promise<number> => {
  const started = performance.now();
  for (;;) {
    try {
      const last = async (): Promise<void> => {
        for await (const _ of client.readAll({ maxCount: 1 }));
      };
      await withinLimit(last(), APPEND_WAIT_MAX_MS, 'a read');
      return performance.now() - started;
    } catch (error) {
      if (performance.now() - started > RECOVERY_MAX_MS) throw new Error('the client did not recover', { cause: error });
      await pause(RETRY_MS);
    }
  }
};

/** One round: writers at work, a kill at a random moment, a restart; then the log is held against what was answered. */
const playRound = async (
  stage: Stage,
  client: EventStoreDBClient,
  check: LogCheck,
  random: () => number,
): Promise<Round & { line: string; hit: boolean }> => {
  const round: Round = { sent: new Map(), acknowledged: new Map(), firstAnswer: deferred(), inFlight: 0, over: false };
  const writing = Array.from({ length: WRITERS }, (_, n) => write(client, round, `killed-${n}`, check.lastRevision(`killed-${n}`), random));
  // Only then is it certain that appends are at the server, and not still in a client that connects.
  await withinLimit(round.firstAnswer.promise, APPEND_WAIT_MAX_MS, 'the first answer of a round');
  const killAfterMs = random() * KILL_AFTER_MAX_MS;
  await pause(killAfterMs);
  const { inFlight } = round;
  await stage.kill();
  round.over = true;
  await Promise.all(writing);
  await stage.restart();
  const recoveryMs = await recovered(client);
  await readOn(client, check);
  const inDoubt = round.sent.size - round.acknowledged.size;
  const landed = check.round(round.sent, round.acknowledged);
  const line =
    `killed ${killAfterMs.toFixed(0)} ms after the first answer with ${inFlight} in flight; ${round.acknowledged.size} acknowledged, ` +
    `${inDoubt} in doubt (${landed} landed whole); client back in ${recoveryMs.toFixed(0)} ms; ${check.violations.length} violations`;
  return { ...round, line, hit: inFlight > 0 };
};

type Stage = Readonly<{ url: string; kill: () => Promise<void>; restart: () => Promise<void>; stop: () => Promise<void> }>;

/** The server on its folder, always on the same port. */
const openStage = async (folder: string): Promise<Stage> => {
  let { child, url } = await startStore(folder, 0);
  const port = Number(/:(\d+)\?/.exec(url)?.[1]);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  };
  const restart = async (): Promise<void> => {
    ({ child } = await startStore(folder, port));
  };
  process.on('exit', () => child.kill('SIGKILL'));
  return { url, kill: () => end('SIGKILL'), restart, stop: () => end('SIGTERM') };
};

const parse = (): Readonly<{ rounds: number; seed: number }> => {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '20' }, seed: { type: 'string', default: String(Date.now() % 1e9) } },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds is no number of rounds: ${values.rounds}`);
  return { rounds, seed: Number(values.seed) };
};

/** Reads the whole log once more: no restart may have changed what an earlier round has seen. */
const checkAgain = async (client: EventStoreDBClient, check: LogCheck): Promise<void> => {
  const again = new LogCheck();
  await readOn(client, again);
  if (again.digest() !== check.digest())
    check.violations.push(`the log, read again, differs: ${again.events} events, ${check.events} before`);
};

const main = async (): Promise<number> => {
  const { rounds, seed } = parse();
  const random = randomFrom(seed);
  const survived = surviveTheClient();
  const folder = mkdtempSync(join(tmpdir(), 'till-store-kill-'));
  const stage = await openStage(folder);
  const client = EventStoreDBClient.connectionString(stage.url);
  const check = new LogCheck();
  let hits = 0;
  let acknowledged = 0;
  console.log(`store-kill: ${rounds} rounds, ${WRITERS} writers, seed ${seed}`);
  for (let number = 1; number <= rounds; number++) {
    const round = await playRound(stage, client, check, random);
    if (round.hit) hits++;
    acknowledged += round.acknowledged.size;
    console.log(`round ${number}: ${round.line}`);
  }
  await checkAgain(client, check);
  await client.dispose();
  await stage.stop();
  const { violations } = check;
  for (const violation of violations.slice(0, VIOLATIONS_SHOWN_MAX)) console.log(`VIOLATION ${violation}`);
  if (violations.length === 0) rmSync(folder, { recursive: true, force: true });
  else console.log(`the folder is kept: ${folder}`);
  console.log(`${check.events} events in the log; ${survived.count} stray rejections of the client survived`);
  console.log(
    `store-kill: ${rounds} rounds, ${hits} with appends in flight, ${acknowledged} appends acknowledged, ${violations.length} violations`,
  );
  return violations.length === 0 && hits > 0 ? 0 : 1;
};

process.exitCode = await main();
