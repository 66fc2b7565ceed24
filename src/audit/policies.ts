import type { PolicyTerms } from '../domain/couponPolicy.ts';
import type { DataOf, Entry, Policy, PolicyChange } from './books.ts';

type Change = Readonly<{ terms: PolicyTerms; at: number }>;

const note = (entry: Entry, policy: Policy, change: PolicyChange['change'], { terms, at }: Change): void => {
  const policyId = entry.id;
  policy.changes += 1;
  entry.books.policyChanges.set(`${policyId} ${policy.changes}`, { policyId, seq: policy.changes, change, terms, at });
};

export const openPolicy = (entry: Entry, opened: DataOf<'CouponPolicyOpened'>): void => {
  entry.same('I4', 'policyId', entry.id, opened.policyId);
  if (entry.books.policies.has(entry.id)) {
    entry.breaks('I4', 'policy', 'opened once', 'opened again');
    return;
  }
  const { terms, at: updatedAt } = opened;
  const policy: Policy = { opened, terms, updatedAt, deletedAt: null, changes: 0, issued: 0, lastSerial: 0, byUser: new Map() };
  entry.books.policies.set(entry.id, policy);
  note(entry, policy, 'created', opened);
};

/** The policy, with its new terms; it was opened before and is not deleted. Limited stays limited, and perUser as it is (R2). */
const changed = (
  entry: Entry,
  data: DataOf<'CouponPolicyChanged'>,
  change: PolicyChange['change'],
  countAfter: (before: number | null) => number | null,
): void => {
  entry.once('I4', 'change', data.commandId);
  const policy = entry.books.policies.get(entry.id);
  if (!policy) {
    entry.breaks('I4', `policy ${change}`, 'opened before', 'never opened');
    return;
  }
  if (policy.deletedAt !== null) entry.breaks('I4', `policy ${change}`, 'not deleted', `deleted at ${policy.deletedAt}`);
  const { terms, at } = data;
  entry.same('I5', 'count', countAfter(policy.terms.count), terms.count);
  entry.same('I6', 'perUser', policy.terms.perUser, terms.perUser);
  note(entry, policy, change, data);
  Object.assign(policy, { terms, updatedAt: at, deletedAt: change === 'deleted' ? at : null });
};

const same = (count: number | null): number | null => count;

export const changePolicy = (entry: Entry, data: DataOf<'CouponPolicyChanged'>): void => changed(entry, data, 'changed', same);
export const deletePolicy = (entry: Entry, data: DataOf<'CouponPolicyDeleted'>): void => changed(entry, data, 'deleted', same);

/** Quantity only grows, and additions stack (R3). */
export const addCount = (entry: Entry, data: DataOf<'CouponCountAdded'>): void => {
  if (data.added < 1) entry.breaks('I5', 'added', '1 or more', data.added);
  changed(entry, data, 'count-added', (count) => (count === null ? null : count + data.added));
};
