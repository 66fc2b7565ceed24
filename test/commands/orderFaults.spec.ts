import { describe, expect, it } from '@jest/globals';
import type { UserId } from '../../src/domain/ids.ts';
import { inventoryFoldOf, inventoryStream } from '../../src/domain/inventory.ts';
import { type EventStore, StoreUnavailable } from '../../src/platform/eventStore/eventStore.ts';
import { createMemoryEventStore } from '../../src/platform/eventStore/memoryEventStore.ts';
import type { FaultPlan } from '../../src/platform/eventStore/memoryFaults.ts';
import { MemoryLog } from '../../src/platform/eventStore/memoryLog.ts';
import { dyingAt, sleepingAt } from './mortalStores.ts';
import { about, accountOf, ann, commandProcess, furnish, openOrdersOf, requestOf, stoppedClock, verdictsOf } from './shopInMemory.ts';

const hasty = { mailbox: { settleMsMax: 30, waitMsMax: 100, attemptsMax: 4 } };
const users = [ann, ...Array.from({ length: 12 }, (_, i) => `user-${i}` as UserId)];

const shop = async () => {
  const log = new MemoryLog();
  const clock = stoppedClock();
  const orders = openOrdersOf(log, users);
  const open = (store: EventStore = createMemoryEventStore({ log }), options = {}) => commandProcess(store, clock, orders, options);
  const calm = open();
  await furnish(calm, users);
  return { log, clock, open, calm };
};

describe.each(['before', 'after'] as const)('a process that dies %s its n-th call, whatever n (OR1, OR2, I12 to I15)', (dies) => {
  it('leaves an order that the watchdog of another brings to its one end', async () => {
    for (let n = 1; ; n += 1) {
      const { log, clock, open, calm } = await shop();
      const { died, store } = dyingAt(createMemoryEventStore({ log }), n, dies);
      const request = requestOf('a', ann, clock);
      await open(store, hasty)
        .placement.place(request, about(request.orderId))
        .catch(() => undefined);
      const submitted = (await accountOf(log, ann)).orders.get(request.orderId) !== undefined;
      clock.pass(5_001);
      await calm.watchdog.look();
      const account = await accountOf(log, ann);
      expect([account.openOrders, account.held]).toEqual([0, 0]);
      expect([account.balance, (await verdictsOf(log)).length]).toEqual(submitted ? [9_000, 1] : [10_000, 0]);
      const again = await calm.placement.place(request, about(request.orderId));
      expect(again.outcome).toMatchObject({ kind: 'order', order: { status: 'placed' } });
      if (!died.yes) break;
      expect(n).toBeLessThan(20);
    }
  });
});

it('however many drive one order at once, they all tell one end (OR3)', async () => {
  const { log, clock, open } = await shop();
  const slow = () => createMemoryEventStore({ log, faults: () => ({ kind: 'slow', landMs: 1, answerMs: 2 }) });
  const processes = Array.from({ length: 4 }, () => open(slow()));
  const request = requestOf('a', ann, clock);
  clock.pass(5_001);
  const placing = Promise.all(processes.map(({ placement }) => placement.place(request, about(request.orderId))));
  for (let round = 0; round < 10; round += 1) await Promise.all(processes.map(({ watchdog }) => watchdog.look()));
  const told = await placing;
  expect(new Set(told.map(({ outcome }) => (outcome.kind === 'order' ? outcome.order.status : outcome.reason)))).toEqual(
    new Set(['placed']),
  );
  expect(await verdictsOf(log)).toHaveLength(1);
  expect((await accountOf(log, ann)).balance).toBe(9_000);
});

it('a driver that sleeps at its n-th call, whatever n, wakes to the end that others have brought about (OR3, MB8)', async () => {
  for (let n = 1; ; n += 1) {
    const { log, clock, open, calm } = await shop();
    const { asleep, wake, store } = sleepingAt(createMemoryEventStore({ log }), n);
    const request = requestOf('a', ann, clock);
    const sleeper = open(store).placement.place(request, about(request.orderId));
    const fellAsleep = await Promise.race([asleep.then(() => true), sleeper.then(() => false)]);
    clock.pass(5_001);
    await calm.watchdog.look();
    for (const user of users.slice(1, 4)) await calm.placement.place(requestOf(user, user, clock), about(user));
    const before = (await accountOf(log, ann)).orders.get(request.orderId)?.status;
    expect([undefined, 'placed']).toContain(before);
    wake();
    expect((await sleeper).outcome).toMatchObject({ kind: 'order', order: { status: 'placed' } });
    expect((await verdictsOf(log)).filter(([orderId]) => orderId === request.orderId)).toHaveLength(1);
    expect(await accountOf(log, ann)).toMatchObject({ balance: 9_000, held: 0, openOrders: 0 });
    if (!fellAsleep) break;
    expect(n).toBeLessThan(20);
  }
});

/** Remembers two to four verdicts. */
const forgetful = { ledger: inventoryFoldOf(2) };

describe('an order older than the verdicts that are remembered', () => {
  /** A process submits it and dies with the take on its way, or recorded; then others order until that is forgotten. */
  const openThenForget = async (take: 'on its way' | 'recorded') => {
    const { log, clock, open } = await shop();
    const faults: FaultPlan = ({ stream, events }) => {
      if (stream === inventoryStream && take === 'on its way') return { kind: 'lands-late' };
      return { kind: events.some(({ type }) => type === 'OrderPlaced') ? 'never-landed' : 'none' };
    };
    const store = createMemoryEventStore({ log, faults });
    const request = requestOf('a', ann, clock);
    await open(store, { ...forgetful, ...hasty }).placement.place(request, about(request.orderId));
    expect((await accountOf(log, ann)).orders.get(request.orderId)?.status).toBe('open');
    expect(await verdictsOf(log)).toHaveLength(take === 'recorded' ? 1 : 0);
    const other = open(undefined, forgetful);
    for (const user of users.slice(1, 8)) await other.placement.place(requestOf(user, user, clock), about(user));
    expect(other.mailboxes.inventory().glance(({ forgotten }) => forgotten)).toBeGreaterThan(1);
    clock.pass(5_001);
    return { log, clock, open, store, request, other };
  };

  it('gets the verdict it was given, out of the history (OR5, G5)', async () => {
    const { log, other, request } = await openThenForget('recorded');
    await other.watchdog.look();
    expect((await accountOf(log, ann)).orders.get(request.orderId)?.status).toBe('placed');
    expect((await verdictsOf(log)).filter(([orderId]) => orderId === request.orderId)).toHaveLength(1);
  });

  it('is denied on record when it was given none, and a take still on its way no longer lands (OR4, OR5)', async () => {
    const { log, other, store, request } = await openThenForget('on its way');
    await other.watchdog.look();
    expect((await accountOf(log, ann)).orders.get(request.orderId)).toMatchObject({ status: 'rejected', reason: 'expired' });
    expect(store.landLate()).toBe(0);
    expect((await verdictsOf(log)).filter(([orderId]) => orderId === request.orderId)).toEqual([[request.orderId, 'StockDenied']]);
    expect((await accountOf(log, ann)).balance).toBe(10_000);
  });

  it('stays open while the history cannot be read, and no longer (OR6)', async () => {
    const { log, clock, open, request } = await openThenForget('recorded');
    const store = createMemoryEventStore({ log });
    let away: boolean = true;
    const readStream: EventStore['readStream'] = (stream, from, options) =>
      away && stream === inventoryStream && options.maxCount > 1 && from > 0n && options.signal === undefined
        ? Promise.reject(new StoreUnavailable('away'))
        : store.readStream(stream, from, options);
    const third = open(Object.assign(Object.create(store) as EventStore, { readStream }), forgetful);
    await third.watchdog.look();
    expect((await accountOf(log, ann)).orders.get(request.orderId)?.status).toBe('open');
    away = false;
    clock.pass(1_001);
    await third.watchdog.look();
    expect((await accountOf(log, ann)).orders.get(request.orderId)?.status).toBe('placed');
  });

  it.each([-3_600_000, 3_600_000, 31_536_000_000, -31_536_000_000])(
    'has one verdict whatever the clocks say: one is %i ms off (OR7, G1)',
    async (skew) => {
      const { log, open, clock, request } = await openThenForget('recorded');
      clock.pass(skew);
      const off = open(undefined, forgetful);
      await Promise.all([off, open(undefined, forgetful)].map(({ placement }) => placement.resume(ann, request.orderId, about('resume'))));
      expect((await verdictsOf(log)).filter(([orderId]) => orderId === request.orderId)).toHaveLength(1);
      expect((await accountOf(log, ann)).balance).toBe(9_000);
    },
  );
});

it('money spent elsewhere between quote and submission is not spent twice (OR8)', async () => {
  const { log, clock, open } = await shop();
  const processes = [open(), open()];
  const requests = Array.from({ length: 15 }, (_, i) => requestOf(`${i}`, ann, clock));
  const told = await Promise.all(
    requests.map((request, i) => (processes[i % 2] as (typeof processes)[number]).placement.place(request, about(request.orderId))),
  );
  expect(told.filter(({ outcome }) => outcome.kind === 'order' && outcome.order.status === 'placed')).toHaveLength(10);
  expect(told.filter(({ outcome }) => outcome.kind === 'refused' && outcome.reason === 'insufficient-balance')).toHaveLength(5);
  expect((await accountOf(log, ann)).balance).toBe(0);
});
