import { beforeEach, expect, it } from '@jest/globals';
import { Mailboxes, SOLD_OUT_FRESH_FOR_MS } from '../../src/commands/mailboxes.ts';
import { soldOutHints } from '../../src/commands/soldOutHints.ts';
import { addCount, type Issued, issueCoupon, openPolicy } from '../../src/domain/couponPolicy.ts';
import type { CommandId, Fingerprint, PolicyId, UserId } from '../../src/domain/ids.ts';
import type { Cache } from '../../src/platform/cache/cache.ts';
import { createInProcessCache } from '../../src/platform/cache/inProcessCache.ts';
import { createMemoryEventStore } from '../../src/platform/eventStore/memoryEventStore.ts';
import { MemoryLog } from '../../src/platform/eventStore/memoryLog.ts';
import { about, stoppedClock } from './shopInMemory.ts';

const FRESH = SOLD_OUT_FRESH_FOR_MS;
/** Milliseconds for which other writers are reckoned with: until then every batch is begun with a reading. */
const RIVALS_GONE_MS = 20_000;
const policyId = 'cp1-1' as PolicyId;
const terms = {
  name: 'n',
  count: 2,
  discountType: 'amount',
  discountAmount: 1,
  startsAt: 0,
  endsAt: Number.MAX_SAFE_INTEGER,
  expireMinutes: 1,
  perUser: null,
} as const;

let clock: ReturnType<typeof stoppedClock>;
let log: MemoryLog;
let held: Map<string, string>;
let cache: Cache;
beforeEach(() => {
  clock = stoppedClock();
  log = new MemoryLog();
  held = new Map();
  const kept = createInProcessCache(clock.now);
  cache = {
    ...kept,
    isShared: true,
    set: async (key, value, endsAt) => {
      held.set(key, value);
      await kept.set(key, value, endsAt);
    },
  };
});

type Options = Readonly<{ store?: string; wallAheadMs?: number; cacheOf?: Cache | null }>;
/** A command process over the one log; `reads` counts how often it asked the store. */
const processAt = ({ store: name = 'store-1', wallAheadMs = 0, cacheOf = cache }: Options = {}) => {
  const store = createMemoryEventStore({ log });
  const seen = { reads: 0 };
  const read = store.readStream.bind(store);
  store.readStream = (stream, from, options) => {
    seen.reads += 1;
    return read(stream, from, options);
  };
  const own = { now: () => clock.now() + wallAheadMs, monotonic: clock.monotonic };
  const soldOut = cacheOf ? soldOutHints(cacheOf, () => name, own, FRESH) : null;
  const box = () => mailboxes.policy(policyId);
  const mailboxes = new Mailboxes(store, clock.monotonic, { soldOut });
  const issue = async (user: string, key = `key-${user}`): Promise<Issued> =>
    (await box().ask(issueCoupon({ userId: user as UserId, commandId: key as CommandId, at: 1 }), about(key))).outcome;
  return {
    seen,
    issue,
    open: () => box().ask(openPolicy({ policyId, number: 1, generation: 0, terms, at: 0 }), about('open')),
    add: (add: number) =>
      box().ask(addCount({ add, commandId: `add-${add}` as CommandId, fingerprint: 'f' as Fingerprint, at: 1 }), about(`add-${add}`)),
  };
};
type Process = ReturnType<typeof processAt>;

/** Two processes that both know a policy that is sold out, and a moment at which nothing they know of it is fresh. */
const soldOutTo = async (east: Process, west: Process): Promise<void> => {
  await east.open();
  await east.issue('ann');
  await east.issue('bob');
  for (const process of [east, west]) expect((await process.issue('late')).kind).toBe('refused');
  clock.pass(RIVALS_GONE_MS);
  for (const process of [east, west]) process.seen.reads = 0;
};
const soldOut = { kind: 'refused', reason: 'sold-out', couponId: null };

it('who has read that a policy is sold out spares the others the reading, for what is left of 100 ms', async () => {
  const [east, west] = [processAt(), processAt()];
  await soldOutTo(east, west);
  expect(await east.issue('c')).toEqual(soldOut);
  clock.pass(FRESH / 2);
  expect(await west.issue('d')).toEqual(soldOut);
  expect([east.seen.reads, west.seen.reads]).toEqual([1, 0]);
  clock.pass(FRESH / 2);
  expect(await west.issue('e')).toEqual(soldOut);
  expect(west.seen.reads).toBe(0);
  clock.pass(1);
  expect(await west.issue('f')).toEqual(soldOut);
  expect(west.seen.reads).toBe(1);
});

it('a hint is passed on by nobody who did not read: its end is 100 ms after the reading, whoever used it', async () => {
  const [east, west, north] = [processAt(), processAt(), processAt()];
  await soldOutTo(east, west);
  await north.issue('late');
  clock.pass(RIVALS_GONE_MS);
  await east.issue('c');
  const [told] = held.values();
  clock.pass(FRESH - 10);
  await west.issue('d');
  expect([...held.values()]).toEqual([told]);
  clock.pass(11);
  north.seen.reads = 0;
  await north.issue('e');
  expect(north.seen.reads).toBe(1);
});

it('a coupon that was added is issued by every process 100 ms later at the latest (R13, D24)', async () => {
  const [east, west] = [processAt(), processAt()];
  await soldOutTo(east, west);
  await east.issue('c');
  await east.add(1);
  expect(await west.issue('d')).toEqual(soldOut);
  clock.pass(FRESH + 1);
  expect((await west.issue('d')).kind).toBe('issued');
});

it('a repeat under a known key is answered with its coupon, hint or not, also by a process that never saw it', async () => {
  const [east, west] = [processAt(), processAt()];
  await soldOutTo(east, west);
  await east.issue('c');
  expect(await west.issue('ann')).toMatchObject({ kind: 'issued', replayed: true, coupon: { userId: 'ann' } });
  const newcomer = processAt();
  expect(await newcomer.issue('bob')).toMatchObject({ kind: 'issued', replayed: true, coupon: { userId: 'bob' } });
});

it('tells nothing as long as there are coupons, and nothing that a refusal of another kind rests on', async () => {
  const [east, west] = [processAt(), processAt()];
  await east.open();
  await east.issue('ann');
  await west.issue('bob');
  expect([...held.keys()]).toEqual([]);
});

it('a hint of an older end of the stream, or of a stream that never was, is no hint', async () => {
  const [east, west] = [processAt(), processAt()];
  await soldOutTo(east, west);
  await east.issue('c');
  const [[key, value] = ['', '']] = held;
  const said = JSON.parse(value);
  const useless = [
    'abc',
    '',
    '"sold-out"',
    '{}',
    '[1]',
    value.slice(0, -2),
    JSON.stringify({ ...said, revision: String(Number(said.revision) - 1) }),
    JSON.stringify({ ...said, revision: String(Number(said.revision) + 1) }),
    JSON.stringify({ ...said, eventId: 'another' }),
    JSON.stringify({ ...said, at: said.at + FRESH }),
    JSON.stringify({ ...said, at: 0 }),
    JSON.stringify({ ...said, remaining: 0 }),
  ];
  for (const text of useless) {
    clock.pass(FRESH + 1);
    await cache.set(key, text, clock.now() + 60_000);
    west.seen.reads = 0;
    expect([text, await west.issue('d')]).toEqual([text, soldOut]);
    expect([text, west.seen.reads]).toEqual([text, 1]);
  }
});

it('a hint that arrives late, or is kept for too long, holds back no coupon that was added since (D24)', async () => {
  const [east, west] = [processAt(), processAt()];
  await soldOutTo(east, west);
  await east.issue('c');
  const [[key, value] = ['', '']] = held;
  await east.add(1);
  clock.pass(FRESH + 1);
  await cache.set(key, value, clock.now() + 60_000);
  expect((await west.issue('d')).kind).toBe('issued');
});

it('hints of another shop, and of a process whose clock is ahead, are none', async () => {
  const [east, west] = [processAt({ store: 'store-2' }), processAt()];
  await soldOutTo(east, west);
  await east.issue('c');
  await west.issue('d');
  expect(west.seen.reads).toBe(1);
  clock.pass(FRESH + 1);
  const [ahead, behind] = [processAt({ wallAheadMs: FRESH }), processAt()];
  for (const process of [ahead, behind]) await process.issue('late');
  clock.pass(RIVALS_GONE_MS);
  await ahead.issue('e');
  behind.seen.reads = 0;
  await behind.issue('f');
  expect(behind.seen.reads).toBe(1);
});

it('without a cache each process reads for itself, as ever', async () => {
  const [east, west] = [processAt({ cacheOf: null }), processAt({ cacheOf: null })];
  await soldOutTo(east, west);
  expect(await east.issue('c')).toEqual(soldOut);
  expect(await west.issue('d')).toEqual(soldOut);
  expect([east.seen.reads, west.seen.reads, held.size]).toEqual([1, 1, 0]);
});
