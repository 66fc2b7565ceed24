import { bodyOf, type Call, get, post, sendAll } from './calls.ts';
import { baseUrl } from './environment.ts';

/** Visits sent side by side. */
const VISITS_AT_ONCE = 60;
const CHARGE = 10_000;

export type Opened = Readonly<{ policyIds: readonly string[]; productIds: readonly string[] }>;

/**
 * `visits` of strangers to the generation just opened, before the run opens its own: a shop that has served for a while
 * answers otherwise than one that has just started. Counts in no figure.
 */
export const warmUp = ({ policyIds, productIds }: Opened, visits: number): void => {
  for (let from = 0; from < visits; from += VISITS_AT_ONCE) {
    const strangers = Array.from({ length: Math.min(VISITS_AT_ONCE, visits - from) }, (_, i) => `warm-${Date.now()}-${from + i}`);
    const all = (call: (userId: string, i: number) => Call) => sendAll(strangers.map((userId, i) => ({ ...call(userId, i), audit: true })));
    all((userId) => post('warm charge', `${baseUrl}/users/${userId}/balance`, { amount: CHARGE }, { key: userId }));
    const issued = all((userId, i) =>
      post('warm coupon', `${baseUrl}/coupons?userId=${userId}&policyId=${policyIds[i % policyIds.length]}`, undefined, { key: userId }),
    ).map((answer) => bodyOf<{ couponId: string }>(answer)?.couponId ?? null);
    all((userId) => get('warm coupon list', `${baseUrl}/users/${userId}/coupons`));
    all(() => get('warm top five', `${baseUrl}/products/top/realtime`));
    const items = productIds.map((productId) => ({ productId, quantity: 1 }));
    all((userId, i) => post('warm order', `${baseUrl}/orders`, { userId, couponId: issued[i] ?? null, items }, { key: userId }));
  }
};
