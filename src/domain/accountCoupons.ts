import type { CommandId, CouponId, Fingerprint, OrderId, ProductId, UserId } from './ids.ts';
import { assertNever, type Decision, recall, record, refuse } from './kernel.ts';
import type { RewindableMap } from './rewindable.ts';
import { type EventOf, integer, object, orNull, text } from './shape.ts';

const command = { couponId: text<CouponId>(), commandId: text<CommandId>(), fingerprint: text<Fingerprint>(), at: integer() };

// These names and shapes are stored. A changed meaning is a new name, never an edit.
export const accountCouponEvents = {
  /** A use outside an order. */
  CouponUsed: object({ productId: orNull(text<ProductId>()), ...command }),
  CouponUseCancelled: object(command),
  /** The coupon stays issued, and can do nothing any more (R22). */
  CouponDeleted: object(command),
};
export type AccountCouponEvent = EventOf<typeof accountCouponEvents>;

/** What became of a coupon. Deleted ones keep what they were used for. */
export type CouponUse = Readonly<{
  status: 'available' | 'held' | 'used' | 'deleted';
  orderId: OrderId | null;
  productId: ProductId | null;
  usedAt: number | null;
  deletedAt: number | null;
}>;

/**
 * The coupons of one account that something was done with; one that is not here is untouched. What decides over a coupon
 * (hold, use, deletion) is on its owner's stream alone, so that it pays for at most one thing (R19).
 */
export type AccountCoupons = Readonly<{
  coupons: RewindableMap<CouponId, CouponUse>;
  /** What each command outside orders was answered with. */
  couponCommands: RewindableMap<CommandId, Readonly<{ fingerprint: Fingerprint; use: CouponUse }>>;
}>;

export const UNTOUCHED: CouponUse = { status: 'available', orderId: null, productId: null, usedAt: null, deletedAt: null };

export const heldBy = (orderId: OrderId): CouponUse => ({ ...UNTOUCHED, status: 'held', orderId });
export const usedBy = (orderId: OrderId, usedAt: number): CouponUse => ({ ...UNTOUCHED, status: 'used', orderId, usedAt });

/** The fold's part that concerns coupons outside orders. */
export const evolveCoupons = <State extends AccountCoupons>(state: State, event: AccountCouponEvent): State => {
  const { couponId, commandId, fingerprint } = event.data;
  const use = useAfter(useOf(state, couponId), event);
  return {
    ...state,
    coupons: state.coupons.set(couponId, use),
    couponCommands: state.couponCommands.set(commandId, { fingerprint, use }),
  };
};

const useOf = ({ coupons }: AccountCoupons, couponId: CouponId): CouponUse => coupons.get(couponId) ?? UNTOUCHED;

const useAfter = (before: CouponUse, event: AccountCouponEvent): CouponUse => {
  const { at } = event.data;
  switch (event.type) {
    case 'CouponUsed':
      return { ...UNTOUCHED, status: 'used', productId: event.data.productId, usedAt: at };
    case 'CouponUseCancelled':
      return UNTOUCHED;
    case 'CouponDeleted':
      return { ...before, status: 'deleted', deletedAt: at };
    default:
      return assertNever(event);
  }
};

/** What the policy's stream says of a coupon; facts that never change. */
export type CouponFacts = Readonly<{ couponId: CouponId; owner: UserId; expiresAt: number }>;

export type CouponRefused =
  | Readonly<{ kind: 'refused'; reason: 'unknown-coupon' }>
  | Readonly<{ kind: 'refused'; reason: 'coupon-unavailable'; because: 'expired' | 'held' | 'used' }>;

const UNKNOWN: CouponRefused = { kind: 'refused', reason: 'unknown-coupon' };
const unavailable = (because: 'expired' | 'held' | 'used'): CouponRefused => ({ kind: 'refused', reason: 'coupon-unavailable', because });

/** What stands against an order with this coupon, at the time the order is submitted (R18). `null`: nothing. */
export const objectionToCoupon = (state: AccountCoupons, coupon: CouponFacts, userId: UserId, at: number): CouponRefused | null => {
  const { status } = useOf(state, coupon.couponId);
  if (coupon.owner !== userId || status === 'deleted') return UNKNOWN;
  if (status !== 'available') return unavailable(status);
  return at > coupon.expiresAt ? unavailable('expired') : null;
};

/** A command about a coupon of the account that is asked: the owner's. */
export type CouponCommand = Readonly<{ coupon: CouponFacts; commandId: CommandId; fingerprint: Fingerprint; at: number }>;
export type CouponDone =
  | Readonly<{ kind: 'done'; use: CouponUse; replayed: boolean }>
  | Readonly<{ kind: 'refused'; reason: 'key-reused' | 'coupon-not-used' | 'coupon-in-order' }>
  | CouponRefused;
type Decided = Decision<AccountCouponEvent, CouponDone>;

/** Uses the coupon outside orders. Checked in the order of R20. */
export const useCoupon =
  ({ productId, ...asked }: CouponCommand & Readonly<{ productId: ProductId | null }>) =>
  (state: AccountCoupons): Decided =>
    known(state, asked) ??
    onCoupon(state, asked, ({ status }) => {
      if (asked.at > asked.coupon.expiresAt) return refuse(unavailable('expired'));
      if (status === 'held' || status === 'used') return refuse(unavailable(status));
      return done(state, { type: 'CouponUsed', data: { productId, ...dataOf(asked) } });
    });

/** Takes a use back; not one that paid for an order (R21). */
export const cancelUse =
  (asked: CouponCommand) =>
  (state: AccountCoupons): Decided =>
    known(state, asked) ??
    onCoupon(state, asked, ({ status, orderId }) => {
      if (asked.at > asked.coupon.expiresAt) return refuse(unavailable('expired'));
      if (status !== 'used') return refuse({ kind: 'refused', reason: 'coupon-not-used' });
      if (orderId !== null) return refuse({ kind: 'refused', reason: 'coupon-in-order' });
      return done(state, { type: 'CouponUseCancelled', data: dataOf(asked) });
    });

/** Marks the coupon, used or not; while an open order holds it, that order needs it (R22). */
export const deleteCoupon =
  (asked: CouponCommand) =>
  (state: AccountCoupons): Decided =>
    known(state, asked) ??
    onCoupon(state, asked, ({ status }) =>
      status === 'held' ? refuse(unavailable('held')) : done(state, { type: 'CouponDeleted', data: dataOf(asked) }),
    );

/** The answer that this command was given before; `null` when it is new. */
const known = (state: AccountCoupons, { commandId, fingerprint }: CouponCommand): Decided | null => {
  const before = state.couponCommands.get(commandId);
  if (!before) return null;
  if (before.fingerprint !== fingerprint) return recall({ kind: 'refused', reason: 'key-reused' });
  return recall({ kind: 'done', use: before.use, replayed: true });
};

const onCoupon = (state: AccountCoupons, { coupon }: CouponCommand, decide: (use: CouponUse) => Decided): Decided => {
  const use = useOf(state, coupon.couponId);
  return use.status === 'deleted' ? refuse(UNKNOWN) : decide(use);
};

const dataOf = ({ coupon: { couponId }, commandId, fingerprint, at }: CouponCommand) => ({ couponId, commandId, fingerprint, at });

const done = (state: AccountCoupons, event: AccountCouponEvent): Decided =>
  record([event], { kind: 'done', use: useAfter(useOf(state, event.data.couponId), event), replayed: false });
