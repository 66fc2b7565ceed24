import type { Rejection } from './account.ts';
import type { CommandId, Fingerprint, OrderId, ProductId } from './ids.ts';
import { assertNever, type Decision, type Fold, recall, record, refuse } from './kernel.ts';
import { type CartLine, mergeLines } from './quote.ts';
import { RewindableMap } from './rewindable.ts';
import { type EventOf, integer, list, object, oneOf, text } from './shape.ts';

/** One ledger holds every product that may share a cart, so a cart is taken whole or not at all. */
export const inventoryStream = 'inventory-main';

const stockLine = object({ productId: text<ProductId>(), quantity: integer() });

// These names and shapes are stored. A changed meaning is a new name, never an edit.
export const inventoryEvents = {
  StockReceived: object({
    receiptId: text<CommandId>(),
    fingerprint: text<Fingerprint>(),
    productId: text<ProductId>(),
    quantity: integer(),
    stockAfter: integer(),
    at: integer(),
  }),
  StockTaken: object({ orderId: text<OrderId>(), lines: list(stockLine), at: integer() }),
  StockDenied: object({ orderId: text<OrderId>(), reason: oneOf('out-of-stock', 'expired'), at: integer() }),
};
export type InventoryEvent = EventOf<typeof inventoryEvents>;

/** The ledger's final answer to one order: `taken`, or why not. */
export type Verdict = 'taken' | Rejection;
type Verdicts = RewindableMap<OrderId, Verdict>;

/**
 * Verdicts are remembered in two generations; when `newer` is full, `older` is let go. `forgotten` is the
 * ledger's event count at the newest verdict let go: an order quoted at that count or later has its
 * verdict here or has none. Counts are the ledger's own, so no clock of any process can be wrong.
 */
export type Inventory = Readonly<{
  count: number;
  onHand: RewindableMap<ProductId, number>;
  receipts: RewindableMap<CommandId, Readonly<{ fingerprint: Fingerprint; stockAfter: number }>>;
  newer: Verdicts;
  newerUpTo: number;
  older: Verdicts;
  olderUpTo: number;
  forgotten: number;
}>;

export const VERDICTS_PER_GENERATION = 100_000;
export const STOCK_MAX = 1_000_000_000_000;

const empty = (): Inventory => ({
  count: 0,
  onHand: RewindableMap.empty(),
  receipts: RewindableMap.empty(),
  newer: RewindableMap.empty(),
  newerUpTo: 0,
  older: RewindableMap.empty(),
  olderUpTo: 0,
  forgotten: 0,
});

const remember = (ledger: Inventory, orderId: OrderId, verdict: Verdict, perGeneration: number): Inventory => {
  if (ledger.newer.size < perGeneration) return { ...ledger, newer: ledger.newer.set(orderId, verdict), newerUpTo: ledger.count };
  return {
    ...ledger,
    forgotten: ledger.olderUpTo,
    older: ledger.newer,
    olderUpTo: ledger.newerUpTo,
    newer: RewindableMap.empty<OrderId, Verdict>().set(orderId, verdict),
    newerUpTo: ledger.count,
  };
};

/** The fold of the ledger, remembering at least `perGeneration` of the newest verdicts. */
export const inventoryFoldOf = (perGeneration: number): Fold<Inventory, InventoryEvent> => ({
  get initial() {
    return empty();
  },
  evolve: (before, event) => {
    const ledger = { ...before, count: before.count + 1 };
    switch (event.type) {
      case 'StockReceived': {
        const { receiptId, fingerprint, productId, stockAfter } = event.data;
        return {
          ...ledger,
          onHand: ledger.onHand.set(productId, stockAfter),
          receipts: ledger.receipts.set(receiptId, { fingerprint, stockAfter }),
        };
      }
      case 'StockTaken': {
        const { orderId, lines } = event.data;
        const onHand = lines.reduce(
          (left, line) => left.set(line.productId, (left.get(line.productId) ?? 0) - line.quantity),
          ledger.onHand,
        );
        return remember({ ...ledger, onHand }, orderId, 'taken', perGeneration);
      }
      case 'StockDenied':
        return remember(ledger, event.data.orderId, event.data.reason, perGeneration);
      default:
        return assertNever(event);
    }
  },
});

export const inventoryFold = inventoryFoldOf(VERDICTS_PER_GENERATION);

export type Receipt = Readonly<{ receiptId: CommandId; fingerprint: Fingerprint; productId: ProductId; quantity: number; at: number }>;
export type Received =
  | Readonly<{ kind: 'received'; stock: number; replayed: boolean }>
  | Readonly<{ kind: 'refused'; reason: 'limit-exceeded' | 'key-reused' }>;

export const receiveStock =
  (receipt: Receipt) =>
  (ledger: Inventory): Decision<InventoryEvent, Received> => {
    const known = ledger.receipts.get(receipt.receiptId);
    if (known && known.fingerprint !== receipt.fingerprint) return recall({ kind: 'refused', reason: 'key-reused' });
    if (known) return recall({ kind: 'received', stock: known.stockAfter, replayed: true });
    const stockAfter = (ledger.onHand.get(receipt.productId) ?? 0) + receipt.quantity;
    if (stockAfter > STOCK_MAX) return refuse({ kind: 'refused', reason: 'limit-exceeded' });
    return record([{ type: 'StockReceived', data: { ...receipt, stockAfter } }], { kind: 'received', stock: stockAfter, replayed: false });
  };

const verdictOn = (ledger: Inventory, orderId: OrderId): Verdict | undefined => ledger.newer.get(orderId) ?? ledger.older.get(orderId);

export type Judged = Verdict | 'too-old';

/**
 * Gives an order its verdict, once; both answers are recorded, which is what lets anyone finish the order.
 * `too-old`: quoted before the oldest verdict remembered here, so an earlier one may exist in the history.
 */
export const takeStock =
  (order: Readonly<{ orderId: OrderId; lines: readonly CartLine[]; ledgerSeen: number; at: number }>) =>
  (ledger: Inventory): Decision<InventoryEvent, Judged> => {
    const given = verdictOn(ledger, order.orderId);
    if (given) return recall(given);
    if (order.ledgerSeen < ledger.forgotten) return recall('too-old');
    const lines = mergeLines(order.lines).map(({ productId, quantity }) => ({ productId, quantity }));
    const short = lines.some((line) => (ledger.onHand.get(line.productId) ?? 0) < line.quantity);
    if (short) return denied(order.orderId, 'out-of-stock', order.at);
    return record([{ type: 'StockTaken', data: { orderId: order.orderId, lines, at: order.at } }], 'taken');
  };

/**
 * Closes an order that is too old to be judged and whose verdict was not found in the history up to event
 * count `searchedTo`. Once recorded, a take that is still on its way can no longer land.
 */
export const denyStock =
  (order: Readonly<{ orderId: OrderId; searchedTo: number; at: number }>) =>
  (ledger: Inventory): Decision<InventoryEvent, Judged> => {
    const given = verdictOn(ledger, order.orderId);
    if (given) return recall(given);
    if (order.searchedTo < ledger.forgotten) return recall('too-old');
    return denied(order.orderId, 'expired', order.at);
  };

const denied = (orderId: OrderId, reason: Rejection, at: number): Decision<InventoryEvent, Verdict> =>
  record([{ type: 'StockDenied', data: { orderId, reason, at } }], reason);
