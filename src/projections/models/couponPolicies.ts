import type { OpenedPolicy } from '../../domain/couponPolicy.ts';
import type { Sql } from '../../platform/postgres.ts';
import { idOf, type Projection } from '../projection.ts';
import { columns } from './rows.ts';

const opening = (table: string, opened: readonly OpenedPolicy[], issued: ReadonlyMap<string, number>): Sql => ({
  name: `${table} opened`,
  text: `insert into ${table} (policy_id, number, generation, name, type, count, issued, discount_type, discount_amount,
                               starts_at, ends_at, expire_minutes, per_user, created_at, updated_at)
    select policy_id, number, generation, name, case when count is null then 'unlimited' else 'limited' end, count, issued,
           discount_type, discount_amount, to_timestamp(starts_at / 1000), to_timestamp(ends_at / 1000), expire_minutes, per_user,
           to_timestamp(at / 1000), to_timestamp(at / 1000)
      from unnest($1::text[], $2::int[], $3::int[], $4::text[], $5::int[], $6::int[], $7::text[], $8::bigint[], $9::float8[],
                  $10::float8[], $11::bigint[], $12::int[], $13::float8[])
        n(policy_id, number, generation, name, count, issued, discount_type, discount_amount, starts_at, ends_at, expire_minutes,
          per_user, at)`,
  values: columns(
    opened,
    (p) => p.policyId,
    (p) => p.number,
    (p) => p.generation,
    (p) => p.terms.name,
    (p) => p.terms.count,
    (p) => issued.get(p.policyId) ?? 0,
    (p) => p.terms.discountType,
    (p) => p.terms.discountAmount,
    (p) => p.terms.startsAt,
    (p) => p.terms.endsAt,
    (p) => p.terms.expireMinutes,
    (p) => p.terms.perUser,
    (p) => p.at,
  ),
});

const issuing = (table: string, issued: ReadonlyMap<string, number>): Sql => ({
  name: `${table} issued`,
  text: `update ${table} t set issued = t.issued + n.issued from unnest($1::text[], $2::int[]) n(policy_id, issued) where t.policy_id = n.policy_id`,
  values: [[...issued.keys()], [...issued.values()]],
});

/** Every policy, its terms and how many were given out (R8, R13). A policy and its issues stand on one stream, in this order. */
export const couponPolicies: Projection = {
  name: 'coupon_policies',
  version: 1,
  handles: { couponPolicy: ['CouponPolicyOpened', 'CouponIssued'] },
  createTable: (table) => [
    `create table ${table} (
       policy_id       text        primary key,
       number          int         not null,
       generation      int         not null,
       name            text        not null,
       type            text        not null check (type in ('limited', 'unlimited')),
       count           int,
       issued          int         not null check (issued >= 0 and (count is null or issued <= count)),
       discount_type   text        not null check (discount_type in ('rate', 'amount')),
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
    const opened: OpenedPolicy[] = [];
    const issued = new Map<string, number>();
    for (const { event, stream } of events) {
      if (event.type === 'CouponPolicyOpened') opened.push(event.data);
      else if (event.type === 'CouponIssued') issued.set(idOf(stream), 1 + (issued.get(idOf(stream)) ?? 0));
    }
    const inserted = opened.length > 0 ? [opening(table, opened, issued)] : [];
    for (const { policyId } of opened) issued.delete(policyId);
    return issued.size > 0 ? [...inserted, issuing(table, issued)] : inserted;
  },
};
