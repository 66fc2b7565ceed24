import type { DomainEvent } from '../../domain/events.ts';
import type { Projection } from '../projection.ts';
import type { CouponHistoryRow } from './couponHistory.rows.ts';
import { columns, numberedBy } from './rows.ts';

type Entry = Readonly<{
  couponId: string;
  change: CouponHistoryRow['change'];
  productId: string | null;
  orderId: string | null;
  at: number;
}>;

const OF_ORDERS = { OrderSubmitted: 'held', OrderPlaced: 'used', OrderRejected: 'released' } as const;
const OF_COMMANDS = { CouponUsed: 'used', CouponUseCancelled: 'use-cancelled', CouponDeleted: 'deleted' } as const;

const entryOf = ({ type, data }: DomainEvent): Entry | null => {
  switch (type) {
    case 'OrderSubmitted':
    case 'OrderPlaced':
    case 'OrderRejected': {
      const { couponId, orderId, at } = data;
      return couponId === null ? null : { couponId, change: OF_ORDERS[type], productId: null, orderId, at };
    }
    case 'CouponUsed':
      return { couponId: data.couponId, change: OF_COMMANDS[type], productId: data.productId, orderId: null, at: data.at };
    case 'CouponUseCancelled':
    case 'CouponDeleted':
      return { couponId: data.couponId, change: OF_COMMANDS[type], productId: null, orderId: null, at: data.at };
    default:
      return null;
  }
};

/**
 * What became of each coupon: hold, release, use, cancelled use, deletion (R26). All of it is decided on one stream, the
 * owner's, so log order is its order. The issue is not repeated here: that would double what a flash sale writes.
 */
export const couponHistory: Projection = {
  name: 'coupon_history',
  version: 1,
  handles: { account: ['OrderSubmitted', 'OrderPlaced', 'OrderRejected', 'CouponUsed', 'CouponUseCancelled', 'CouponDeleted'] },
  createTable: (table) => [
    `create table ${table} (
       coupon_id  text        not null,
       seq        int         not null check (seq > 1),
       change     text        not null,
       product_id text,
       order_id   text,
       at         timestamptz not null,
       primary key (coupon_id, seq)
     )`,
  ],
  toSql: (table, events) => {
    const entries = events.map(({ event }) => entryOf(event)).filter((entry) => entry !== null);
    if (entries.length === 0) return [];
    const nth = numberedBy(entries, ({ couponId }) => couponId);
    const text = `insert into ${table} (coupon_id, seq, change, product_id, order_id, at)
      select coupon_id, nth + coalesce((select max(seq) from ${table} t where t.coupon_id = n.coupon_id), 1), change, product_id, order_id,
             to_timestamp(at / 1000)
        from unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::float8[]) n(coupon_id, nth, change, product_id, order_id, at)`;
    const values = columns(
      entries,
      (e) => e.couponId,
      (e) => nth.get(e),
      (e) => e.change,
      (e) => e.productId,
      (e) => e.orderId,
      (e) => e.at,
    );
    return [{ name: table, text, values }];
  },
};
