import type { CommandId, CouponId, PolicyId, UserId } from './ids.ts';
import { couponIdOf } from './ids.ts';
import { assertNever, type Decision, type Fold, recall, record, refuse, refuseAsOfRecently } from './kernel.ts';
import { RewindableMap } from './rewindable.ts';
import { type EventOf, integer, object, oneOf, orNull, type Parsed, text } from './shape.ts';

export const couponPolicyStream = (id: PolicyId): string => `couponPolicy-${id}`;

const MINUTE_MS = 60_000;
const discountType = oneOf('rate', 'amount');

/** What a policy promises. `count: null` is unlimited; `perUser: null` lets a user have any number. */
export const policyTerms = object({
  name: text(),
  count: orNull(integer()),
  discountType,
  discountAmount: integer(),
  startsAt: integer(),
  endsAt: integer(),
  expireMinutes: integer(),
  perUser: orNull(integer()),
});
export type PolicyTerms = Parsed<typeof policyTerms>;

// These names and shapes are stored. A changed meaning is a new name, never an edit.
export const couponPolicyEvents = {
  CouponPolicyOpened: object({ policyId: text<PolicyId>(), number: integer(), generation: integer(), terms: policyTerms, at: integer() }),
  /** The coupon keeps the terms it was issued with (R7). */
  CouponIssued: object({
    couponId: text<CouponId>(),
    serial: integer(),
    userId: text<UserId>(),
    commandId: text<CommandId>(),
    discountType,
    discountAmount: integer(),
    issuedAt: integer(),
    expiresAt: integer(),
  }),
};
export type CouponPolicyEvent = EventOf<typeof couponPolicyEvents>;
export type OpenedPolicy = Extract<CouponPolicyEvent, { type: 'CouponPolicyOpened' }>['data'];
export type IssuedCoupon = Extract<CouponPolicyEvent, { type: 'CouponIssued' }>['data'];

export type CouponPolicy = Readonly<{
  opened: OpenedPolicy | null;
  issued: RewindableMap<CouponId, IssuedCoupon>;
  byCommand: RewindableMap<CommandId, IssuedCoupon>;
  /** The newest coupon of each user. */
  byUser: RewindableMap<UserId, IssuedCoupon>;
}>;

export const couponPolicyFold: Fold<CouponPolicy, CouponPolicyEvent> = {
  get initial() {
    return { opened: null, issued: RewindableMap.empty(), byCommand: RewindableMap.empty(), byUser: RewindableMap.empty() } as CouponPolicy;
  },
  evolve: (policy, event) => {
    switch (event.type) {
      case 'CouponPolicyOpened':
        return { ...policy, opened: event.data };
      case 'CouponIssued': {
        const coupon = event.data;
        return {
          ...policy,
          issued: policy.issued.set(coupon.couponId, coupon),
          byCommand: policy.byCommand.set(coupon.commandId, coupon),
          byUser: policy.byUser.set(coupon.userId, coupon),
        };
      }
      default:
        return assertNever(event);
    }
  },
};

/** Opening twice changes nothing: whoever finds a numbered policy without its stream opens it. */
export const openPolicy =
  (policy: OpenedPolicy) =>
  (state: CouponPolicy): Decision<CouponPolicyEvent, OpenedPolicy> =>
    state.opened ? recall(state.opened) : record([{ type: 'CouponPolicyOpened', data: policy }], policy);

export type Issue = Readonly<{ userId: UserId; commandId: CommandId; at: number }>;
export type Issued =
  | Readonly<{ kind: 'issued'; coupon: IssuedCoupon; replayed: boolean }>
  | Readonly<{ kind: 'refused'; reason: 'unknown-policy' | 'not-open' }>
  /** `couponId`: the one this user holds already, so that a client whose answer was lost finds it. */
  | Readonly<{ kind: 'refused'; reason: 'sold-out' | 'already-issued'; couponId: CouponId | null }>;

/** First come, first served. The checks stand in the order of R12; the first that fails is the answer. */
export const issueCoupon =
  ({ userId, commandId, at }: Issue) =>
  (policy: CouponPolicy): Decision<CouponPolicyEvent, Issued> => {
    const known = policy.byCommand.get(commandId);
    if (known) return recall({ kind: 'issued', coupon: known, replayed: true });
    if (!policy.opened) return refuse({ kind: 'refused', reason: 'unknown-policy' });
    const { policyId, terms } = policy.opened;
    if (at < terms.startsAt || at > terms.endsAt) return refuse({ kind: 'refused', reason: 'not-open' });
    const held = policy.byUser.get(userId)?.couponId ?? null;
    if (terms.count !== null && policy.issued.size >= terms.count) {
      return refuseAsOfRecently({ kind: 'refused', reason: 'sold-out', couponId: held });
    }
    if (terms.perUser !== null && held) return refuse({ kind: 'refused', reason: 'already-issued', couponId: held });
    const serial = policy.issued.size + 1;
    const coupon: IssuedCoupon = {
      couponId: couponIdOf(policyId, serial),
      serial,
      userId,
      commandId,
      discountType: terms.discountType,
      discountAmount: terms.discountAmount,
      issuedAt: at,
      expiresAt: Math.min(terms.endsAt, at + terms.expireMinutes * MINUTE_MS),
    };
    return record([{ type: 'CouponIssued', data: coupon }], { kind: 'issued', coupon, replayed: false });
  };

/** What was issued under this id; `null` when nothing was. */
export const findCoupon =
  (couponId: CouponId) =>
  (policy: CouponPolicy): Decision<CouponPolicyEvent, IssuedCoupon | null> => {
    const coupon = policy.issued.get(couponId);
    return coupon ? recall(coupon) : refuse(null);
  };
