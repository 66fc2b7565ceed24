import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { parse } from 'yaml';
import { PORT_VARIABLES, type Ports } from '../../src/platform/config.ts';
import { type Client, clientOf, type Json } from '../support/client.ts';
import { startTestEventStore } from '../support/eventStore.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { type Started, startScript, until } from '../support/processes.ts';

jest.setTimeout(120_000);

type Service = Readonly<{ command: string[]; environment?: Record<string, string> }>;

const START_MAX_MS = 60_000;
const compose = parse(readFileSync(new URL('../../docker-compose.yml', import.meta.url), 'utf8'), { merge: true }) as {
  services: Record<string, Service>;
};
/** What the image sets, but for the address: nothing listens beyond this machine here. */
const IMAGE = { NODE_ENV: 'production', HOST: '127.0.0.1' };
const ANY_PORTS = Object.fromEntries(Object.values(PORT_VARIABLES).map((variable) => [variable, '0']));

let eventStore: Awaited<ReturnType<typeof startTestEventStore>>;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
const running = new Map<string, Started>();
let client: Client | null = null;
beforeAll(async () => {
  [eventStore, database] = await Promise.all([startTestEventStore(), createTestDatabase()]);
});
afterAll(async () => {
  client?.close();
  for (const { child } of running.values()) child.kill('SIGKILL');
  await Promise.all([...running.values()].map(({ ended }) => ended));
  await Promise.all([eventStore.stop(), database.drop()]);
});

/** The ports that a process says it listens on; it logs to stdout. */
const portsOf = (name: string): Promise<Ports> =>
  until(() => {
    const { out, child } = running.get(name) as Started;
    if (child.exitCode !== null) throw new Error(`${name} ended: ${out()}`);
    const ready = out()
      .split('\n')
      .find((line) => line.includes('"msg":"ready"'));
    return ready !== undefined && (JSON.parse(ready) as { ports: Ports }).ports;
  }, START_MAX_MS);

/** The service's own variables, with the addresses that its servers have here in place of those in a network of containers. */
const start = (name: string, addresses: Readonly<Record<string, string>> = {}): Started => {
  const { command, environment = {} } = compose.services[name] as Service;
  // There is no Redis here: the shop must sell without.
  const stores: Record<string, string> = { EVENTSTORE_URL: eventStore.url, DATABASE_URL: database.url, REDIS_URL: 'redis://127.0.0.1:1' };
  const here = Object.entries({ ...environment, ...addresses }).map(([variable, value]) => [variable, stores[variable] ?? value]);
  const started = startScript('src/cli/main.ts', command, { ...IMAGE, ...Object.fromEntries(here), ...ANY_PORTS });
  running.set(name, started);
  return started;
};

const urlOf = async (name: string, kind: keyof Ports): Promise<string> => `http://127.0.0.1:${(await portsOf(name))[kind]}`;

it('its processes, with their very variables, make a shop that sells, and end with status 0', async () => {
  expect(await start('migrate').ended).toBe(0);
  start('projector');
  await portsOf('projector');
  for (const name of ['command-api-1', 'command-api-2', 'query-api-1', 'query-api-2']) start(name);
  const urlsOf = async (kind: 'command' | 'query') => (await Promise.all([1, 2].map((n) => urlOf(`${kind}-api-${n}`, kind)))).join(',');
  start('edge', { COMMAND_URLS: await urlsOf('command'), QUERY_URLS: await urlsOf('query') });
  client = clientOf(await urlOf('edge', 'edge'));

  const edge = client;
  await until(async () => (await edge.get('/health/ready')).status === 200);
  expect((await client.get('/health/ready')).body).toEqual({ status: 'ready', checks: { commands: 'ok', queries: 'ok' } });
  await client.post('/products', { id: 'p1', name: 'p1', price: 2_000, stock: 10 });
  await client.post('/users/ann/balance', { amount: 5_000 });
  const order = await client.post<Json>('/orders', { userId: 'ann', couponId: null, items: [{ productId: 'p1', quantity: 1 }] });
  expect([order.status, order.body.status]).toEqual([201, 'placed']);
  expect((await client.get('/users/ann/balance', { after: order })).body).toEqual({ userId: 'ann', balance: 3_000, held: 0 });
  // Production, so there is no way to empty the shop.
  expect((await client.post('/init')).status).toBe(404);

  const lasting = [...running].filter(([name]) => name !== 'migrate');
  for (const [, { child }] of lasting) child.kill('SIGTERM');
  for (const [name, { ended }] of lasting) expect([name, await ended]).toEqual([name, 0]);
});
