import { afterEach, expect, it } from '@jest/globals';
import { parseConfig } from '../../src/platform/config.ts';
import { createApp, listen } from '../../src/platform/http.ts';
import { openDatabase } from '../../src/platform/postgres.ts';
import { startQueryApi } from '../../src/read-api/main.ts';
import { createQuerySide } from '../../src/read-api/module.ts';
import { World } from '../projections/world.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { silentLog } from '../support/silentLog.ts';

const PATHS = [
  '/users/id?name=ann',
  '/users/ann/balance',
  '/users/ann/balance/history',
  '/users/ann/coupons',
  '/users/ann/orders',
  '/orders/o1',
  '/products',
  '/products/p1',
  '/products/top',
  '/products/top/realtime',
  '/coupon-policies',
  '/coupon-policies/cp1-1',
  '/coupons/cp1-1-1',
];

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const queriesOn = async (databaseUrl: string): Promise<string> => {
  const queries = await createQuerySide(parseConfig({ DATABASE_URL: databaseUrl }), silentLog);
  closing.push(() => queries.close());
  const server = await listen(createApp({ log: silentLog, tables: [queries.routes], health: queries.health }), '127.0.0.1', 0);
  closing.push(() => server.close());
  return `http://127.0.0.1:${server.port}`;
};

const told = async (url: string) => {
  const response = await fetch(url);
  return [response.status, response.headers.get('Retry-After'), ((await response.json()) as { type: string }).type];
};

it('PJ9: answers 503 unavailable on every path when Postgres is down, and is not ready', async () => {
  const origin = await queriesOn('postgres://till:wrong@127.0.0.1:1/till');
  for (const path of PATHS) expect([path, await told(origin + path)]).toEqual([path, [503, '1', '/problems/unavailable']]);
  expect((await fetch(`${origin}/health/ready`)).status).toBe(503);
  expect((await fetch(`${origin}/health/live`)).status).toBe(200);
});

it('answers 503 unavailable on every path before the projector has made the views', async () => {
  const { url, drop } = await createTestDatabase();
  closing.push(drop);
  const origin = await queriesOn(url);
  for (const path of PATHS) expect([path, await told(origin + path)]).toEqual([path, [503, '1', '/problems/unavailable']]);
  expect((await fetch(`${origin}/health/ready`)).status).toBe(503);
});

it('S7, PJ9: gives up a statement after 2 s, when someone holds a lock', async () => {
  const { url, drop } = await createTestDatabase();
  closing.push(drop);
  const database = openDatabase(url, { onConnectionError: () => undefined });
  closing.push(() => database.close());
  await database.query("insert into projections (name, version, status) values ('accounts', 1, 'live')");
  await database.query('create table accounts (user_id text, balance bigint, held bigint)');
  const origin = await queriesOn(url);
  expect((await fetch(`${origin}/users/ann/balance`)).status).toBe(200);
  await database.transaction(async (tx) => {
    await tx.query('lock table accounts in access exclusive mode');
    const askedAt = performance.now();
    expect(await told(`${origin}/users/ann/balance`)).toEqual([503, '1', '/problems/unavailable']);
    expect(performance.now() - askedAt).toBeLessThan(3_000);
  });
  expect((await fetch(`${origin}/users/ann/balance`)).status).toBe(200);
});

it('comes back by itself after its connections were cut', async () => {
  const { url, drop } = await createTestDatabase();
  closing.push(drop);
  const database = openDatabase(url, { onConnectionError: () => undefined });
  closing.push(() => database.close());
  await database.query("insert into projections (name, version, status) values ('accounts', 1, 'live')");
  await database.query('create table accounts (user_id text, balance bigint, held bigint)');
  const origin = await queriesOn(url);
  for (let round = 0; round < 5; round += 1) {
    const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await fetch(`${origin}/users/ann/balance`)).status));
    expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
    await database.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tillstream queries' and datname = current_database()",
    );
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect((await fetch(`${origin}/users/ann/balance`)).status).toBe(200);
});

it('runs alone, without any event store, and is ready when all views are live', async () => {
  const world = await World.open();
  closing.push(() => world.close());
  world.run();
  await world.drained();
  const [{ name } = { name: '' }] = await world.rows<{ name: string }>('select current_database() as name');
  const url = new URL(process.env.TILL_TEST_POSTGRES_URL ?? '');
  url.pathname = `/${name}`;
  const running = await startQueryApi(parseConfig({ DATABASE_URL: url.href, QUERY_PORT: '0' }), silentLog);
  closing.push(() => running.stop());
  const origin = `http://127.0.0.1:${running.ports.query}`;
  expect((await fetch(`${origin}/health/ready`)).status).toBe(200);
  expect(await (await fetch(`${origin}/users/ann/balance`)).json()).toEqual({ userId: 'ann', balance: 0, held: 0 });
});
