import type { IssuedCoupon } from '../../domain/couponPolicy.ts';
import type { DomainEvent } from '../../domain/events.ts';
import { idOf, type Projection, type Stored } from '../projection.ts';
import { columns, entryOf } from './rows.ts';

/** What a coupon is used for; a deletion leaves that as it was. */
type Use = Readonly<{
  status: 'available' | 'held' | 'used';
  orderId: string | null;
  productId: string | null;
  usedAt: number | null;
}>;
type Issue = Readonly<{ coupon: IssuedCoupon; policyId: string; nth: number }>;
type Change = { couponId: string; issue: Issue | null; use: Use | null; deletedAt: number | null };

const FREE: Use = { status: 'available', orderId: null, productId: null, usedAt: null };

/** What an event makes of the coupon it names; `null` for events that name none. */
const useIn = (event: DomainEvent): Readonly<{ couponId: string; use: Use }> | null => {
  switch (event.type) {
    case 'OrderSubmitted':
    case 'OrderPlaced':
    case 'OrderRejected': {
      const { couponId, orderId, at } = event.data;
      if (couponId === null) return null;
      if (event.type === 'OrderRejected') return { couponId, use: FREE };
      const used = event.type === 'OrderPlaced';
      return { couponId, use: { ...FREE, status: used ? 'used' : 'held', orderId, usedAt: used ? at : null } };
    }
    case 'CouponUsed': {
      const { couponId, productId, at } = event.data;
      return { couponId, use: { ...FREE, status: 'used', productId, usedAt: at } };
    }
    case 'CouponUseCancelled':
      return { couponId: event.data.couponId, use: FREE };
    default:
      return null;
  }
};

const changesOf = (events: readonly Stored[]): Map<string, Change> => {
  const changes = new Map<string, Change>();
  const of = (couponId: string) => entryOf(changes, couponId, () => ({ couponId, issue: null, use: null, deletedAt: null }));
  let nth = 0;
  for (const { event, stream } of events) {
    if (event.type === 'CouponIssued') {
      nth += 1;
      of(event.data.couponId).issue = { coupon: event.data, policyId: idOf(stream), nth };
    } else if (event.type === 'CouponDeleted') of(event.data.couponId).deletedAt = event.data.at;
    else {
      const used = useIn(event);
      if (used) of(used.couponId).use = used.use;
    }
  }
  return changes;
};

const upsert = (table: string): string => `
  insert into ${table} (coupon_id, number, policy_id, serial, user_id, discount_type, discount_amount, issued_at, expires_at,
                        status, order_id, used_at, product_id, deleted_at)
  select n.coupon_id,
         coalesce(t.number, n.nth + (select coalesce(max(number), 0) from ${table})),
         coalesce(t.policy_id, n.policy_id), coalesce(t.serial, n.serial), coalesce(t.user_id, n.user_id),
         coalesce(t.discount_type, n.discount_type), coalesce(t.discount_amount, n.discount_amount),
         coalesce(t.issued_at, to_timestamp(n.issued_at / 1000)), coalesce(t.expires_at, to_timestamp(n.expires_at / 1000)),
         case when n.deleted_at is null then coalesce(n.status, t.status, 'available') else 'deleted' end,
         case when n.status is null then t.order_id else n.order_id end,
         case when n.status is null then t.used_at else to_timestamp(n.used_at / 1000) end,
         case when n.status is null then t.product_id else n.product_id end,
         coalesce(to_timestamp(n.deleted_at / 1000), t.deleted_at)
    from unnest($1::text[], $2::bigint[], $3::text[], $4::int[], $5::text[], $6::text[], $7::bigint[], $8::float8[], $9::float8[],
                $10::text[], $11::text[], $12::float8[], $13::text[], $14::float8[])
      n(coupon_id, nth, policy_id, serial, user_id, discount_type, discount_amount, issued_at, expires_at, status, order_id, used_at,
        product_id, deleted_at)
    left join ${table} t using (coupon_id)
  on conflict (coupon_id) do update
     set number = excluded.number, policy_id = excluded.policy_id, serial = excluded.serial, user_id = excluded.user_id,
         discount_type = excluded.discount_type, discount_amount = excluded.discount_amount,
         issued_at = excluded.issued_at, expires_at = excluded.expires_at,
         status = excluded.status, order_id = excluded.order_id, used_at = excluded.used_at,
         product_id = excluded.product_id, deleted_at = excluded.deleted_at`;

/**
 * Every issued coupon and what became of it (R16, R24). `number` counts the issues in log order: a sequence of the
 * database would leave gaps where a batch was rolled back. A coupon is issued on one stream and used on another; a row
 * whose issue has not been seen yet has no number and is not shown.
 */
export const coupons: Projection = {
  name: 'coupons',
  version: 1,
  handles: {
    couponPolicy: ['CouponIssued'],
    account: ['OrderSubmitted', 'OrderPlaced', 'OrderRejected', 'CouponUsed', 'CouponUseCancelled', 'CouponDeleted'],
  },
  createTable: (table) => [
    `create table ${table} (
       coupon_id       text primary key,
       number          bigint unique,
       policy_id       text,
       serial          int,
       user_id         text,
       status          text not null,
       discount_type   text,
       discount_amount bigint,
       issued_at       timestamptz,
       expires_at      timestamptz,
       used_at         timestamptz,
       product_id      text,
       order_id        text,
       deleted_at      timestamptz,
       unique (policy_id, serial)
     ) with (fillfactor = 80)`,
    `create index on ${table} (user_id, status, number desc)`,
  ],
  viewOf: (table) => `select * from ${table} where number is not null`,
  toSql: (table, events) => {
    const changes = changesOf(events);
    if (changes.size === 0) return [];
    const values = columns(
      changes.values(),
      (c) => c.couponId,
      (c) => c.issue?.nth,
      (c) => c.issue?.policyId,
      (c) => c.issue?.coupon.serial,
      (c) => c.issue?.coupon.userId,
      (c) => c.issue?.coupon.discountType,
      (c) => c.issue?.coupon.discountAmount,
      (c) => c.issue?.coupon.issuedAt,
      (c) => c.issue?.coupon.expiresAt,
      (c) => c.use?.status,
      (c) => c.use?.orderId,
      (c) => c.use?.usedAt,
      (c) => c.use?.productId,
      (c) => c.deletedAt,
    );
    return [{ name: table, text: upsert(table), values }];
  },
};
