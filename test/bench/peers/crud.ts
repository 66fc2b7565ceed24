import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Item, Job, Product } from './job.ts';
import { resetTables } from './schema.ts';

const inTransaction = async <T>(pool: pg.Pool, work: (client: pg.ClientBase) => Promise<T>): Promise<T> => {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
};

const charge = async (client: pg.ClientBase, userId: string, amount: number): Promise<number> => {
  await client.query('insert into accounts values ($1, 0) on conflict do nothing', [userId]);
  const { rows } = await client.query('select balance from accounts where user_id = $1 for update', [userId]);
  const balance = Number(rows[0].balance) + amount;
  await client.query('update accounts set balance = $2 where user_id = $1', [userId, balance]);
  await client.query('insert into balance_history (user_id, amount, balance_after) values ($1, $2, $3)', [userId, amount, balance]);
  return balance;
};

/** Locks in one order everywhere, account first and products by id, so that orders wait for one another and never die of it. */
const order = async (client: pg.ClientBase, userId: string, items: readonly Item[]): Promise<number | null> => {
  const account = await client.query('select balance from accounts where user_id = $1 for update', [userId]);
  const ids = items.map(({ productId }) => productId);
  const { rows } = await client.query('select * from products where product_id = any($1) order by product_id for update', [ids]);
  const products = new Map(rows.map((row) => [row.product_id, row]));
  let total = 0;
  for (const { productId, quantity } of items) {
    const product = products.get(productId);
    if (product === undefined || Number(product.stock) < quantity) return null;
    total += Number(product.price) * quantity;
  }
  const balance = Number(account.rows[0]?.balance ?? 0) - total;
  if (balance < 0) return null;
  const orderId = randomUUID();
  await client.query('insert into orders (order_id, user_id, total) values ($1, $2, $3)', [orderId, userId, total]);
  for (const { productId, quantity } of items) {
    await client.query('update products set stock = stock - $2 where product_id = $1', [productId, quantity]);
    await client.query('insert into order_lines values ($1, $2, $3, $4)', [orderId, productId, quantity, products.get(productId)?.price]);
    await client.query(
      `insert into product_sales values ($1, current_date, $2)
       on conflict (product_id, day) do update set quantity = product_sales.quantity + excluded.quantity`,
      [productId, quantity],
    );
  }
  await client.query('update accounts set balance = $2 where user_id = $1', [userId, balance]);
  await client.query('insert into balance_history (user_id, amount, balance_after) values ($1, $2, $3)', [userId, -total, balance]);
  return total;
};

const issue = async (client: pg.ClientBase, userId: string, policyId: string): Promise<number | null> => {
  const { rows } = await client.query('select count, issued from policies where policy_id = $1 for update', [policyId]);
  const serial = Number(rows[0].issued) + 1;
  if (serial > Number(rows[0].count)) return null;
  await client.query('update policies set issued = $2 where policy_id = $1', [policyId, serial]);
  const values = [randomUUID(), policyId, userId, serial];
  await client.query('insert into coupons (coupon_id, policy_id, user_id, serial) values ($1, $2, $3, $4)', values);
  return serial;
};

type ProductRow = Readonly<Record<'product_id' | 'name' | 'price' | 'stock', string>>;
const productOf = (row: ProductRow): Product => ({
  id: row.product_id,
  name: row.name,
  price: Number(row.price),
  stock: Number(row.stock),
});

/** The reads of a shop, in plain statements. */
export const readsOf = (pool: pg.Pool): Pick<Job, 'balance' | 'products' | 'product' | 'top'> => ({
  balance: async (userId) => {
    const { rows } = await pool.query('select balance from accounts where user_id = $1', [userId]);
    return Number(rows[0]?.balance ?? 0);
  },
  products: async () => (await pool.query('select * from products order by product_id limit 100')).rows.map(productOf),
  product: async (productId) => {
    const { rows } = await pool.query('select * from products where product_id = $1', [productId]);
    return rows[0] === undefined ? null : productOf(rows[0]);
  },
  top: async () => {
    const { rows } = await pool.query(
      `select p.*, sum(s.quantity) as sold from product_sales s join products p using (product_id)
       where s.day > current_date - 3 group by p.product_id order by sold desc limit 5`,
    );
    return rows.map((row) => ({ ...productOf(row), soldQty: Number(row.sold) }));
  },
});

/** The job as it is mostly written: one transaction a request, rows locked as they are read. */
export const crudJob = (pool: pg.Pool): Job => ({
  ...readsOf(pool),
  init: (world) => resetTables(pool, world),
  charge: (userId, amount) => inTransaction(pool, (client) => charge(client, userId, amount)),
  order: (userId, items) => inTransaction(pool, (client) => order(client, userId, items)),
  issue: (userId, policyId) => inTransaction(pool, (client) => issue(client, userId, policyId)),
});
