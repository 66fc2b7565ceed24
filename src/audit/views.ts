import type { OrderLine } from '../domain/account.ts';
import type { PolicyTerms } from '../domain/couponPolicy.ts';
import type { Books } from './books.ts';

/** A row as it must be, by the view's own column names: money and quantities as numbers, times in milliseconds. */
export type Row = Readonly<Record<string, unknown>>;

/** The rows of a view as the books have them, one at a time, by key. */
export type Expected = Readonly<{ keys(): Iterable<string>; row(key: string): Row | undefined }>;

/** A view of Postgres. The key of a row is the text of its `key` columns, joined by spaces. */
export type View = Readonly<{ name: string; key: readonly string[]; expected: (books: Books) => Expected }>;

const rowsOf = <T>(entries: ReadonlyMap<string, T>, rowOf: (entry: T) => Row): Expected => ({
  keys: () => entries.keys(),
  row: (key) => {
    const entry = entries.get(key);
    return entry === undefined ? undefined : rowOf(entry);
  },
});

const accounts: View = {
  name: 'accounts',
  key: ['user_id'],
  expected: (books) => rowsOf(books.accounts, ({ userId, balance, held }) => ({ user_id: userId, balance, held })),
};

const balanceHistory: View = {
  name: 'balance_history',
  key: ['user_id', 'seq'],
  expected: (books) =>
    rowsOf(books.movements, ({ userId, seq, type, amount, balanceAfter, orderId, at }) => ({
      user_id: userId,
      seq,
      type,
      amount,
      balance_after: balanceAfter,
      order_id: orderId,
      reservation_id: null,
      at,
    })),
};

const coupons: View = {
  name: 'coupons',
  key: ['coupon_id'],
  expected: (books) =>
    rowsOf(books.coupons, ({ issued, policyId, number, status, orderId, productId, usedAt, deletedAt }) => ({
      coupon_id: issued.couponId,
      number,
      policy_id: policyId,
      serial: issued.serial,
      user_id: issued.userId,
      status,
      discount_type: issued.discountType,
      discount_amount: issued.discountAmount,
      issued_at: issued.issuedAt,
      expires_at: issued.expiresAt,
      used_at: usedAt,
      product_id: productId,
      order_id: orderId,
      deleted_at: deletedAt,
    })),
};

const couponHistory: View = {
  name: 'coupon_history',
  key: ['coupon_id', 'seq'],
  expected: (books) =>
    rowsOf(books.couponChanges, ({ couponId, seq, change, productId, orderId, at }) => ({
      coupon_id: couponId,
      seq,
      change,
      product_id: productId,
      order_id: orderId,
      at,
    })),
};

const itemOf = ({ productId, name, quantity, unitPrice }: OrderLine): Row => ({
  productId,
  name,
  quantity,
  unitPrice,
  subtotal: quantity * unitPrice,
});

const orders: View = {
  name: 'orders',
  key: ['order_id'],
  expected: (books) =>
    rowsOf(books.orders, ({ userId, submitted, position, status, reason, settledAt }) => ({
      order_id: submitted.orderId,
      user_id: userId,
      status,
      reason,
      items: submitted.lines.map(itemOf),
      subtotal: submitted.subtotal,
      discount: submitted.discount,
      total_amount: submitted.totalAmount,
      coupon_id: submitted.couponId,
      ordered_at: submitted.at,
      settled_at: settledAt,
      position,
    })),
};

const products: View = {
  name: 'products',
  key: ['product_id'],
  expected: ({ products: all }) => {
    const created = new Map([...all].flatMap(([id, { created: made, onHand }]) => (made ? [[id, { made, onHand }] as const] : [])));
    return rowsOf(created, ({ made: { productId, name, price, generation, at }, onHand }) => ({
      product_id: productId,
      name,
      price,
      stock: onHand,
      generation,
      created_at: at,
    }));
  },
};

const termsRow = (terms: PolicyTerms): Row => ({
  name: terms.name,
  count: terms.count,
  discount_type: terms.discountType,
  discount_amount: terms.discountAmount,
  starts_at: terms.startsAt,
  ends_at: terms.endsAt,
  expire_minutes: terms.expireMinutes,
  per_user: terms.perUser,
});

const couponPolicies: View = {
  name: 'coupon_policies',
  key: ['policy_id'],
  expected: (books) =>
    rowsOf(books.policies, ({ opened: { policyId, number, generation, at }, terms, updatedAt, deletedAt, issued }) => ({
      policy_id: policyId,
      number,
      generation,
      type: terms.count === null ? 'unlimited' : 'limited',
      issued,
      ...termsRow(terms),
      created_at: at,
      updated_at: updatedAt,
      deleted_at: deletedAt,
    })),
};

const couponPolicyHistory: View = {
  name: 'coupon_policy_history',
  key: ['policy_id', 'seq'],
  expected: (books) =>
    rowsOf(books.policyChanges, ({ policyId, seq, change, terms, at }) => ({ policy_id: policyId, seq, change, ...termsRow(terms), at })),
};

const INT32_MAX = 2_147_483_647;
const numberIn = (policyId: string): number | null => {
  const number = Number(/^cp(?:0|[1-9]\d*)-([1-9]\d{0,9})$/.exec(policyId)?.[1] ?? 0);
  return number === 0 || number > INT32_MAX ? null : number;
};

const couponRequests: View = {
  name: 'coupon_requests',
  key: ['transaction_id', 'policy_id'],
  expected: (books) =>
    rowsOf(books.requests, ({ transactionId, policyId, userId, status, reason, couponId, decidedAt, position }) => ({
      transaction_id: transactionId,
      policy_id: policyId,
      policy_number: numberIn(policyId),
      user_id: userId,
      status,
      reason,
      coupon_id: couponId,
      decided_at: decidedAt,
      position,
    })),
};

const productSales: View = {
  name: 'product_sales',
  key: ['product_id', 'day'],
  expected: (books) => rowsOf(books.sales, ({ productId, day, quantity }) => ({ product_id: productId, day, quantity })),
};

const generations: View = {
  name: 'generations',
  key: ['generation'],
  expected: (books) => rowsOf(books.generations, ({ generation, at }) => ({ generation, opened_at: at })),
};

export const VIEWS: readonly View[] = [
  accounts,
  balanceHistory,
  coupons,
  couponHistory,
  orders,
  products,
  couponPolicies,
  couponPolicyHistory,
  couponRequests,
  productSales,
  generations,
];
