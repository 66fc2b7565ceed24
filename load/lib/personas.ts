import { check, sleep } from 'k6';
import { Gauge, Trend } from 'k6/metrics';
import { type Answer, bodyOf, get, isUnknown, positionOf, post, problemOf, send, sendAll, takeFlights } from './calls.ts';
import { baseUrl, faultsExpected } from './environment.ts';
import type { Coupon, Order, Ranked } from './oracle.ts';
import { count } from './tally.ts';
import type { World } from './world.ts';

const userIdTime = new Trend('user_id_time', true);
const chargeTime = new Trend('charge_balance_time', true);
const couponTime = new Trend('coupon_issue_time', true);
const couponCheckTime = new Trend('coupon_check_time', true);
const top5Time = new Trend('get_top5_time', true);
const orderTime = new Trend('order_time', true);
const readAfterWait = new Trend('read_after_wait', true);
const visitTime = new Trend('visit_time', true);
const shoppingSeconds = new Gauge('shopping_seconds');

/** A shopper waits this long before it looks for its coupon, in seconds (seed 002). */
const COUPON_PAUSE_S = 1;
/** How long an order answered 202 may stay open, in milliseconds (R40). */
const OUTCOME_MAX_MS = 60_000;
const OUTCOME_PAUSE_S = 0.5;
const CHARGE_A = 10_000;
const CHARGE_C = 1_000;
/** Orders a malicious shopper without coupon tries. */
const ATTEMPTS_C = 5;

/** What one shopper must own, by the answers it got. `isCertain` ends when an answer stayed unknown. */
export type Purse = { due: number; isCertain: boolean; position: string };
export const emptyPurse = (): Purse => ({ due: 0, isCertain: true, position: '0' });

/** One visit: who, with which policy, and the prefix of its idempotency keys. */
export type Visit = Readonly<{ world: World; name: string; policyId: string; key: string; purse: Purse }>;

type Placement = Readonly<{
  visit: Visit;
  userId: string;
  couponId: string | null;
  productIds: readonly string[];
  gross: number;
  attempt: number;
}>;

/** A: charges, tries a coupon, orders one of each of the top five with it or without. Ends with 2,000 or 0 won more. */
export const impulsive = (visit: Visit): void => {
  const userId = identify(visit);
  charge(visit, userId, CHARGE_A);
  const issued = tryCoupon(visit, userId);
  const couponId = issued ? findCoupon(visit, userId, issued) : null;
  const top = topFive(visit.world);
  const placement = { visit, userId, couponId, productIds: top, gross: priceOf(visit.world, top), attempt: 0 };
  if (top.length > 0) order(placement);
  readBack(visit, userId);
};

/** B: charges exactly the price of the first product and spends it to the last won, with a coupon on two products. */
export const rational = (visit: Visit): void => {
  const [first, second] = visit.world.products;
  if (!first || !second) throw new Error('persona B needs two products');
  const userId = identify(visit);
  charge(visit, userId, first.price);
  const couponId = tryCoupon(visit, userId);
  const productIds = couponId ? [first.id, second.id] : [first.id];
  order({ visit, userId, couponId, productIds, gross: priceOf(visit.world, productIds), attempt: 0 });
  readBack(visit, userId);
};

/** C: charges too little and tries to order all the same. Every order must be refused and leave nothing. */
export const malicious = (visit: Visit): void => {
  const userId = identify(visit);
  charge(visit, userId, CHARGE_C);
  const couponId = tryCoupon(visit, userId);
  const productIds = visit.world.products.map(({ id }) => id);
  const gross = priceOf(visit.world, productIds);
  const coupons = couponId ? [couponId, couponId] : foulCoupons(visit.policyId);
  const placements = coupons.map((tried, attempt) => ({ visit, userId, couponId: tried, productIds, gross, attempt }));
  if (couponId) refuseAll(placements);
  else for (const placement of placements) refuseAll([placement]);
  readBack(visit, userId);
  if (couponId) {
    const left = firstCoupon(userId, true, visit.purse.position);
    check(left, { 'coupon still available': (own) => own?.couponId === couponId && own.status === 'available' }, { audit: 'true' });
  }
};

/** Makes one visit, notes how long it and all shopping so far lasted, and hands its flights to the runner. */
export const shop = (visit: Visit, persona: (visit: Visit) => void): void => {
  const from = Date.now();
  persona(visit);
  visitTime.add(Date.now() - from);
  shoppingSeconds.add((Date.now() - visit.world.startAt) / 1_000);
  const flights = takeFlights();
  if (__ENV.FLIGHTS === '1') console.log(`flights ${JSON.stringify(flights)}`);
};

/** All shoppers set out at the same moment of the wall clock. */
export const muster = (world: World): void => {
  const early = world.startAt - Date.now();
  if (early > 0) sleep(early / 1_000);
};

const identify = ({ name }: Visit): string => {
  const answer = send(get('user id', `${baseUrl}/users/id?name=${name}`, { time: userIdTime }));
  return bodyOf<string>(answer) ?? name;
};

const charge = ({ key, purse }: Visit, userId: string, amount: number): void => {
  count('sent', 'charge');
  count('sent', 'charge_won', amount);
  const answer = send(post('charge', `${baseUrl}/users/${userId}/balance`, { amount }, { key: `${key}-charge`, time: chargeTime }));
  if (!isKnown(purse, answer)) return;
  count('answered', 'charge');
  count('answered', 'charge_won', amount);
  if (answer.status !== 201) return;
  count('acked', 'charge');
  count('acked', 'charge_won', amount);
  purse.due += amount;
};

/** The coupon's id, or null when none was issued. Only 201, 400 and 409 are answers (seed 002). */
const tryCoupon = ({ key, purse, policyId }: Visit, userId: string): string | null => {
  count('sent', 'coupon');
  const url = `${baseUrl}/coupons?userId=${userId}&policyId=${policyId}`;
  const answer = send(post('coupon', url, undefined, { expected: [201, 400, 409], key: `${key}-coupon`, time: couponTime }));
  if (!isKnown(purse, answer)) return null;
  count('answered', 'coupon');
  if (answer.status !== 201) return null;
  count('acked', 'coupon');
  return bodyOf<Coupon>(answer)?.couponId ?? null;
};

/** The first coupon of the list. Only that one is parsed: a list of a hundred would cost the generator more than the shop. */
const firstCoupon = (userId: string, audit: boolean, readAfter?: string): Coupon | undefined => {
  const timed = audit ? {} : { time: couponCheckTime };
  const answer = send(get('coupon list', `${baseUrl}/users/${userId}/coupons`, { audit, readAfter, ...timed }));
  return bodyOf<Coupon>(answer, '0');
};

/**
 * After the pause the coupon just issued must stand first, or the order would be at full price with all checks green. Only
 * where a process is killed on purpose, so that views may be late, does the shopper ask with its position.
 */
const findCoupon = ({ purse }: Visit, userId: string, issued: string): string | null => {
  sleep(COUPON_PAUSE_S);
  const first = firstCoupon(userId, false, faultsExpected ? purse.position : undefined);
  check(first, { 'issued coupon listed first': (coupon) => coupon?.couponId === issued && coupon.status === 'available' });
  return first?.couponId ?? null;
};

const topFive = (world: World): string[] => {
  const ranked = bodyOf<Ranked[]>(send(get('top five', `${baseUrl}/products/top/realtime`, { time: top5Time }))) ?? [];
  const own = new Set(world.products.map(({ id }) => id));
  const top = ranked.slice(0, 5).map(({ productId }) => productId);
  check(top, { 'top five are products of this generation': (ids) => ids.length === 5 && ids.every((id) => own.has(id)) });
  return top;
};

const order = (placement: Placement): void => {
  const { gross, visit, couponId } = placement;
  const [answer] = sendOrders([placement], faultsExpected ? [201, 202] : [201]);
  if (!answer) return;
  const placed = answer.status === 202 ? outcomeOf(answer) : bodyOf<Order>(answer);
  const isOpen = placed === undefined || placed.status === 'open';
  if (!isKnown(visit.purse, answer) || isOpen) {
    visit.purse.isCertain = false;
    return;
  }
  count('answered', 'order');
  count('answered', 'order_won', gross);
  const due = couponId ? gross - discountOf(visit.world, gross) : gross;
  check(placed, { 'order placed at the right price': (o) => o?.status === 'placed' && o.totalAmount === due && o.couponId === couponId });
  if (placed.status !== 'placed') return;
  count('acked', 'order');
  count('acked', 'order_won', placed.totalAmount);
  visit.purse.due -= placed.totalAmount;
};

/** Sends the orders side by side; each must be refused with 400 for want of money or of a usable coupon. */
const refuseAll = (placements: readonly Placement[]): void => {
  const answers = sendOrders(placements, [400]);
  answers.forEach((answer, i) => {
    const { visit, gross } = placements[i] as Placement;
    if (!isKnown(visit.purse, answer)) return;
    count('answered', 'order');
    count('answered', 'order_won', gross);
    const problems = ['insufficient-balance', 'coupon-unavailable', 'unknown-coupon'];
    check(answer, { 'refused by the right problem': (a) => problems.includes(problemOf(a)) });
  });
};

const sendOrders = (placements: readonly Placement[], expected: readonly number[]): Answer[] => {
  for (const { gross } of placements) {
    count('sent', 'order');
    count('sent', 'order_won', gross);
  }
  return sendAll(
    placements.map(({ visit, userId, couponId, productIds, attempt }) => {
      const items = productIds.map((productId) => ({ productId, quantity: 1 }));
      const key = `${visit.key}-order-${attempt}`;
      return post('order', `${baseUrl}/orders`, { userId, couponId, items }, { expected, key, time: orderTime });
    }),
  );
};

/** Looks at an order answered 202 until it has its outcome. */
const outcomeOf = (accepted: Answer): Order | undefined => {
  const { orderId } = bodyOf<Order>(accepted) ?? {};
  const until = Date.now() + OUTCOME_MAX_MS;
  let order: Order | undefined;
  do {
    sleep(OUTCOME_PAUSE_S);
    order = bodyOf<Order>(send(get('order outcome', `${baseUrl}/orders/${orderId}`, { audit: true, readAfter: positionOf(accepted) })));
  } while (order?.status === 'open' && Date.now() < until);
  return order;
};

/** The balance, read at this shopper's last position, must be what its answers add up to. */
const readBack = ({ purse }: Visit, userId: string): void => {
  const call = get('balance', `${baseUrl}/users/${userId}/balance`, { audit: true, readAfter: purse.position, time: readAfterWait });
  const shown = bodyOf<{ balance: number; held: number }>(send(call));
  if (!purse.isCertain) return;
  check(shown, { 'balance right to the won': (own) => own?.balance === purse.due && own.held === 0 }, { audit: 'true' });
};

/** Notes the position of an answer; false, and the purse uncertain, when the outcome stayed unknown. */
const isKnown = (purse: Purse, answer: Answer): boolean => {
  if (isUnknown(answer)) {
    purse.isCertain = false;
    return false;
  }
  const position = positionOf(answer);
  if (position !== undefined && BigInt(position) > BigInt(purse.position)) purse.position = position;
  return true;
};

const priceOf = (world: World, productIds: readonly string[]): number => {
  const prices = new Map(world.products.map(({ id, price }) => [id, price]));
  return productIds.reduce((total, id) => total + (prices.get(id) ?? 0), 0);
};

const discountOf = (world: World, gross: number): number => Math.min(world.discount, gross);

/** Invented ones, somebody else's (the policy is sold out, so serial 1 has an owner) and none; in random order. */
const foulCoupons = (policyId: string): (string | null)[] => {
  const foul = [`${policyId}-999999999`, 'no-such-coupon', `${policyId}-1`, null, null].slice(0, ATTEMPTS_C);
  return foul
    .map((couponId) => ({ couponId, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ couponId }) => couponId);
};
