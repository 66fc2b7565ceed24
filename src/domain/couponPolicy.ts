import type { CommandId, CouponId, Fingerprint, PolicyId, UserId } from './ids.ts';
import { couponIdOf } from './ids.ts';
import { assertNever, type Decision, type Fold, recall, record, refuse, refuseAsOfRecently } from './kernel.ts';
import { RewindableMap } from './rewindable.ts';
import { type EventOf, integer, object, oneOf, optional, orNull, type Parsed, text } from './shape.ts';

export const couponPolicyStream = (id: PolicyId): string => `couponPolicy-${id}`;

/** The most coupons a limited policy can have (R1). */
export const COUNT_MAX = 2_147_483_647;
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

/** All terms as they are from here on, and the command that made them so. */
const changed = { terms: policyTerms, commandId: text<CommandId>(), fingerprint: text<Fingerprint>(), at: integer() };

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
    /** Only of a coupon that was asked for by the queue: `issuedAt` is when the queue took the request. */
    queued: optional(object({ transactionId: text(), decidedAt: integer() })),
  }),
  /** A request from the queue that got no coupon (R48). It may be the first event of a stream whose policy was never opened. */
  CouponRequestRefused: object({
    transactionId: text(),
    userId: text<UserId>(),
    commandId: text<CommandId>(),
    reason: oneOf('unknown-policy', 'not-open', 'sold-out', 'already-issued'),
    requestedAt: integer(),
    decidedAt: integer(),
  }),
  CouponPolicyChanged: object(changed),
  /** More of a limited policy: `terms.count` is what there is now, `added` what was added (R3). Other terms may change with it. */
  CouponCountAdded: object({ added: integer(), ...changed }),
  /** No more is issued or changed. What was issued stays (R7, R10). */
  CouponPolicyDeleted: object(changed),
};
export type CouponPolicyEvent = EventOf<typeof couponPolicyEvents>;
export type OpenedPolicy = Extract<CouponPolicyEvent, { type: 'CouponPolicyOpened' }>['data'];
export type IssuedCoupon = Extract<CouponPolicyEvent, { type: 'CouponIssued' }>['data'];
export type RefusedRequest = Extract<CouponPolicyEvent, { type: 'CouponRequestRefused' }>['data'];

/** A policy as it stands after its last change; `issued`: coupons given out until then. */
export type PolicyNow = Readonly<{ opened: OpenedPolicy; terms: PolicyTerms; issued: number; updatedAt: number; deletedAt: number | null }>;

export type CouponPolicy = Readonly<{
  opened: OpenedPolicy | null;
  /** The terms of now; `null` before the policy is opened. */
  terms: PolicyTerms | null;
  updatedAt: number;
  deletedAt: number | null;
  issued: RewindableMap<CouponId, IssuedCoupon>;
  byCommand: RewindableMap<CommandId, IssuedCoupon>;
  /** The newest coupon of each user. */
  byUser: RewindableMap<UserId, IssuedCoupon>;
  /** Requests from the queue that were refused, by whose they were and why. */
  refusedRequests: RewindableMap<CommandId, Pick<RefusedRequest, 'userId' | 'reason'>>;
  /** What each change was answered with. */
  changes: RewindableMap<CommandId, Readonly<{ fingerprint: Fingerprint; policy: PolicyNow }>>;
}>;

export const couponPolicyFold: Fold<CouponPolicy, CouponPolicyEvent> = {
  get initial() {
    return {
      opened: null,
      terms: null,
      updatedAt: 0,
      deletedAt: null,
      issued: RewindableMap.empty(),
      byCommand: RewindableMap.empty(),
      byUser: RewindableMap.empty(),
      refusedRequests: RewindableMap.empty(),
      changes: RewindableMap.empty(),
    } as CouponPolicy;
  },
  evolve: (policy, event) => {
    switch (event.type) {
      case 'CouponPolicyOpened':
        return { ...policy, opened: event.data, terms: event.data.terms, updatedAt: event.data.at };
      case 'CouponIssued': {
        const coupon = event.data;
        return {
          ...policy,
          issued: policy.issued.set(coupon.couponId, coupon),
          byCommand: policy.byCommand.set(coupon.commandId, coupon),
          byUser: policy.byUser.set(coupon.userId, coupon),
        };
      }
      case 'CouponRequestRefused': {
        const { commandId, userId, reason } = event.data;
        return { ...policy, refusedRequests: policy.refusedRequests.set(commandId, { userId, reason }) };
      }
      case 'CouponPolicyChanged':
      case 'CouponCountAdded':
        return withChange(policy, event.data, null);
      case 'CouponPolicyDeleted':
        return withChange(policy, event.data, event.data.at);
      default:
        return assertNever(event);
    }
  },
};

type Change = Extract<CouponPolicyEvent, { type: 'CouponPolicyChanged' }>['data'];

const withChange = (policy: CouponPolicy, { terms, commandId, fingerprint, at }: Change, deletedAt: number | null): CouponPolicy => {
  const after = { ...policy, terms, updatedAt: at, deletedAt };
  const now = policyNow(after);
  return now === null ? after : { ...after, changes: policy.changes.set(commandId, { fingerprint, policy: now }) };
};

/** `null` before it is opened. */
const policyNow = ({ opened, terms, issued, updatedAt, deletedAt }: CouponPolicy): PolicyNow | null =>
  opened && terms && { opened, terms, issued: issued.size, updatedAt, deletedAt };

/** Opening twice changes nothing: whoever finds a numbered policy without its stream opens it. */
export const openPolicy =
  (policy: OpenedPolicy) =>
  (state: CouponPolicy): Decision<CouponPolicyEvent, OpenedPolicy> =>
    state.opened ? recall(state.opened) : record([{ type: 'CouponPolicyOpened', data: policy }], policy);

/** `queued`: of a request from the queue. */
export type Issue = Readonly<{ userId: UserId; commandId: CommandId; at: number; queued?: NonNullable<IssuedCoupon['queued']> }>;
export type Issued =
  | Readonly<{ kind: 'issued'; coupon: IssuedCoupon; replayed: boolean }>
  | Readonly<{ kind: 'refused'; reason: 'unknown-policy' | 'not-open' }>
  /** `couponId`: the one this user holds already, so that a client whose answer was lost finds it. */
  | Readonly<{ kind: 'refused'; reason: 'sold-out' | 'already-issued'; couponId: CouponId | null }>;

/** First come, first served. The checks stand in the order of R12; the first that fails is the answer. */
export const issueCoupon =
  ({ userId, commandId, at, queued }: Issue) =>
  (policy: CouponPolicy): Decision<CouponPolicyEvent, Issued> => {
    const known = policy.byCommand.get(commandId);
    if (known) return recall({ kind: 'issued', coupon: known, replayed: true });
    const { opened, terms } = policy;
    if (!opened || !terms || policy.deletedAt !== null) return refuse({ kind: 'refused', reason: 'unknown-policy' });
    if (at < terms.startsAt || at > terms.endsAt) return refuse({ kind: 'refused', reason: 'not-open' });
    const held = policy.byUser.get(userId)?.couponId ?? null;
    if (terms.count !== null && policy.issued.size >= terms.count) {
      return refuseAsOfRecently({ kind: 'refused', reason: 'sold-out', couponId: held });
    }
    if (terms.perUser !== null && held) return refuse({ kind: 'refused', reason: 'already-issued', couponId: held });
    const serial = policy.issued.size + 1;
    const coupon: IssuedCoupon = {
      couponId: couponIdOf(opened.policyId, serial),
      serial,
      userId,
      commandId,
      discountType: terms.discountType,
      discountAmount: terms.discountAmount,
      issuedAt: at,
      expiresAt: Math.min(terms.endsAt, at + terms.expireMinutes * MINUTE_MS),
      ...(queued && { queued }),
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

/** What can be changed: neither the count, which only grows, nor how many a user may have (R2, R3). */
export type NewTerms = Omit<PolicyTerms, 'count' | 'perUser'>;
type Command = Readonly<{ commandId: CommandId; fingerprint: Fingerprint; at: number }>;
type PolicyRefused = Readonly<{ kind: 'refused'; reason: 'unknown-policy' | 'key-reused' | 'policy-term-immutable' | 'limit-exceeded' }>;
export type PolicyChanged = Readonly<{ kind: 'changed'; policy: PolicyNow; replayed: boolean }> | PolicyRefused;

/** New terms for what is issued from here on (R7, R9). Terms that are as wished already are no change. */
export const changePolicy =
  ({ wished, ...command }: Command & Readonly<{ wished: NewTerms }>) =>
  (state: CouponPolicy): Decision<CouponPolicyEvent, PolicyChanged> =>
    known(state, command) ??
    present(state, (policy) => {
      const { terms } = policy;
      if (wants(wished, terms)) return refuse({ kind: 'changed', policy, replayed: false });
      const after = { ...terms, ...wished };
      return recordChange({ type: 'CouponPolicyChanged', data: { terms: after, ...command } }, policy);
    });

/** More coupons, on top of those there are (R3), with other terms if `wished`. An unlimited policy stays one (R2). */
export const addCount =
  ({ add, wished, ...command }: Command & Readonly<{ add: number; wished?: NewTerms }>) =>
  (state: CouponPolicy): Decision<CouponPolicyEvent, PolicyChanged> =>
    known(state, command) ??
    present(state, (policy) => {
      const { terms } = policy;
      if (terms.count === null) return refuse({ kind: 'refused', reason: 'policy-term-immutable' });
      if (terms.count + add > COUNT_MAX) return refuse({ kind: 'refused', reason: 'limit-exceeded' });
      const after = { ...terms, ...wished, count: terms.count + add };
      return recordChange({ type: 'CouponCountAdded', data: { added: add, terms: after, ...command } }, policy);
    });

/** New terms for an unlimited policy; a limited one stays one (R2). */
export const changeUnlimited =
  (asked: Command & Readonly<{ wished: NewTerms }>) =>
  (state: CouponPolicy): Decision<CouponPolicyEvent, PolicyChanged> =>
    known(state, asked) ??
    present(state, ({ terms }) =>
      terms.count === null ? changePolicy(asked)(state) : refuse({ kind: 'refused', reason: 'policy-term-immutable' }),
    );

/** The policy as it stands, `null` when there is none or it is deleted. */
export const findPolicy = (state: CouponPolicy): Decision<never, PolicyNow | null> => {
  const policy = policyNow(state);
  return refuse(policy && policy.deletedAt === null ? policy : null);
};

/** Marks the policy, and removes nothing (R10). */
export const deletePolicy =
  (command: Command) =>
  (state: CouponPolicy): Decision<CouponPolicyEvent, PolicyChanged> =>
    known(state, command) ??
    present(state, (policy) => recordChange({ type: 'CouponPolicyDeleted', data: { terms: policy.terms, ...command } }, policy));

/** The answer that this command was given before; `null` when it is new. */
const known = (state: CouponPolicy, { commandId, fingerprint }: Command): Decision<never, PolicyChanged> | null => {
  const change = state.changes.get(commandId);
  if (!change) return null;
  if (change.fingerprint !== fingerprint) return recall({ kind: 'refused', reason: 'key-reused' });
  return recall({ kind: 'changed', policy: change.policy, replayed: true });
};

const present = (
  state: CouponPolicy,
  decide: (policy: PolicyNow) => Decision<CouponPolicyEvent, PolicyChanged>,
): Decision<CouponPolicyEvent, PolicyChanged> => {
  const policy = policyNow(state);
  return policy && policy.deletedAt === null ? decide(policy) : refuse({ kind: 'refused', reason: 'unknown-policy' });
};

type ChangeEvent = Exclude<CouponPolicyEvent, { type: 'CouponPolicyOpened' | 'CouponIssued' | 'CouponRequestRefused' }>;

const recordChange = (event: ChangeEvent, before: PolicyNow): Decision<CouponPolicyEvent, PolicyChanged> => {
  const { terms, at } = event.data;
  const deletedAt = event.type === 'CouponPolicyDeleted' ? at : null;
  return record([event], { kind: 'changed', policy: { ...before, terms, updatedAt: at, deletedAt }, replayed: false });
};

const wants = (wished: NewTerms, terms: PolicyTerms): boolean =>
  (Object.keys(wished) as (keyof NewTerms)[]).every((term) => wished[term] === terms[term]);
