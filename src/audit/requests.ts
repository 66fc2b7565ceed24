import type { DataOf, Entry, Policy, Request } from './books.ts';

/** A request that came by the queue has one outcome, issued or refused, whatever was delivered how often. */
const note = (entry: Entry, request: Omit<Request, 'policyId' | 'position'>): void => {
  const { books, id: policyId, place } = entry;
  const key = `${request.transactionId} ${policyId}`;
  if (books.requests.has(key)) entry.breaks('I4', `request ${request.transactionId}`, 'decided once', `${request.status} again`);
  else books.requests.set(key, { ...request, policyId, position: place.position });
};

/** Of a coupon that was asked for by the queue. */
export const noteIssued = (entry: Entry, { queued, userId, couponId }: DataOf<'CouponIssued'>): void => {
  if (queued) note(entry, { ...queued, userId, couponId, status: 'issued', reason: null });
};

export const refuseRequest = (entry: Entry, refused: DataOf<'CouponRequestRefused'>): void => {
  const { transactionId, userId, commandId, reason, decidedAt, requestedAt } = refused;
  entry.once('I4', 'issue', commandId);
  note(entry, { transactionId, userId, status: 'refused', reason, couponId: null, decidedAt });
  entry.same('I9', `refusal of ${transactionId}`, dueReason(entry.books.policies.get(entry.id), userId, requestedAt), reason);
};

/** What stands against a coupon for this user, by the order of the checks (R12); `null` when nothing does. */
const dueReason = (policy: Policy | undefined, userId: string, at: number): string | null => {
  if (!policy || policy.deletedAt !== null) return 'unknown-policy';
  const { startsAt, endsAt, count, perUser } = policy.terms;
  if (at < startsAt || at > endsAt) return 'not-open';
  if (count !== null && policy.issued >= count) return 'sold-out';
  return perUser !== null && (policy.byUser.get(userId) ?? 0) >= perUser ? 'already-issued' : null;
};
