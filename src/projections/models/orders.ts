import type { accountEvents } from '../../domain/account.ts';
import type { EventOf, Parsed } from '../../domain/shape.ts';
import type { Sql } from '../../platform/postgres.ts';
import { idOf, type Projection } from '../projection.ts';
import type { OrderItem } from './orders.rows.ts';
import { columns } from './rows.ts';

type Submitted = Parsed<(typeof accountEvents)['OrderSubmitted']>;
type Settled = Extract<EventOf<typeof accountEvents>, { type: 'OrderPlaced' | 'OrderRejected' }>;
type Outcome = Readonly<{ orderId: string; status: 'placed' | 'rejected'; reason: string | null; at: number }>;
type NewOrder = Readonly<{ order: Submitted; userId: string; position: bigint }>;

const outcomeOf = (settled: Settled): Outcome => {
  const { orderId, at } = settled.data;
  return settled.type === 'OrderPlaced'
    ? { orderId, status: 'placed', reason: null, at }
    : { orderId, status: 'rejected', reason: settled.data.reason, at };
};

const itemsOf = ({ lines }: Submitted): string =>
  JSON.stringify(lines.map((line): OrderItem => ({ ...line, subtotal: line.unitPrice * line.quantity })));

const insertOf = (table: string, orders: readonly NewOrder[], outcomes: ReadonlyMap<string, Outcome>): Sql => {
  const outcome = ({ order }: NewOrder) => outcomes.get(order.orderId);
  return {
    name: `${table} submitted`,
    text: `insert into ${table} (order_id, user_id, status, reason, items, subtotal, discount, total_amount, coupon_id,
                                 ordered_at, settled_at, position)
      select order_id, user_id, status, reason, items, subtotal, discount, total_amount, coupon_id,
             to_timestamp(ordered_at / 1000), to_timestamp(settled_at / 1000), position
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::bigint[], $7::bigint[], $8::bigint[], $9::text[],
                    $10::float8[], $11::float8[], $12::bigint[])
          n(order_id, user_id, status, reason, items, subtotal, discount, total_amount, coupon_id, ordered_at, settled_at, position)`,
    values: columns(
      orders,
      (o) => o.order.orderId,
      (o) => o.userId,
      (o) => outcome(o)?.status ?? 'open',
      (o) => outcome(o)?.reason,
      (o) => itemsOf(o.order),
      (o) => o.order.subtotal,
      (o) => o.order.discount,
      (o) => o.order.totalAmount,
      (o) => o.order.couponId,
      (o) => o.order.at,
      (o) => outcome(o)?.at,
      (o) => o.position,
    ),
  };
};

const settlementOf = (table: string, outcomes: readonly Outcome[]): Sql => ({
  name: `${table} settled`,
  text: `update ${table} t set status = n.status, reason = n.reason, settled_at = to_timestamp(n.at / 1000)
    from unnest($1::text[], $2::text[], $3::text[], $4::float8[]) n(order_id, status, reason, at)
   where t.order_id = n.order_id`,
  values: columns(
    outcomes,
    (o) => o.orderId,
    (o) => o.status,
    (o) => o.reason,
    (o) => o.at,
  ),
});

/** Every order that took its holds, and how it ended (R40, R41). An order and its outcome stand on one stream, in this order. */
export const orders: Projection = {
  name: 'orders',
  version: 1,
  handles: { account: ['OrderSubmitted', 'OrderPlaced', 'OrderRejected'] },
  createTable: (table) => [
    `create table ${table} (
       order_id     text        primary key,
       user_id      text        not null,
       status       text        not null,
       reason       text,
       items        jsonb       not null,
       subtotal     bigint      not null check (subtotal >= 0),
       discount     bigint      not null check (discount >= 0),
       total_amount bigint      not null check (total_amount = subtotal - discount),
       coupon_id    text,
       ordered_at   timestamptz not null,
       settled_at   timestamptz,
       position     bigint      not null
     )`,
    `create index on ${table} (user_id, position desc)`,
    `create index on ${table} (ordered_at) where status = 'open'`,
  ],
  furtherViews: { open_orders: "select order_id, user_id, ordered_at from orders where status = 'open'" },
  toSql: (table, events) => {
    const submitted: NewOrder[] = [];
    const outcomes = new Map<string, Outcome>();
    for (const { event, stream, position } of events) {
      if (event.type === 'OrderSubmitted') submitted.push({ order: event.data, userId: idOf(stream), position });
      else if (event.type === 'OrderPlaced' || event.type === 'OrderRejected') outcomes.set(event.data.orderId, outcomeOf(event));
    }
    const inserted = submitted.length > 0 ? [insertOf(table, submitted, outcomes)] : [];
    for (const { order } of submitted) outcomes.delete(order.orderId);
    return outcomes.size > 0 ? [...inserted, settlementOf(table, [...outcomes.values()])] : inserted;
  },
};
