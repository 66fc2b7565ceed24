import type { EventStoreDBClient } from '@eventstore/db-client';
import type { LogCheck } from './storeKillCheck.ts';
import type { Stage } from './storeKillStage.ts';
import { appendBatch, type Ledger, readOn, startWriters, type Writing } from './storeKillWriters.ts';
import { pause, withinLimit } from './waits.ts';

const FIRST_ANSWER_MAX_MS = 20_000;
const FAULT_AFTER_MAX_MS = 400;
const START_KILL_AFTER_MAX_MS = 300;
const RECOVERY_MAX_MS = 60_000;
const RETRY_MS = 20;
const READ_MAX_MS = 60_000;
/** How long the client may take to reject what was in flight at a server that is dead: the rest is answered by nobody. */
const REJECTION_WAIT_MS = 300;
/** How long the writers go on at a server that runs again. */
const GO_ON_MS = 100;

/** What all rounds share. */
export type Play = Readonly<{
  stage: Stage;
  client: EventStoreDBClient;
  check: LogCheck;
  ledger: Ledger;
  /** From 0 to 1. */
  random: () => number;
}>;

/** A round's result: what was in flight when its fault came, and a line that tells it. */
export type Played = Readonly<{ inFlight: number; acknowledged: number; recoveryMs: number; line: string }>;

let probes = 0;

/** How long the client took until an append of now went through, to a stream that is new each time. @throws when it does not recover. */
const recovered = async ({ client, ledger }: Play): Promise<number> => {
  const startedAt = performance.now();
  for (;;) {
    try {
      await appendBatch(client, ledger, `probe-${probes++}`, -1n, 1);
      return performance.now() - startedAt;
    } catch (error) {
      if (performance.now() - startedAt > RECOVERY_MAX_MS) throw new Error('the client did not recover', { cause: error });
      await pause(RETRY_MS);
    }
  }
};

/** Holds the log against what was answered. */
export const compare = async ({ client, check, ledger }: Play): Promise<Readonly<{ acknowledged: number; line: string }>> => {
  // Taken before the read: whatever is answered while it goes on may stand behind its end.
  const { sent, acknowledged, refused } = ledger.take();
  await withinLimit(readOn(client, check), READ_MAX_MS, 'the read of the log');
  const landed = check.round(sent, acknowledged, refused);
  const inDoubt = sent.size - acknowledged.size - refused.size;
  return {
    acknowledged: acknowledged.size,
    line: `${acknowledged.size} acknowledged, ${inDoubt} in doubt (${landed} landed whole); ${check.violations.length} violations`,
  };
};

/** Lets the writers begin, and waits for a random moment while they are at work. */
const writeForAWhile = async ({ client, ledger, check, random }: Play): Promise<Writing & { afterMs: number }> => {
  const writing = startWriters(client, ledger, check, random);
  await withinLimit(writing.answered, FIRST_ANSWER_MAX_MS, 'the first answer of a round');
  const afterMs = random() * FAULT_AFTER_MAX_MS;
  await pause(afterMs);
  return { ...writing, afterMs };
};

/** Writers at work, `kill -9` at a random moment, a new start, which may be killed, too. */
export const playKill = async (play: Play, killsInStart: boolean): Promise<Played> => {
  const { stage, ledger, random } = play;
  const { afterMs, stop, over } = await writeForAWhile(play);
  const { inFlight } = ledger;
  await stage.kill();
  stop();
  await Promise.race([over, pause(REJECTION_WAIT_MS)]);
  const startKillMs = random() * START_KILL_AFTER_MAX_MS;
  if (killsInStart) await stage.killInStart(startKillMs);
  const startMs = await stage.restart();
  const recoveryMs = await recovered(play);
  const { line, acknowledged } = await compare(play);
  const again = killsInStart ? `, again ${startKillMs.toFixed(0)} ms into the start` : '';
  const told = `killed after ${afterMs.toFixed(0)} ms with ${inFlight} in flight${again}; ready in ${startMs.toFixed(0)} ms`;
  return { inFlight, acknowledged, recoveryMs, line: `${told}, client back in ${recoveryMs.toFixed(0)} ms more; ${line}` };
};

/** Writers at work, and a server that stands still for some time and then goes on. */
export const playStop = async (play: Play, stopMs: number): Promise<Played> => {
  const { stage, ledger } = play;
  const { afterMs, stop, over } = await writeForAWhile(play);
  const { inFlight } = ledger;
  await stage.freeze(stopMs);
  const recoveryMs = await recovered(play);
  await pause(GO_ON_MS);
  stop();
  await over;
  const { line, acknowledged } = await compare(play);
  const told = `stopped after ${afterMs.toFixed(0)} ms with ${inFlight} in flight, for ${stopMs} ms`;
  return { inFlight, acknowledged, recoveryMs, line: `${told}; client back in ${recoveryMs.toFixed(0)} ms; ${line}` };
};
