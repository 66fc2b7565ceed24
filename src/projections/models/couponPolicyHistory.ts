import type { PolicyTerms } from '../../domain/couponPolicy.ts';
import { idOf, type Projection, type Stored } from '../projection.ts';
import type { CouponPolicyHistoryRow } from './couponPolicyHistory.rows.ts';
import { columns, numberedBy } from './rows.ts';

type Entry = Readonly<{ policyId: string; change: CouponPolicyHistoryRow['change']; terms: PolicyTerms; at: number }>;

const CHANGES = {
  CouponPolicyOpened: 'created',
  CouponPolicyChanged: 'changed',
  CouponCountAdded: 'count-added',
  CouponPolicyDeleted: 'deleted',
} as const;

const entryOf = ({ event, stream }: Stored): Entry | null => {
  switch (event.type) {
    case 'CouponPolicyOpened':
    case 'CouponPolicyChanged':
    case 'CouponCountAdded':
    case 'CouponPolicyDeleted':
      return { policyId: idOf(stream), change: CHANGES[event.type], terms: event.data.terms, at: event.data.at };
    default:
      return null;
  }
};

/** Creation, changes, added counts and deletion of each policy, with all terms after it (R11). */
export const couponPolicyHistory: Projection = {
  name: 'coupon_policy_history',
  version: 1,
  handles: { couponPolicy: ['CouponPolicyOpened', 'CouponPolicyChanged', 'CouponCountAdded', 'CouponPolicyDeleted'] },
  createTable: (table) => [
    `create table ${table} (
       policy_id       text        not null,
       seq             int         not null check (seq > 0),
       change          text        not null,
       name            text        not null,
       count           int,
       discount_type   text        not null,
       discount_amount bigint      not null,
       starts_at       timestamptz not null,
       ends_at         timestamptz not null,
       expire_minutes  bigint      not null,
       per_user        int,
       at              timestamptz not null,
       primary key (policy_id, seq)
     )`,
  ],
  toSql: (table, events) => {
    const entries = events.map(entryOf).filter((entry) => entry !== null);
    if (entries.length === 0) return [];
    const nth = numberedBy(entries, ({ policyId }) => policyId);
    const text = `insert into ${table} (policy_id, seq, change, name, count, discount_type, discount_amount, starts_at, ends_at,
                                        expire_minutes, per_user, at)
      select policy_id, nth + coalesce((select max(seq) from ${table} t where t.policy_id = n.policy_id), 0), change, name, count,
             discount_type, discount_amount, to_timestamp(starts_at / 1000), to_timestamp(ends_at / 1000), expire_minutes, per_user,
             to_timestamp(at / 1000)
        from unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::int[], $6::text[], $7::bigint[], $8::float8[], $9::float8[],
                    $10::bigint[], $11::int[], $12::float8[])
          n(policy_id, nth, change, name, count, discount_type, discount_amount, starts_at, ends_at, expire_minutes, per_user, at)`;
    const values = columns(
      entries,
      (e) => e.policyId,
      (e) => nth.get(e),
      (e) => e.change,
      (e) => e.terms.name,
      (e) => e.terms.count,
      (e) => e.terms.discountType,
      (e) => e.terms.discountAmount,
      (e) => e.terms.startsAt,
      (e) => e.terms.endsAt,
      (e) => e.terms.expireMinutes,
      (e) => e.terms.perUser,
      (e) => e.at,
    );
    return [{ name: table, text, values }];
  },
};
