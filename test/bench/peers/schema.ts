import type pg from 'pg';
import type { World } from './job.ts';

const TABLES = `
  drop table if exists accounts, balance_history, products, product_sales, orders, order_lines, policies, coupons;
  create table accounts (user_id text primary key, balance bigint not null check (balance >= 0));
  create table balance_history (
    id bigint generated always as identity primary key, user_id text not null, amount bigint not null,
    balance_after bigint not null, at timestamptz not null default now());
  create index on balance_history (user_id, id);
  create table products (product_id text primary key, name text not null, price bigint not null, stock bigint not null check (stock >= 0));
  create table product_sales (product_id text, day date, quantity bigint not null, primary key (product_id, day));
  create table orders (order_id uuid primary key, user_id text not null, total bigint not null, at timestamptz not null default now());
  create index on orders (user_id, at);
  create table order_lines (order_id uuid, product_id text, quantity bigint not null, price bigint not null, primary key (order_id, product_id));
  create table policies (policy_id text primary key, count bigint not null, issued bigint not null default 0);
  create table coupons (coupon_id uuid primary key, policy_id text not null, user_id text not null, serial bigint not null, issued_at timestamptz not null default now());
  create index on coupons (user_id);
`;

/** New tables, with the world's products and policy in them. */
export const resetTables = async (pool: pg.Pool, { products, policyId, couponCount }: World): Promise<void> => {
  await pool.query(TABLES);
  for (const { id, name, price, stock } of products)
    await pool.query('insert into products values ($1, $2, $3, $4)', [id, name, price, stock]);
  await pool.query('insert into policies values ($1, $2)', [policyId, couponCount]);
};
