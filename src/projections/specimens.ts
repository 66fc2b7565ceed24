import { type DomainEvent, type eventShapes, parseEvent } from '../domain/events.ts';
import type { Stored } from './projection.ts';

/** Noon of 5 January 2026 in Seoul, and one of each id: what specimens have in common, whether they need it or not. */
const at = Date.parse('2026-01-05T03:00:00.000Z');
const ids = { orderId: 'o1', productId: 'p1', policyId: 'cp1-1', couponId: 'cp1-1-1', userId: 'ann' };
const command = { commandId: 'c1', chargeId: 'c1', receiptId: 'c1', fingerprint: 'f1' };
const discount = { discountType: 'amount', discountAmount: 700 };
const terms = { name: 'welcome', count: 9, ...discount, startsAt: at - 60_000, endsAt: at + 60_000, expireMinutes: 90, perUser: 2 };
const order = {
  lines: [
    { productId: 'p1', name: 'pen', quantity: 2, unitPrice: 1_500 },
    { productId: 'p2', name: 'ink', quantity: 1, unitPrice: 400 },
  ],
  subtotal: 3_400,
  discount: 700,
  totalAmount: 2_700,
  ledgerSeen: 3,
};
const common = { ...ids, ...command, generation: 1, number: 1, at, terms };

/** Data of one event of each type; no two movements of a balance and no two orders share a number. */
const DATA: Readonly<Record<keyof typeof eventShapes, Readonly<Record<string, unknown>>>> = {
  BalanceCharged: { amount: 9_000, balanceAfter: 9_000, movement: 1 },
  OrderSubmitted: { ...order, balanceAfter: 6_300, movement: 2 },
  OrderPlaced: order,
  OrderRejected: { ...order, orderId: 'o2', reason: 'out-of-stock', balanceAfter: 9_000, movement: 3 },
  CouponUsed: { couponId: 'cp1-1-2' },
  CouponUseCancelled: { couponId: 'cp1-1-3' },
  CouponDeleted: { couponId: 'cp1-1-4' },
  CouponPolicyOpened: {},
  CouponIssued: { serial: 1, ...discount, issuedAt: at + 1, expiresAt: at + 90, queued: { transactionId: 'tx-1', decidedAt: at + 2 } },
  CouponRequestRefused: { transactionId: 'tx-2', reason: 'sold-out', requestedAt: at + 3, decidedAt: at + 4 },
  CouponPolicyChanged: { terms: { ...terms, name: 'farewell' } },
  CouponCountAdded: { added: 4 },
  CouponPolicyDeleted: {},
  StockReceived: { quantity: 8, stockAfter: 8 },
  StockTaken: { lines: [{ productId: 'p1', quantity: 2 }] },
  StockDenied: { orderId: 'o2', reason: 'out-of-stock' },
  ProductCreated: { name: 'pen', price: 1_500, openingStock: 8 },
  GenerationOpened: { products: [], carriedOver: [{ productId: 'p1', day: '2026-01-04', quantity: 5 }] },
  PolicyNumbered: {},
};

const STREAMS = {
  account: 'account-ann',
  couponPolicy: 'couponPolicy-cp1-1',
  inventory: 'inventory-main',
  product: 'product-p1',
  shop: 'shop-main',
};

const streamOf = (type: string): string => {
  if (/^(Balance|Order|CouponUse|CouponDeleted)/.test(type)) return STREAMS.account;
  if (type.startsWith('Coupon')) return STREAMS.couponPolicy;
  if (type.startsWith('Stock')) return STREAMS.inventory;
  return type.startsWith('Product') ? STREAMS.product : STREAMS.shop;
};

const specimenOf = (type: string, data: object): Stored => {
  const event: DomainEvent = parseEvent({ type, data: { ...common, ...data } });
  return { event, stream: streamOf(type), revision: 0n, position: 7n };
};

const HALF_HOUR_MS = 1_800_000;

/**
 * Events of every type, as the log might hold them: what the code of a projection is told apart by. Orders are placed at
 * every half hour of a day, so that two service zones are told apart too.
 */
export const specimens: readonly Stored[] = [
  ...Object.entries(DATA).map(([type, data]) => specimenOf(type, data)),
  ...Array.from({ length: 48 }, (_, n) => specimenOf('OrderPlaced', { ...order, orderId: `at${n}`, at: at + n * HALF_HOUR_MS })),
];
