import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { CommandId, Fingerprint, OrderId, ProductId } from '../../src/domain/ids.ts';
import {
  denyStock,
  type InventoryEvent,
  inventoryFold,
  inventoryFoldOf,
  receiveStock,
  STOCK_MAX,
  takeStock,
} from '../../src/domain/inventory.ts';
import { foldAll } from '../../src/domain/kernel.ts';
import { specificationOf } from '../support/specification.ts';

const given = specificationOf(inventoryFold);
const p1 = 'p1' as ProductId;
const p2 = 'p2' as ProductId;
const receiptOf = (id: string, quantity: number, productId = p1) => ({
  receiptId: id as CommandId,
  fingerprint: `f${quantity}` as Fingerprint,
  productId,
  quantity,
  at: 1,
});
const received = (id: string, quantity: number, stockAfter: number, productId = p1): InventoryEvent => ({
  type: 'StockReceived',
  data: { ...receiptOf(id, quantity, productId), stockAfter },
});
const order = (id: string, quantity: number, ledgerSeen = 0) => ({
  orderId: id as OrderId,
  lines: [{ productId: p1, quantity }],
  ledgerSeen,
  at: 9,
});
const taken = (id: string, quantity: number): InventoryEvent => ({
  type: 'StockTaken',
  data: { orderId: id as OrderId, lines: [{ productId: p1, quantity }], at: 9 },
});
const denied = (id: string, reason: 'out-of-stock' | 'expired' = 'out-of-stock'): InventoryEvent => ({
  type: 'StockDenied',
  data: { orderId: id as OrderId, reason, at: 9 },
});

describe('receiving stock', () => {
  it('adds up, once for each receipt', () => {
    given(received('r1', 2, 2))
      .when(receiveStock(receiptOf('r2', 3)))
      .records(received('r2', 3, 5))
      .answers({ kind: 'received', stock: 5 });
    given(received('r1', 2, 2))
      .when(receiveStock(receiptOf('r1', 2)))
      .recordsNothing()
      .answers({ kind: 'received', stock: 2, replayed: true });
    given(received('r1', 2, 2))
      .when(receiveStock(receiptOf('r1', 3)))
      .recordsNothing()
      .answers({ kind: 'refused', reason: 'key-reused' });
  });

  it('has a limit', () => {
    given(received('r1', STOCK_MAX, STOCK_MAX))
      .when(receiveStock(receiptOf('r2', 1)))
      .answers({ kind: 'refused', reason: 'limit-exceeded' });
  });
});

describe('the verdict on an order', () => {
  it('takes a cart whole, down to the last piece (R39)', () => {
    given(received('r', 2, 2))
      .when(takeStock(order('o1', 2)))
      .records(taken('o1', 2))
      .answersAgain('taken');
  });

  it('denies what is not there, and says so on record (R41)', () => {
    given(received('r', 2, 2), taken('o1', 2))
      .when(takeStock(order('o2', 1)))
      .records(denied('o2'))
      .answersAgain('out-of-stock');
  });

  it('denies the whole cart for one short line', () => {
    given(received('r', 2, 2), received('q', 1, 1, p2))
      .when(
        takeStock({
          ...order('o1', 1),
          lines: [
            { productId: p1, quantity: 1 },
            { productId: p2, quantity: 2 },
          ],
        }),
      )
      .records(denied('o1'));
  });

  it('merges the lines of one product before it judges (R33, OR10)', () => {
    given(received('r', 1, 1))
      .when(
        takeStock({
          ...order('o1', 1),
          lines: [
            { productId: p1, quantity: 1 },
            { productId: p1, quantity: 1 },
          ],
        }),
      )
      .records(denied('o1'));
  });

  it('never changes: a denied order stays denied when stock has come', () => {
    given(denied('o1'), received('r', 5, 5))
      .when(takeStock(order('o1', 1)))
      .recordsNothing()
      .answers('out-of-stock');
  });
});

describe('a ledger that forgets old verdicts', () => {
  const small = specificationOf(inventoryFoldOf(1));
  const past = [received('r', 9, 9), taken('o1', 1), taken('o2', 1), taken('o3', 1)];

  it('judges only orders quoted after the newest verdict it forgot', () => {
    small(...past)
      .when(takeStock(order('o1', 1, 1)))
      .recordsNothing()
      .answers('too-old');
    small(...past)
      .when(takeStock(order('o4', 1, 1)))
      .recordsNothing()
      .answers('too-old');
    small(...past)
      .when(takeStock(order('o4', 1, 2)))
      .records(taken('o4', 1));
    small(...past)
      .when(takeStock(order('o2', 1, 1)))
      .recordsNothing()
      .answers('taken');
  });

  it('closes an order whose verdict was not found, if the search went far enough', () => {
    small(...past)
      .when(denyStock({ orderId: 'o9' as OrderId, searchedTo: 4, at: 9 }))
      .records(denied('o9', 'expired'));
    small(...past)
      .when(denyStock({ orderId: 'o9' as OrderId, searchedTo: 1, at: 9 }))
      .recordsNothing()
      .answers('too-old');
    small(...past)
      .when(denyStock({ orderId: 'o3' as OrderId, searchedTo: 4, at: 9 }))
      .recordsNothing()
      .answers('taken');
  });

  it('gives no order a second verdict and no product a negative stock, however small its memory (I10, I13)', () => {
    const step = fc.record({
      order: fc.integer({ min: 0, max: 12 }),
      quantity: fc.integer({ min: 1, max: 3 }),
      lag: fc.integer({ min: 0, max: 6 }),
      deny: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.integer({ min: 1, max: 4 }), (steps, perGeneration) => {
        const fold = inventoryFoldOf(perGeneration);
        const events: InventoryEvent[] = [received('r', 20, 20)];
        const seenAtSubmit = new Map<number, number>();
        let ledger = foldAll(fold, fold.initial, events);
        for (const { order: n, quantity, lag, deny } of steps) {
          // What a process saw may be old, but never older than nothing and never changes after submission.
          const ledgerSeen = seenAtSubmit.get(n) ?? Math.max(0, ledger.count - lag);
          seenAtSubmit.set(n, ledgerSeen);
          const judged = takeStock({ ...order(`o${n}`, quantity), ledgerSeen })(ledger);
          const decision = judged.outcome === 'too-old' && deny ? denyUnlessFound(events, n)(ledger) : judged;
          events.push(...decision.events);
          ledger = foldAll(fold, ledger, decision.events);
          expect(ledger.onHand.get(p1)).toBeGreaterThanOrEqual(0);
        }
        const judgedOrders = events.flatMap((event) => (event.type === 'StockReceived' ? [] : [event.data.orderId]));
        expect(new Set(judgedOrders).size).toBe(judgedOrders.length);
      }),
    );
  });
});

const denyUnlessFound = (events: readonly InventoryEvent[], n: number) => {
  const known = events.some((event) => event.type !== 'StockReceived' && event.data.orderId === `o${n}`);
  return denyStock({ orderId: `o${n}` as OrderId, searchedTo: known ? -1 : events.length, at: 9 });
};
