import { Catalog } from '../../src/commands/catalog.ts';
import { Mailboxes, type MailboxesOptions } from '../../src/commands/mailboxes.ts';
import type { OpenOrder, OpenOrders } from '../../src/commands/openOrders.ts';
import { OrderPlacement, type OrderRequest } from '../../src/commands/orderPlacement.ts';
import { LedgerHistory } from '../../src/commands/pastVerdicts.ts';
import { SetupFeed } from '../../src/commands/setupFeed.ts';
import { ShopSetup } from '../../src/commands/shopSetup.ts';
import { Watchdog } from '../../src/commands/watchdog.ts';
import { type AccountEvent, accountFold, accountStream, charge } from '../../src/domain/account.ts';
import { parseEvent } from '../../src/domain/events.ts';
import type { CommandId, Fingerprint, OrderId, ProductId, UserId } from '../../src/domain/ids.ts';
import { type InventoryEvent, inventoryStream, receiveStock } from '../../src/domain/inventory.ts';
import { foldAll } from '../../src/domain/kernel.ts';
import type { Won } from '../../src/domain/money.ts';
import type { EventStore, Metadata } from '../../src/platform/eventStore/eventStore.ts';
import { createMemoryEventStore } from '../../src/platform/eventStore/memoryEventStore.ts';
import type { MemoryLog } from '../../src/platform/eventStore/memoryLog.ts';
import { silentLog } from '../support/silentLog.ts';

export const about = (commandId: string): Metadata => ({ commandId, correlationId: 'c', causationId: 'c', actor: 'test' });
export const ann = 'ann' as UserId;
export const thing = 'thing' as ProductId;

/** A clock that stands still until it is told otherwise, in milliseconds. */
export const stoppedClock = (at = 1_700_000_000_000) => {
  let now = at;
  const pass = (ms: number): void => {
    now += ms;
  };
  return { now: () => now, monotonic: () => now, pass };
};
export type StoppedClock = ReturnType<typeof stoppedClock>;

/** The orders that are open by the log itself: a view that is never late. */
export const openOrdersOf = (log: MemoryLog, users: readonly UserId[]): OpenOrders => ({
  olderThan: async (before, limit) => {
    const open: OpenOrder[] = [];
    for (const userId of users) {
      for (const [orderId, order] of (await accountOf(log, userId)).orders.entries())
        if (order.status === 'open' && order.submittedAt < before) open.push({ orderId, userId, submittedAt: order.submittedAt });
    }
    return open.sort((a, b) => a.submittedAt - b.submittedAt).slice(0, limit);
  },
  position: async () => log.head,
});

export const accountOf = async (log: MemoryLog, userId: UserId) => {
  const events = await createMemoryEventStore({ log }).readStream(accountStream(userId), 0n, { maxCount: 10_000 });
  return foldAll(
    accountFold,
    accountFold.initial,
    events.map((e) => parseEvent(e) as AccountEvent),
  );
};

/** The verdicts of the ledger in their order, each with its order. */
export const verdictsOf = async (log: MemoryLog): Promise<(readonly [OrderId, string])[]> => {
  const events = await createMemoryEventStore({ log }).readStream(inventoryStream, 0n, { maxCount: 10_000 });
  return events
    .map((e) => parseEvent(e) as InventoryEvent)
    .flatMap(({ type, data }) => (type === 'StockReceived' ? [] : [[data.orderId, type] as const]));
};

/** One command process over a store: mailboxes, placement and watchdog of its own. */
export const commandProcess = (
  store: EventStore,
  clock: StoppedClock,
  orders: OpenOrders,
  options: MailboxesOptions = {},
  log = silentLog,
) => {
  const mailboxes = new Mailboxes(store, () => performance.now(), options);
  const catalog = new Catalog(mailboxes);
  const placement = new OrderPlacement(mailboxes, catalog, new LedgerHistory(store), clock, silentLog);
  const setup = new ShopSetup(mailboxes, catalog);
  const feed = new SetupFeed(store, setup, catalog, clock, silentLog);
  return { mailboxes, catalog, placement, feed, setup, watchdog: new Watchdog(orders, placement, feed, store, clock, log) };
};
export type CommandProcess = ReturnType<typeof commandProcess>;

/** A product at 1,000 won with this stock, and for each user 10,000 won. */
export const furnish = async ({ mailboxes, setup }: CommandProcess, users: readonly UserId[], stock = 10): Promise<void> => {
  const product = { productId: thing, commandId: 'p' as CommandId, fingerprint: 'f' as Fingerprint, name: 'thing', price: 1_000 as Won };
  await setup.createProduct({ ...product, openingStock: 0, generation: 0, at: 0 }, about('p'));
  const receipt = { receiptId: 'r' as CommandId, fingerprint: 'f' as Fingerprint, productId: thing, quantity: stock, at: 0 };
  await mailboxes.inventory().ask(receiveStock(receipt), about('r'));
  for (const userId of users) {
    const chargeId = `charge-${userId}` as CommandId;
    await mailboxes
      .account(userId)
      .ask(charge({ chargeId, fingerprint: 'f' as Fingerprint, amount: 10_000 as Won, at: 0 }), about(chargeId));
  }
};

export const requestOf = (name: string, userId: UserId, clock: StoppedClock): OrderRequest => ({
  orderId: `order-${name}` as OrderId,
  fingerprint: name as Fingerprint,
  userId,
  couponId: null,
  items: [{ productId: thing, quantity: 1 }],
  at: clock.now(),
});
