import type { Brand } from './kernel.ts';

export type UserId = Brand<string, 'UserId'>;
export type ProductId = Brand<string, 'ProductId'>;
export type PolicyId = Brand<string, 'PolicyId'>;
export type CouponId = Brand<string, 'CouponId'>;
export type OrderId = Brand<string, 'OrderId'>;
/** The identity of one command: the same at every try, and again when a client repeats it under its key. */
export type CommandId = Brand<string, 'CommandId'>;
/** What a client asked, as a hash: tells a repeat from another request under the same key. */
export type Fingerprint = Brand<string, 'Fingerprint'>;

export const ID_CHARS_MAX = 64;
const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** Every id of the shop has this form, so that a stream name built from one can be nothing else. */
export const isId = (text: string): boolean => ID.test(text);

const TRANSACTION_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/** What a client calls a request of its own, and asks for it by: it stands in addresses, so it has neither slashes nor blanks. */
export const isTransactionId = (text: string): boolean => TRANSACTION_ID.test(text);

/** The n-th coupon of a policy. A command finds the policy of a coupon in its id, without asking a view. */
export const couponIdOf = (policyId: PolicyId, serial: number): CouponId => `${policyId}-${serial}` as CouponId;

/** The policy and serial that a coupon id names; `null` when it cannot be one of ours. */
export const partsOfCouponId = (couponId: string): Readonly<{ policyId: PolicyId; serial: number }> | null => {
  const parts = /^(.+)-([1-9][0-9]{0,9})$/.exec(couponId);
  return parts?.[1] && isId(parts[1]) ? { policyId: parts[1] as PolicyId, serial: Number(parts[2]) } : null;
};

/** Names of users and products are per generation: plain in the first, `name--n` after n openings (R32). */
export const inGeneration = (name: string, generation: number): string => (generation === 0 ? name : `${name}--${generation}`);
