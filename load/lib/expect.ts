import { equal, type Identity, none, placedOf, type ShopState, sum, totalsOf, won } from './oracle.ts';

/** A scenario's own numbers (K13): of the shop afterwards, and of the counters, which only the runner can see. */
export type Expected = Readonly<{
  identities: readonly Identity[];
  counted: Readonly<Record<string, number>>;
  /** Published figures the run must beat. */
  beaten?: Readonly<{ requestsPerSecond: number; iterationsPerSecond: number; orderP95Ms: number }>;
}>;

/** The wares of seed 002: prices, coupon and charge in won. */
const PRICE = 2_000;
const DISCOUNT = 2_000;
const CHARGE_A = 10_000;
const CHARGE_C = 1_000;
const LINES = 5;
const KEEPS = CHARGE_A - (LINES * PRICE - DISCOUNT);

const balancesOf = (shop: ShopState): readonly number[] => shop.users.map((user) => user.balance);
const having = (shop: ShopState, balance: number): number => balancesOf(shop).filter((own) => own === balance).length;

const issuedOf = (shop: ShopState, expected: readonly number[]): Identity => {
  const told = (rows: readonly (readonly [number, number | null])[]) => rows.map(([issued, left]) => `${issued}/${left ?? '∞'}`).join(' ');
  const actual = shop.policies.map((policy) => [policy.issued, policy.remaining] as const);
  const due = shop.policies.map((policy, i) => [expected[i] ?? 0, (policy.count ?? 0) - (expected[i] ?? 0)] as const);
  return { id: 'K13 issued/left per policy', ok: told(actual) === told(due), expected: told(due), actual: told(actual) };
};

const stockGone = (shop: ShopState, stock: Readonly<Record<string, number>>, expected: readonly number[]): Identity => {
  const actual = shop.products.map(({ id, stock: left }) => (stock[id] ?? 0) - left).join(' ');
  return { id: 'K13 stock gone per product', ok: actual === expected.join(' '), expected: expected.join(' '), actual };
};

/** Persona A once each: `coupons` of `users` get a coupon, spread evenly over the policies. */
export const onceA = (shop: ShopState, stock: Readonly<Record<string, number>>, users: number, coupons: number): Expected => {
  const totals = totalsOf(shop);
  return {
    identities: [
      equal('K13 orders placed', users, totals.order),
      equal('K13 orders with coupon', coupons, totals.ordersWithCoupon),
      equal(`K13 users with ${won(KEEPS)}`, coupons, having(shop, KEEPS)),
      equal('K13 users with 0', users - coupons, having(shop, 0)),
      equal('K13 sum of balances', coupons * KEEPS, totals.balances),
      issuedOf(
        shop,
        shop.policies.map(() => coupons / shop.policies.length),
      ),
      stockGone(shop, stock, Array<number>(LINES).fill(users)),
    ],
    counted: { requests: 1 + users * LINES + coupons, acked_order: users, acked_coupon: coupons, refused_sold_out: users - coupons },
  };
};

/** Persona B once each: every balance is spent to the last won. */
export const onceB = (shop: ShopState, stock: Readonly<Record<string, number>>, users: number, coupons: number): Expected => {
  const totals = totalsOf(shop);
  return {
    identities: [
      equal('K13 orders placed', users, totals.order),
      equal('K13 orders with coupon', coupons, totals.ordersWithCoupon),
      equal('K13 users with 0', users, having(shop, 0)),
      issuedOf(shop, [coupons]),
      stockGone(shop, stock, [users, coupons, 0, 0, 0]),
    ],
    counted: { acked_order: users, acked_coupon: coupons, refused_sold_out: users - coupons },
  };
};

/** Persona C once each: nothing was bought and nothing is gone. */
export const onceC = (shop: ShopState, stock: Readonly<Record<string, number>>, users: number, coupons: number): Expected => {
  const totals = totalsOf(shop);
  const available = shop.users.flatMap((user) => user.coupons).filter((coupon) => coupon.status === 'available').length;
  return {
    identities: [
      equal('K13 orders of any status', 0, totals.order + totals.ordersNotPlaced),
      equal(`K13 users with ${won(CHARGE_C)}`, users, having(shop, CHARGE_C)),
      equal('K13 sum of balances', users * CHARGE_C, totals.balances),
      equal('K13 coupons still available', coupons, available),
      equal('K13 coupons used', 0, totals.couponsUsed),
      issuedOf(shop, [coupons]),
      stockGone(shop, stock, [0, 0, 0, 0, 0]),
    ],
    counted: { acked_order: 0, acked_coupon: coupons, refused_sold_out: users - coupons },
  };
};

/**
 * Persona A again and again: 2,000 a full iteration; an iteration cut off after its charge leaves 10,000, and at most its
 * coupon unused. `cutOffMax`: how many users may have one (0 when every iteration was let finish).
 */
export const manyA = (shop: ShopState, stock: Readonly<Record<string, number>>, cutOffMax: number): Expected => {
  const cutOff = shop.users.map((user) => user.history.filter((row) => row.type === 'charge').length - placedOf(user).length);
  const wrong = shop.users.flatMap((user, i) => {
    const orders = placedOf(user);
    const due = orders.length * KEEPS + (cutOff[i] ?? 0) * CHARGE_A;
    const isRight = user.balance === due && orders.every((order) => order.couponId !== null && order.totalAmount === CHARGE_A - KEEPS);
    return isRight ? [] : [`${user.userId} has ${won(user.balance)}, not ${won(due)}, after ${orders.length} orders`];
  });
  const { order, coupon } = totalsOf(shop);
  const cut = sum(cutOff);
  return {
    identities: [
      none('K13 each user keeps 2,000 an order', `${won(order)} orders, all with coupon`, wrong),
      { id: 'K13 iterations cut off after the charge', ok: cut >= 0 && cut <= cutOffMax, expected: `0 … ${cutOffMax}`, actual: `${cut}` },
      {
        id: 'K13 coupons issued',
        ok: coupon >= order && coupon - order <= cut,
        expected: `${order} … ${order + cut}`,
        actual: `${coupon}`,
      },
      stockGone(shop, stock, Array<number>(LINES).fill(order)),
    ],
    counted: {},
  };
};
