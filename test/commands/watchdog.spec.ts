import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import type { OpenOrders } from '../../src/commands/openOrders.ts';
import { accountStream } from '../../src/domain/account.ts';
import type { OrderId, UserId } from '../../src/domain/ids.ts';
import { inventoryStream } from '../../src/domain/inventory.ts';
import { type EventStore, StoreUnavailable } from '../../src/platform/eventStore/eventStore.ts';
import { createMemoryEventStore } from '../../src/platform/eventStore/memoryEventStore.ts';
import { MemoryLog } from '../../src/platform/eventStore/memoryLog.ts';
import type { Logger } from '../../src/platform/log.ts';
import { type Logged, recordingLog } from '../projections/recordingLog.ts';
import { silentLog } from '../support/silentLog.ts';
import { about, accountOf, ann, commandProcess, furnish, openOrdersOf, requestOf, stoppedClock, verdictsOf } from './shopInMemory.ts';

const hasty = { mailbox: { settleMsMax: 20, waitMsMax: 50, attemptsMax: 4 } };
const bob = 'bob' as UserId;

/** Orders of these users, submitted and left there: the ledger was away. */
const shopWithOpen = async (users: readonly UserId[]) => {
  const log = new MemoryLog();
  const clock = stoppedClock();
  const store = createMemoryEventStore({ log });
  await furnish(commandProcess(store, clock, openOrdersOf(log, [])), users, 1_000);
  const ledger = { away: true, asked: 0 };
  const append: EventStore['append'] = async (...given) => {
    if (given[0] === inventoryStream && ledger.away) {
      ledger.asked += 1;
      throw new StoreUnavailable('the ledger is away');
    }
    return store.append(...given);
  };
  const partly = Object.assign(Object.create(store) as EventStore, { append });
  const process = (orders: OpenOrders = openOrdersOf(log, users), told: Logger = silentLog, head = () => store.head()) =>
    commandProcess(Object.assign(Object.create(partly) as EventStore, { head }), clock, orders, hasty, told);
  const placing = process();
  const requests = users.map((user) => requestOf(user, user, clock));
  await Promise.all(requests.map((request) => placing.placement.place(request, about(request.orderId))));
  for (const user of users) expect((await accountOf(log, user)).openOrders).toBe(1);
  clock.pass(5_001);
  return { log, clock, store, ledger, process };
};
const alarmsIn = (lines: readonly Logged[]): readonly Logged[] => lines.filter(({ alarm }) => alarm !== undefined);
const openOf = async (log: MemoryLog, users: readonly UserId[]) =>
  (await Promise.all(users.map((user) => accountOf(log, user)))).reduce((sum, { openOrders }) => sum + openOrders, 0);

it('leaves an order to its own request for 5 s', async () => {
  const { log, clock, ledger, process } = await shopWithOpen([ann]);
  ledger.away = false;
  clock.pass(-2_000);
  await process().watchdog.look();
  expect(await openOf(log, [ann])).toBe(1);
});

it('never gives up while the store is away: tries again after 1, 2, 4 … 30 s, and finishes when it is back (OR12)', async () => {
  const { log, clock, ledger, process } = await shopWithOpen([ann]);
  const { watchdog } = process();
  const triedAt: number[] = [];
  for (let second = 0; second < 150; second += 1) {
    const before = ledger.asked;
    await watchdog.look();
    if (ledger.asked > before) triedAt.push(second);
    clock.pass(1_000);
  }
  expect(triedAt).toEqual([0, 1, 3, 7, 15, 31, 61, 91, 121]);
  ledger.away = false;
  clock.pass(30_000);
  await watchdog.look();
  expect(await openOf(log, [ann])).toBe(0);
  expect(await verdictsOf(log)).toHaveLength(1);
});

it('resumes at most 32 at once, and all of them in the end (OR12)', async () => {
  const users = Array.from({ length: 70 }, (_, i) => `user-${i}` as UserId);
  const { log, ledger, process } = await shopWithOpen(users);
  const { watchdog } = process();
  ledger.away = false;
  const left = [];
  for (let round = 0; round < 3; round += 1) {
    const goesOn = await watchdog.look();
    left.push([await openOf(log, users), goesOn]);
  }
  // Whether another round at once would get on.
  expect(left).toEqual([
    [38, true],
    [6, true],
    [0, false],
  ]);
});

it('a stale row of the view changes nothing (OR14)', async () => {
  const { log, ledger, process } = await shopWithOpen([ann]);
  ledger.away = false;
  await process().watchdog.look();
  const settled = await accountOf(log, ann);
  const submittedAt = settled.orders.get(`order-${ann}` as OrderId)?.submittedAt ?? 0;
  const rows = [
    { orderId: `order-${ann}` as OrderId, userId: ann, submittedAt },
    { orderId: 'order-never' as OrderId, userId: bob, submittedAt },
  ];
  const head = log.head;
  await process({ olderThan: async () => rows, position: async () => log.head }).watchdog.look();
  expect(log.head).toBe(head);
  expect((await accountOf(log, ann)).balance).toBe(settled.balance);
});

it('is blind without its view, says so once, and sees again when it is back (OR14, I20)', async () => {
  const { log, clock, ledger, process } = await shopWithOpen([ann]);
  ledger.away = false;
  const seeing = openOrdersOf(log, [ann]);
  let isAway: boolean = true;
  const lines: Logged[] = [];
  const { watchdog } = process(
    { ...seeing, olderThan: (...asked) => (isAway ? Promise.reject(new Error('no Postgres')) : seeing.olderThan(...asked)) },
    recordingLog(lines),
  );
  expect(watchdog.isBlind).toBe(false);
  for (let second = 0; second < 5; second += 1) {
    await watchdog.look();
    expect([watchdog.isBlind, await openOf(log, [ann])]).toEqual([true, 1]);
    clock.pass(1_000);
  }
  expect(alarmsIn(lines)).toEqual([expect.objectContaining({ alarm: 'watchdog-blind', level: 50 })]);
  isAway = false;
  await watchdog.look();
  expect([watchdog.isBlind, await openOf(log, [ann])]).toEqual([false, 0]);
  expect(lines.filter(({ msg }) => msg === 'the watchdog sees the open orders again')).toHaveLength(1);
  expect(alarmsIn(lines)).toHaveLength(1);
});

it('is blind while its view misses an event of an order for more than 10 s, and says so once (OR14)', async () => {
  const { log, clock, ledger, process } = await shopWithOpen([ann]);
  ledger.away = false;
  const shown = { position: log.head };
  const lines: Logged[] = [];
  const late = { olderThan: async () => [], position: async () => shown.position };
  const { watchdog, placement } = process(late, recordingLog(lines));
  await watchdog.look();
  await placement.place(requestOf('later', ann, clock), about('order-later'));
  const blindAt: number[] = [];
  for (let second = 0; second < 20; second += 1) {
    await watchdog.look();
    if (watchdog.isBlind) blindAt.push(second);
    clock.pass(1_000);
  }
  expect(blindAt).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19]);
  shown.position = log.head;
  await watchdog.look();
  expect([watchdog.isBlind, alarmsIn(lines).length]).toEqual([false, 1]);
});

it('is not blind because of events that no order made, which the view may never show (OR14)', async () => {
  const { log, clock, store, process } = await shopWithOpen([ann]);
  const position = log.head;
  const { watchdog } = process({ olderThan: async () => [], position: async () => position });
  await store.append('elsewhere', [{ id: randomUUID(), type: 'Happened', data: {}, metadata: about('x') }], -1n);
  for (let second = 0; second < 30; second += 1) {
    await watchdog.look();
    expect(watchdog.isBlind).toBe(false);
    clock.pass(1_000);
  }
});

it('tells no alarm for rows of a late view whose orders have ended, and tries them no more than twice a minute', async () => {
  const { log, clock, ledger, process } = await shopWithOpen([ann]);
  ledger.away = false;
  const rows = await openOrdersOf(log, [ann]).olderThan(clock.now(), 10);
  const lines: Logged[] = [];
  const { watchdog } = process({ olderThan: async () => rows, position: async () => log.head }, recordingLog(lines));
  for (let second = 0; second < 120; second += 1) {
    await watchdog.look();
    clock.pass(1_000);
  }
  expect(alarmsIn(lines)).toEqual([]);
  expect(lines.filter(({ what }) => what === `order-${ann}`)).toHaveLength(4);
});

it('alarms once for all orders that an outage keeps open for a minute, and once more for those of the next (OR12)', async () => {
  const users = Array.from({ length: 40 }, (_, i) => `user-${i}` as UserId);
  const { log, clock, ledger, process } = await shopWithOpen(users);
  const lines: Logged[] = [];
  const { watchdog, placement } = process(undefined, recordingLog(lines));
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      while (await watchdog.look());
      clock.pass(1_000);
    }
  };
  await pass(54);
  expect(alarmsIn(lines)).toEqual([]);
  await pass(126);
  expect(alarmsIn(lines)).toEqual([
    expect.objectContaining({ level: 50, alarm: 'orders-stay-open', count: 40, oldestSeconds: 60, named: expect.any(Array) }),
  ]);
  ledger.away = false;
  await pass(31);
  expect(await openOf(log, users)).toBe(0);

  ledger.away = true;
  await placement.place(requestOf('other', users[0] as UserId, clock), about('order-other'));
  await pass(180);
  expect(alarmsIn(lines).map(({ count, named }) => [count, named])).toEqual([
    [40, expect.any(Array)],
    [1, ['order-other']],
  ]);
}, 90_000); // Every try of the outage ends by the real clock.

it('waits for no back-off when the store is back (OR1, OR12)', async () => {
  const { log, clock, ledger, store, process } = await shopWithOpen([ann]);
  let isAway: boolean = true;
  const { watchdog } = process(openOrdersOf(log, [ann]), silentLog, () =>
    isAway ? Promise.reject(new StoreUnavailable('away')) : store.head(),
  );
  for (let second = 0; second < 40; second += 1) {
    await watchdog.look();
    clock.pass(1_000);
  }
  const asked = ledger.asked;
  ledger.away = false;
  await watchdog.look();
  expect([ledger.asked, await openOf(log, [ann])]).toEqual([asked, 1]);
  isAway = false;
  await watchdog.look();
  expect(await openOf(log, [ann])).toBe(0);
});

it('an order that can never be resumed keeps none of the others, backs off by itself, and is told once (OR15)', async () => {
  const { log, clock, store, ledger, process } = await shopWithOpen([ann, bob]);
  ledger.away = false;
  const revision = (await store.readStream(accountStream(ann), 0n, { maxCount: 100 })).at(-1)?.revision ?? -1n;
  await store.append(accountStream(ann), [{ id: randomUUID(), type: 'FromTheFuture', data: {}, metadata: about('x') }], revision);
  const submittedAt = clock.now() - 5_001;
  const rows = [ann, bob].map((userId) => ({ orderId: `order-${userId}` as OrderId, userId, submittedAt }));
  const lines: Logged[] = [];
  const { watchdog } = process({ olderThan: async () => rows, position: async () => log.head }, recordingLog(lines));
  const triedAt: number[] = [];
  for (let second = 0; second < 200; second += 1) {
    const before = lines.length;
    await watchdog.look();
    if (lines.slice(before).some(({ what, level }) => what === 'order-ann' && level === 40)) triedAt.push(second);
    if (second === 0) expect(await openOf(log, [bob])).toBe(0);
    clock.pass(1_000);
  }
  expect(triedAt).toEqual([0, 1, 3, 7, 15, 31, 61, 91, 121, 151, 181]);
  expect(alarmsIn(lines)).toEqual([expect.objectContaining({ alarm: 'orders-stay-open', count: 1, named: ['order-ann'] })]);
});
