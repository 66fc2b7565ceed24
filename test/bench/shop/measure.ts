import { type Bounds, boundsOf, wrongBooks } from './books.ts';
import { clientOf } from './client.ts';
import { type CpuMs, cpuOf } from './cpu.ts';
import type { Generate, Load, Plan } from './load.ts';
import type { SubjectName } from './options.ts';
import { type RowName, rows } from './requests.ts';
import type { Server } from './servers.ts';
import { watchViewLag } from './viewLag.ts';
import { openWorld } from './world.ts';

/** A subject is loaded before a row's figures are taken, in turns of so many seconds, until each has answered enough for its hot code to be compiled. */
const WARM_UP_S = 2;
const WARM_UP_ANSWERS = 20_000;
/** Turns at most; those that are slow are measured as they are then. */
const WARM_UP_TURNS_MAX = 8;
const US_PER_MS = 1_000;

/** One measurement of one run. */
export type Figure = Readonly<{
  row: RowName;
  subject: SubjectName;
  perSecond: number;
  latencyMs: Load['latencyMs'];
  failed: number;
  /** CPU microseconds for each answer, by the part that used them. */
  cpuUs: Readonly<Record<string, number>>;
  /** Milliseconds, one for each look. Only of a shop. */
  viewLagsMs: readonly number[];
  /** What is on record and was not acknowledged, or the other way round. Only of a shop. */
  wrong: readonly string[];
}>;

export type Measured = Readonly<{
  subject: SubjectName;
  server: Server;
  generate: (row: RowName) => Generate;
  connections: number;
  seconds: number;
}>;

const isShop = (subject: SubjectName): boolean => subject === 'shop' || subject === 'other';

const perAnswer = (before: CpuMs, after: CpuMs, answered: number): Record<string, number> =>
  Object.fromEntries(Object.entries(after).map(([part, ms]) => [part, ((ms - (before[part] ?? 0)) * US_PER_MS) / answered]));

/** Answers of earlier warm-ups count, as code stays compiled. */
const answersBefore = new Map<string, number>();
const warmth = (subject: SubjectName, row: RowName) => {
  const key = `${subject} ${row}`;
  return {
    isEnough: (): boolean => (answersBefore.get(key) ?? 0) >= WARM_UP_ANSWERS,
    add: (answers: number): void => void answersBefore.set(key, (answersBefore.get(key) ?? 0) + answers),
  };
};

const warmUp = async (generate: Generate, plan: Plan, warm: ReturnType<typeof warmth>): Promise<{ sent: number; bounds: Bounds[] }> => {
  const bounds: Bounds[] = [];
  let sent = 0;
  for (let turn = 1; turn === 1 || (turn <= WARM_UP_TURNS_MAX && !warm.isEnough()); turn += 1) {
    const next = { ...plan, first: sent };
    const load = await generate(next);
    bounds.push(boundsOf(next, load));
    warm.add(load.answered);
    sent += load.sent;
  }
  return { sent, bounds };
};

/** Warms the subject up on a world of its own, loads it, and reads the books of the shop. `name` is new each time. */
export const measure = async (
  { subject, server, generate, connections, seconds }: Measured,
  row: RowName,
  name: string,
  around: (work: () => Promise<Load>) => Promise<Load> = (work) => work(),
): Promise<Figure> => {
  const { charged, requests: requestsOf, rate } = rows[row];
  const client = clientOf(server.url);
  const world = await openWorld(client, name, charged);
  const requests = requestsOf(world);
  const warming: Plan = { url: server.url, requests, first: 0, connections, seconds: WARM_UP_S, rate };
  const { sent, bounds } = await warmUp(generate(row), warming, warmth(subject, row));
  const plan: Plan = { ...warming, first: sent, seconds };
  const lag = isShop(subject) ? watchViewLag(server.url, world) : null;
  const before = cpuOf(server.parts);
  const load = await around(() => generate(row)(plan));
  const cpuUs = { ...perAnswer(before, cpuOf(server.parts), load.answered), generator: (load.cpuMs * US_PER_MS) / load.answered };
  const viewLagsMs = (await lag?.stop()) ?? [];
  const wrong = isShop(subject) ? await wrongBooks(client, world, [...bounds, boundsOf(plan, load)]) : [];
  client.close();
  return {
    row,
    subject,
    perSecond: load.answered / load.seconds,
    latencyMs: load.latencyMs,
    failed: load.failed,
    cpuUs,
    viewLagsMs,
    wrong,
  };
};
