import type { OrderLine } from '../domain/account.ts';
import { dayIn } from '../platform/serviceZone.ts';
import { hold, restore, spend } from './accounts.ts';
import { type DataOf, type Entry, linesText, type Order } from './books.ts';
import { discountOf } from './coupons.ts';
import { holdCoupon, letGoCoupon } from './couponUse.ts';
import { sell } from './sales.ts';

export const submit = (entry: Entry, submitted: DataOf<'OrderSubmitted'>): void => {
  const { books, id: userId, place } = entry;
  const { orderId, couponId, at } = submitted;
  hold(entry, submitted);
  checkPrice(entry, submitted);
  if (couponId !== null) holdCoupon(entry, couponId, orderId, at);
  if (books.orders.has(orderId)) entry.breaks('I13', orderId, 'submitted once', 'submitted again');
  else books.orders.set(orderId, { userId, submitted, position: place.position, status: 'open', reason: null, settledAt: null });
};

/** Prices never change once a product is created, so the price at the quote is the one it was created with. */
const checkPrice = (entry: Entry, { lines, couponId, subtotal, discount, totalAmount }: DataOf<'OrderSubmitted'>): void => {
  let sum = 0;
  for (const { productId, quantity, unitPrice } of lines) {
    const price = entry.books.products.get(productId)?.created?.price;
    entry.same('I16', `unitPrice of ${productId}`, price ?? 'a product created before', unitPrice);
    sum += unitPrice * quantity;
  }
  const coupon = couponId === null ? undefined : entry.books.coupons.get(couponId);
  entry.same('I16', 'subtotal', sum, subtotal);
  entry.same('I16', 'discount', coupon ? discountOf(coupon, subtotal) : 0, discount);
  entry.same('I16', 'totalAmount', subtotal - discount, totalAmount);
  if (totalAmount < 0) entry.breaks('I16', 'totalAmount', '0 or more', totalAmount);
};

export const place = (entry: Entry, data: DataOf<'OrderPlaced'>): void => {
  const { orderId, couponId, lines, totalAmount, at } = data;
  const order = settle(entry, data, 'placed', null);
  spend(entry, data, order?.submitted.totalAmount ?? 0);
  entry.same('I14', `verdict on ${orderId}`, 'taken', entry.books.verdicts.get(orderId) ?? 'none');
  if (order) {
    const { submitted } = order;
    entry.same('I16', 'totalAmount', submitted.totalAmount, totalAmount);
    entry.same('I16', 'couponId', submitted.couponId, couponId);
    if (!sameLines(submitted.lines, lines)) entry.breaks('I16', 'lines', linesText(submitted.lines), linesText(lines));
  }
  if (couponId !== null) letGoCoupon(entry, couponId, orderId, 'used', at);
  const day = dayIn(entry.books.serviceZone, at);
  for (const { productId, quantity } of lines) sell(entry, productId, day, quantity);
};

export const reject = (entry: Entry, data: DataOf<'OrderRejected'>): void => {
  const { orderId, reason, couponId, totalAmount, at } = data;
  const order = settle(entry, data, 'rejected', reason);
  restore(entry, data, order?.submitted.totalAmount ?? 0);
  entry.same('I15', `verdict on ${orderId}`, reason, entry.books.verdicts.get(orderId) ?? 'none');
  if (order) {
    entry.same('I15', 'totalAmount', order.submitted.totalAmount, totalAmount);
    entry.same('I15', 'couponId', order.submitted.couponId, couponId);
  }
  if (couponId !== null) letGoCoupon(entry, couponId, orderId, 'released', at);
};

/** The order, now settled; `null` when it was not open. */
const settle = (
  entry: Entry,
  { orderId, at }: Readonly<{ orderId: string; at: number }>,
  status: 'placed' | 'rejected',
  reason: Order['reason'],
): Order | null => {
  const order = entry.books.orders.get(orderId);
  if (order?.status === 'open' && order.userId === entry.id) return Object.assign(order, { status, reason, settledAt: at });
  const found = order ? `${order.status} for ${order.userId}` : 'never submitted';
  entry.breaks('I13', `settlement of ${orderId}`, `open for ${entry.id}`, found);
  return null;
};

const sameLines = (one: readonly OrderLine[], other: readonly OrderLine[]): boolean =>
  one.length === other.length &&
  one.every((line, i) => {
    const twin = other[i];
    return (
      line.productId === twin?.productId && line.quantity === twin.quantity && line.unitPrice === twin.unitPrice && line.name === twin.name
    );
  });
