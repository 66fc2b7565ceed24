import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { readsOf } from './crud.ts';
import type { Job } from './job.ts';
import { resetTables } from './schema.ts';

const CHARGE = `
  with account as (
    insert into accounts as a values ($1, $2) on conflict (user_id) do update set balance = a.balance + excluded.balance returning balance
  ), history as (
    insert into balance_history (user_id, amount, balance_after) select $1, $2, balance from account
  )
  select balance from account`;

// Products are locked by id before anything is changed, so that no two orders wait for each other.
const ORDER = `
  with line as (
    select * from unnest($2::text[], $3::bigint[]) as line (product_id, quantity)
  ), priced as (
    select p.product_id, p.price, p.stock, line.quantity
    from products p join line using (product_id) order by p.product_id for update of p
  ), total as (
    select sum(price * quantity)::bigint as amount from priced having count(*) = cardinality($2::text[]) and bool_and(stock >= quantity)
  ), paid as (
    update accounts a set balance = a.balance - total.amount from total
    where a.user_id = $1 and a.balance >= total.amount returning a.balance, total.amount
  ), taken as (
    update products p set stock = p.stock - priced.quantity from priced, paid where p.product_id = priced.product_id
  ), sale as (
    insert into product_sales select product_id, current_date, quantity from priced, paid
    on conflict (product_id, day) do update set quantity = product_sales.quantity + excluded.quantity
  ), head as (
    insert into orders (order_id, user_id, total) select $4::uuid, $1, amount from paid
  ), lines as (
    insert into order_lines select $4::uuid, product_id, quantity, price from priced, paid
  ), history as (
    insert into balance_history (user_id, amount, balance_after) select $1, -amount, balance from paid
  )
  select amount from paid`;

const ISSUE = `
  with policy as (
    update policies set issued = issued + 1 where policy_id = $1 and issued < count returning issued
  )
  insert into coupons (coupon_id, policy_id, user_id, serial) select $2, $1, $3, issued from policy returning serial`;

/** The job with everything that plain SQL can give: one prepared statement a request, one round trip, locks held no longer than it. */
export const tunedJob = (pool: pg.Pool): Job => ({
  ...readsOf(pool),
  init: (world) => resetTables(pool, world),
  charge: async (userId, amount) => {
    const { rows } = await pool.query({ name: 'charge', text: CHARGE, values: [userId, amount] });
    return Number(rows[0].balance);
  },
  order: async (userId, items) => {
    const lines = [items.map(({ productId }) => productId), items.map(({ quantity }) => quantity)];
    const { rows } = await pool.query({ name: 'order', text: ORDER, values: [userId, ...lines, randomUUID()] });
    return rows[0] === undefined ? null : Number(rows[0].amount);
  },
  issue: async (userId, policyId) => {
    const { rows } = await pool.query({ name: 'issue', text: ISSUE, values: [policyId, randomUUID(), userId] });
    return rows[0] === undefined ? null : Number(rows[0].serial);
  },
});
