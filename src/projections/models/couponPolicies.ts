import type { OpenedPolicy, PolicyTerms } from '../../domain/couponPolicy.ts';
import type { Sql } from '../../platform/postgres.ts';
import { idOf, type Projection, type Stored } from '../projection.ts';
import { columns, entryOf } from './rows.ts';

/** What a batch says of a policy: its opening, its newest terms, and how many it gave out. */
type Change = {
  policyId: string;
  opened: OpenedPolicy | null;
  terms: PolicyTerms | null;
  changedAt: number | null;
  deletedAt: number | null;
  issued: number;
};

const changesOf = (events: readonly Stored[]): Map<string, Change> => {
  const changes = new Map<string, Change>();
  const of = (policyId: string) =>
    entryOf(changes, policyId, () => ({ policyId, opened: null, terms: null, changedAt: null, deletedAt: null, issued: 0 }));
  for (const { event, stream } of events) {
    switch (event.type) {
      case 'CouponIssued':
        of(idOf(stream)).issued += 1;
        break;
      case 'CouponPolicyOpened':
        of(idOf(stream)).opened = event.data;
        break;
      case 'CouponPolicyChanged':
      case 'CouponCountAdded':
      case 'CouponPolicyDeleted': {
        const { terms, at } = event.data;
        Object.assign(of(idOf(stream)), { terms, changedAt: at }, event.type === 'CouponPolicyDeleted' ? { deletedAt: at } : {});
        break;
      }
    }
  }
  return changes;
};

const termsOf = ({ terms, opened }: Change): PolicyTerms | undefined => terms ?? opened?.terms;

const columnsOf = (changes: readonly Change[]): readonly unknown[][] =>
  columns(
    changes,
    (c) => c.policyId,
    (c) => c.issued,
    (c) => termsOf(c)?.name,
    (c) => termsOf(c)?.count,
    (c) => termsOf(c)?.discountType,
    (c) => termsOf(c)?.discountAmount,
    (c) => termsOf(c)?.startsAt,
    (c) => termsOf(c)?.endsAt,
    (c) => termsOf(c)?.expireMinutes,
    (c) => c.changedAt ?? c.opened?.at,
    (c) => c.deletedAt,
  );
const COLUMNS =
  'policy_id, issued, name, count, discount_type, discount_amount, starts_at, ends_at, expire_minutes, updated_at, deleted_at';
const ARRAYS =
  '$1::text[], $2::int[], $3::text[], $4::int[], $5::text[], $6::bigint[], $7::float8[], $8::float8[], $9::bigint[], $10::float8[], $11::float8[]';

const opening = (table: string, changes: readonly Change[]): Sql => ({
  name: `${table} opened`,
  text: `insert into ${table} (${COLUMNS}, type, number, generation, per_user, created_at)
    select policy_id, issued, name, count, discount_type, discount_amount, to_timestamp(starts_at / 1000), to_timestamp(ends_at / 1000),
           expire_minutes, to_timestamp(updated_at / 1000), to_timestamp(deleted_at / 1000),
           case when count is null then 'unlimited' else 'limited' end, number, generation, per_user, to_timestamp(created_at / 1000)
      from unnest(${ARRAYS}, $12::int[], $13::int[], $14::int[], $15::float8[])
        n(${COLUMNS}, number, generation, per_user, created_at)`,
  values: [
    ...columnsOf(changes),
    ...columns(
      changes,
      (c) => c.opened?.number,
      (c) => c.opened?.generation,
      (c) => c.opened?.terms.perUser,
      (c) => c.opened?.at,
    ),
  ],
});

/** Terms and count in one step: a batch may raise the count and issue beyond what it was before. */
const changing = (table: string, changes: readonly Change[]): Sql => ({
  name: `${table} changed`,
  text: `update ${table} t
     set issued = t.issued + n.issued, name = coalesce(n.name, t.name), count = coalesce(n.count, t.count),
         discount_type = coalesce(n.discount_type, t.discount_type), discount_amount = coalesce(n.discount_amount, t.discount_amount),
         starts_at = coalesce(to_timestamp(n.starts_at / 1000), t.starts_at), ends_at = coalesce(to_timestamp(n.ends_at / 1000), t.ends_at),
         expire_minutes = coalesce(n.expire_minutes, t.expire_minutes),
         updated_at = coalesce(to_timestamp(n.updated_at / 1000), t.updated_at),
         deleted_at = coalesce(to_timestamp(n.deleted_at / 1000), t.deleted_at)
    from unnest(${ARRAYS}) n(${COLUMNS})
   where t.policy_id = n.policy_id`,
  values: columnsOf(changes),
});

/** Every policy, its terms of now and how many were given out (R8, R13). All of a policy stands on one stream, its opening first. */
export const couponPolicies: Projection = {
  name: 'coupon_policies',
  version: 1,
  handles: { couponPolicy: ['CouponPolicyOpened', 'CouponIssued', 'CouponPolicyChanged', 'CouponCountAdded', 'CouponPolicyDeleted'] },
  createTable: (table) => [
    `create table ${table} (
       policy_id       text        primary key,
       number          int         not null,
       generation      int         not null,
       name            text        not null,
       type            text        not null,
       count           int,
       issued          int         not null check (issued >= 0 and (count is null or issued <= count)),
       discount_type   text        not null,
       discount_amount bigint      not null,
       starts_at       timestamptz not null,
       ends_at         timestamptz not null,
       expire_minutes  bigint      not null,
       per_user        int,
       created_at      timestamptz not null,
       updated_at      timestamptz not null,
       deleted_at      timestamptz,
       unique (generation, number)
     ) with (fillfactor = 50)`,
  ],
  toSql: (table, events) => {
    const changes = [...changesOf(events).values()];
    const opened = changes.filter((change) => change.opened !== null);
    const known = changes.filter((change) => change.opened === null);
    return [...(opened.length > 0 ? [opening(table, opened)] : []), ...(known.length > 0 ? [changing(table, known)] : [])];
  },
};
