import type { AccountEvent, OrderLine } from '../../src/domain/account.ts';
import type { CouponPolicyEvent, RefusedRequest } from '../../src/domain/couponPolicy.ts';
import type { CommandId, CouponId, Fingerprint, OrderId, PolicyId, ProductId, UserId } from '../../src/domain/ids.ts';
import type { InventoryEvent } from '../../src/domain/inventory.ts';
import type { Won } from '../../src/domain/money.ts';
import type { ProductEvent } from '../../src/domain/product.ts';
import type { ShopEvent } from '../../src/domain/shop.ts';

/** Noon of 5 January 2026 in Seoul. */
export const NOON = Date.parse('2026-01-05T03:00:00.000Z');
const fingerprint = 'f' as Fingerprint;
const commandId = 'c' as CommandId;

export const charged = (movement: number, amount: number, balanceAfter: number, at = NOON): AccountEvent => ({
  type: 'BalanceCharged',
  data: {
    chargeId: `charge-${movement}` as CommandId,
    fingerprint,
    amount: amount as Won,
    balanceAfter: balanceAfter as Won,
    movement,
    at,
  },
});

export const line = (productId: string, quantity: number, unitPrice = 2_000): OrderLine => ({
  productId: productId as ProductId,
  name: `name of ${productId}`,
  quantity,
  unitPrice: unitPrice as Won,
});

type Order = Readonly<{ orderId: string; lines: readonly OrderLine[]; couponId?: string | null; discount?: number; at?: number }>;
const subtotalOf = ({ lines }: Order): number => lines.reduce((sum, l) => sum + l.unitPrice * l.quantity, 0);
const totalOf = (order: Order): Won => (subtotalOf(order) - (order.discount ?? 0)) as Won;

export const submitted = (movement: number, balanceAfter: number, order: Order): AccountEvent => ({
  type: 'OrderSubmitted',
  data: {
    orderId: order.orderId as OrderId,
    fingerprint,
    lines: order.lines,
    couponId: (order.couponId ?? null) as CouponId | null,
    subtotal: subtotalOf(order) as Won,
    discount: (order.discount ?? 0) as Won,
    totalAmount: totalOf(order),
    balanceAfter: balanceAfter as Won,
    movement,
    ledgerSeen: 0,
    at: order.at ?? NOON,
  },
});

export const placed = (order: Order): AccountEvent => ({
  type: 'OrderPlaced',
  data: {
    orderId: order.orderId as OrderId,
    lines: order.lines,
    couponId: (order.couponId ?? null) as CouponId | null,
    totalAmount: totalOf(order),
    at: (order.at ?? NOON) + 5,
  },
});

export const rejected = (movement: number, balanceAfter: number, order: Order): AccountEvent => ({
  type: 'OrderRejected',
  data: {
    orderId: order.orderId as OrderId,
    reason: 'out-of-stock',
    couponId: (order.couponId ?? null) as CouponId | null,
    totalAmount: totalOf(order),
    balanceAfter: balanceAfter as Won,
    movement,
    at: (order.at ?? NOON) + 5,
  },
});

export const policyOpened = (policyId: string, number: number, count: number | null = 100): CouponPolicyEvent => ({
  type: 'CouponPolicyOpened',
  data: {
    policyId: policyId as PolicyId,
    number,
    generation: 1,
    terms: {
      name: 'welcome',
      count,
      discountType: 'amount',
      discountAmount: 2_000,
      startsAt: NOON - 60_000,
      endsAt: NOON + 3 * 86_400_000,
      expireMinutes: 10_080,
      perUser: null,
    },
    at: NOON,
  },
});

export const issued = (policyId: string, serial: number, userId: string): CouponPolicyEvent => ({
  type: 'CouponIssued',
  data: {
    couponId: `${policyId}-${serial}` as CouponId,
    serial,
    userId: userId as UserId,
    commandId,
    discountType: 'amount',
    discountAmount: 2_000,
    issuedAt: NOON + 123,
    expiresAt: NOON + 86_400_000,
  },
});

export const requestRefused = (transactionId: string, userId: string, reason: RefusedRequest['reason']): CouponPolicyEvent => ({
  type: 'CouponRequestRefused',
  data: { transactionId, userId: userId as UserId, commandId, reason, requestedAt: NOON + 250, decidedAt: NOON + 300 },
});

const command = (at: number) => ({ commandId, fingerprint, at });
const termsOf = (policyId: string, count: number | null) => {
  const { data } = policyOpened(policyId, 1, count) as Extract<CouponPolicyEvent, { type: 'CouponPolicyOpened' }>;
  return data.terms;
};

export const policyChanged = (policyId: string, count: number | null, name: string, at = NOON + 1): CouponPolicyEvent => ({
  type: 'CouponPolicyChanged',
  data: { terms: { ...termsOf(policyId, count), name, discountAmount: 700 }, ...command(at) },
});

export const countAdded = (policyId: string, added: number, count: number, at = NOON + 2): CouponPolicyEvent => ({
  type: 'CouponCountAdded',
  data: { added, terms: termsOf(policyId, count), ...command(at) },
});

export const policyDeleted = (policyId: string, count: number | null, at = NOON + 3): CouponPolicyEvent => ({
  type: 'CouponPolicyDeleted',
  data: { terms: termsOf(policyId, count), ...command(at) },
});

export const couponUsed = (couponId: string, productId: string | null, at = NOON + 10): AccountEvent => ({
  type: 'CouponUsed',
  data: { couponId: couponId as CouponId, productId: productId as ProductId | null, ...command(at) },
});

export const useCancelled = (couponId: string, at = NOON + 20): AccountEvent => ({
  type: 'CouponUseCancelled',
  data: { couponId: couponId as CouponId, ...command(at) },
});

export const couponDeleted = (couponId: string, at = NOON + 30): AccountEvent => ({
  type: 'CouponDeleted',
  data: { couponId: couponId as CouponId, ...command(at) },
});

export const created = (productId: string, price = 2_000): ProductEvent => ({
  type: 'ProductCreated',
  data: {
    productId: productId as ProductId,
    name: `name of ${productId}`,
    price: price as Won,
    openingStock: 0,
    generation: 1,
    commandId,
    fingerprint,
    at: NOON,
  },
});

export const received = (productId: string, quantity: number, stockAfter = quantity): InventoryEvent => ({
  type: 'StockReceived',
  data: { receiptId: commandId, fingerprint, productId: productId as ProductId, quantity, stockAfter, at: NOON },
});

export const taken = (orderId: string, ...lines: readonly (readonly [productId: string, quantity: number])[]): InventoryEvent => ({
  type: 'StockTaken',
  data: {
    orderId: orderId as OrderId,
    lines: lines.map(([productId, quantity]) => ({ productId: productId as ProductId, quantity })),
    at: NOON,
  },
});

export const generationOpened = (generation: number, ...carriedOver: readonly (readonly [string, string, number])[]): ShopEvent => ({
  type: 'GenerationOpened',
  data: {
    generation,
    commandId,
    products: [],
    carriedOver: carriedOver.map(([productId, day, quantity]) => ({ productId: productId as ProductId, day, quantity })),
    at: NOON,
  },
});
