import { numberOfPolicy } from '../../domain/shop.ts';
import { idOf, type Projection, type Stored } from '../projection.ts';
import type { CouponRequestRow } from './couponRequests.rows.ts';
import { columns } from './rows.ts';

type Outcome = Readonly<{
  transactionId: string;
  policyId: string;
  userId: string;
  status: CouponRequestRow['status'];
  reason: string | null;
  couponId: string | null;
  decidedAt: number;
  position: bigint;
}>;

const outcomeOf = ({ event, stream, position }: Stored): Outcome | null => {
  if (event.type === 'CouponIssued' && event.data.queued) {
    const { userId, couponId, queued } = event.data;
    return { ...queued, policyId: idOf(stream), userId, status: 'issued', reason: null, couponId, position };
  }
  if (event.type === 'CouponRequestRefused') {
    const { transactionId, userId, reason, decidedAt } = event.data;
    return { transactionId, policyId: idOf(stream), userId, status: 'refused', reason, couponId: null, decidedAt, position };
  }
  return null;
};

/** What became of each request that came by the queue, found by the id its client gave it (R48). */
export const couponRequests: Projection = {
  name: 'coupon_requests',
  version: 1,
  handles: { couponPolicy: ['CouponIssued', 'CouponRequestRefused'] },
  createTable: (table) => [
    `create table ${table} (
       transaction_id text        not null,
       policy_id      text        not null,
       policy_number  int,
       user_id        text        not null,
       status         text        not null check (status in ('issued', 'refused')),
       reason         text        check ((reason is null) = (status = 'issued')),
       coupon_id      text        check ((coupon_id is null) = (status = 'refused')),
       decided_at     timestamptz not null,
       position       bigint      not null,
       primary key (transaction_id, policy_id)
     )`,
  ],
  toSql: (table, events) => {
    const outcomes = events.map(outcomeOf).filter((outcome) => outcome !== null);
    if (outcomes.length === 0) return [];
    const text = `insert into ${table} (transaction_id, policy_id, policy_number, user_id, status, reason, coupon_id, decided_at, position)
      select transaction_id, policy_id, policy_number, user_id, status, reason, coupon_id, to_timestamp(decided_at / 1000), position
        from unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::float8[], $9::bigint[])
          n(transaction_id, policy_id, policy_number, user_id, status, reason, coupon_id, decided_at, position)`;
    const values = columns(
      outcomes,
      (o) => o.transactionId,
      (o) => o.policyId,
      (o) => numberOfPolicy(o.policyId),
      (o) => o.userId,
      (o) => o.status,
      (o) => o.reason,
      (o) => o.couponId,
      (o) => o.decidedAt,
      (o) => o.position,
    );
    return [{ name: table, text, values }];
  },
};
