import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import type { OpenOrders } from '../../src/commands/watchdog.ts';
import { accountStream } from '../../src/domain/account.ts';
import type { OrderId, UserId } from '../../src/domain/ids.ts';
import { inventoryStream } from '../../src/domain/inventory.ts';
import { type EventStore, StoreUnavailable } from '../../src/platform/eventStore/eventStore.ts';
import { createMemoryEventStore } from '../../src/platform/eventStore/memoryEventStore.ts';
import { MemoryLog } from '../../src/platform/eventStore/memoryLog.ts';
import { about, accountOf, ann, commandProcess, furnish, openOrdersOf, requestOf, stoppedClock, verdictsOf } from './shopInMemory.ts';

const hasty = { mailbox: { settleMsMax: 20, waitMsMax: 50, attemptsMax: 4 } };
const bob = 'bob' as UserId;

/** Orders of these users, submitted and left there: the ledger was away. */
const shopWithOpen = async (users: readonly UserId[]) => {
  const log = new MemoryLog();
  const clock = stoppedClock();
  const store = createMemoryEventStore({ log });
  await furnish(commandProcess(store, clock, openOrdersOf(log, [])), users, 1_000);
  const ledger = { away: true, asked: 0, askedAtOnce: 0, askedAtOnceMax: 0 };
  const append: EventStore['append'] = async (...given) => {
    if (given[0] === inventoryStream && ledger.away) {
      ledger.asked += 1;
      throw new StoreUnavailable('the ledger is away');
    }
    return store.append(...given);
  };
  const partly = Object.assign(Object.create(store) as EventStore, { append });
  const process = (orders: OpenOrders = openOrdersOf(log, users)) => commandProcess(partly, clock, orders, hasty);
  const placing = process();
  const requests = users.map((user) => requestOf(user, user, clock));
  await Promise.all(requests.map((request) => placing.placement.place(request, about(request.orderId))));
  for (const user of users) expect((await accountOf(log, user)).openOrders).toBe(1);
  clock.pass(5_001);
  return { log, clock, store, ledger, process };
};
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
    await watchdog.look();
    left.push(await openOf(log, users));
  }
  expect(left).toEqual([38, 6, 0]);
});

it('a stale row of the view changes nothing (OR14)', async () => {
  const { log, ledger, process } = await shopWithOpen([ann]);
  ledger.away = false;
  await process().watchdog.look();
  const settled = await accountOf(log, ann);
  const rows = [
    { orderId: `order-${ann}` as OrderId, userId: ann },
    { orderId: 'order-never' as OrderId, userId: bob },
  ];
  const head = log.head;
  await process({ olderThan: async () => rows }).watchdog.look();
  expect(log.head).toBe(head);
  expect((await accountOf(log, ann)).balance).toBe(settled.balance);
});

it('is blind without its view, and sees again when it is back (OR14, I20)', async () => {
  const { log, ledger, process } = await shopWithOpen([ann]);
  ledger.away = false;
  const seeing = openOrdersOf(log, [ann]);
  let isBlind: boolean = true;
  const { watchdog } = process({
    olderThan: (...asked) => (isBlind ? Promise.reject(new Error('no Postgres')) : seeing.olderThan(...asked)),
  });
  await watchdog.look();
  expect(await openOf(log, [ann])).toBe(1);
  isBlind = false;
  await watchdog.look();
  expect(await openOf(log, [ann])).toBe(0);
});

it('an order that can never be resumed keeps none of the others (OR15)', async () => {
  const { log, clock, store, ledger, process } = await shopWithOpen([ann, bob]);
  ledger.away = false;
  const revision = (await store.readStream(accountStream(ann), 0n, { maxCount: 100 })).at(-1)?.revision ?? -1n;
  await store.append(accountStream(ann), [{ id: randomUUID(), type: 'FromTheFuture', data: {}, metadata: about('x') }], revision);
  const rows = [ann, bob].map((userId) => ({ orderId: `order-${userId}` as OrderId, userId }));
  const { watchdog } = process({ olderThan: async () => rows });
  for (let round = 0; round < 5; round += 1) {
    await watchdog.look();
    clock.pass(1_000);
  }
  expect(await openOf(log, [bob])).toBe(0);
});
