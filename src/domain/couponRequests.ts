import { type CouponPolicy, type CouponPolicyEvent, type IssuedCoupon, issueCoupon, type RefusedRequest } from './couponPolicy.ts';
import type { CommandId, UserId } from './ids.ts';
import { type Decision, recall, record } from './kernel.ts';

/**
 * A request for a coupon that came by the queue. `commandId` stands for the policy and the transaction id, so every delivery of it
 * is the same command; `requestedAt` is when the queue took it, and the time its window is judged by, however late it is delivered.
 */
export type CouponRequest = Readonly<{
  transactionId: string;
  userId: UserId;
  commandId: CommandId;
  requestedAt: number;
  decidedAt: number;
}>;

export type RequestDecided =
  | Readonly<{ kind: 'issued'; coupon: IssuedCoupon; replayed: boolean }>
  | Readonly<{ kind: 'refused'; reason: RefusedRequest['reason']; replayed: boolean }>
  /** The transaction id belongs to another user's request, whose outcome stands. */
  | Readonly<{ kind: 'transaction-id-reused' }>;

/** The one outcome of a request, recorded also when it is a refusal (R48). The rules are those of any other issue. */
export const decideRequest =
  ({ transactionId, userId, commandId, requestedAt, decidedAt }: CouponRequest) =>
  (policy: CouponPolicy): Decision<CouponPolicyEvent, RequestDecided> => {
    const known = policy.byCommand.get(commandId) ?? policy.refusedRequests.get(commandId);
    if (known && known.userId !== userId) return recall({ kind: 'transaction-id-reused' });
    const refused = policy.refusedRequests.get(commandId);
    if (refused) return recall({ kind: 'refused', reason: refused.reason, replayed: true });
    const issue = { userId, commandId, at: requestedAt, queued: { transactionId, decidedAt } };
    const { outcome, ...decision } = issueCoupon(issue)(policy);
    if (outcome.kind === 'issued') return { ...decision, outcome };
    const { reason } = outcome;
    return record([{ type: 'CouponRequestRefused', data: { transactionId, userId, commandId, reason, requestedAt, decidedAt } }], {
      kind: 'refused',
      reason,
      replayed: false,
    });
  };
