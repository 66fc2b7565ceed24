import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { Mailboxes } from '../../src/commands/mailboxes.ts';
import { accountStream, submitOrder } from '../../src/domain/account.ts';
import type { Fingerprint, OrderId, ProductId, UserId } from '../../src/domain/ids.ts';
import { inventoryStream } from '../../src/domain/inventory.ts';
import type { Won } from '../../src/domain/money.ts';
import { startApi } from '../../src/edge/main.ts';
import { type EventStoreServer, startEventStore } from '../../src/embedded/event-store/server.ts';
import { type EmbeddedPostgres, startPostgres } from '../../src/embedded/postgres.ts';
import { parseConfig } from '../../src/platform/config.ts';
import { createEsdbEventStore } from '../../src/platform/eventStore/esdbEventStore.ts';
import type { EventStore } from '../../src/platform/eventStore/eventStore.ts';
import { migrate } from '../../src/platform/migrate.ts';
import type { Running } from '../../src/platform/process.ts';
import { startProjector } from '../../src/projections/main.ts';
import { type Logged, recordingLog } from '../projections/recordingLog.ts';
import { byStatus, type Client, clientOf } from '../support/client.ts';
import { until } from '../support/processes.ts';
import { callsOf } from '../support/shop.ts';
import { silentLog } from '../support/silentLog.ts';

jest.setTimeout(90_000);

const HOST = '127.0.0.1';
/** Milliseconds from the return of a server until every order that was open has its outcome (OR1). */
const SETTLED_MAX_MS = 10_000;
const PRICE = 1_000;

let folder = '';
let postgres: EmbeddedPostgres;
let server: EventStoreServer;
let store: EventStore;
let projector: Running;
let api: Running;
let client: Client;
const logged: Logged[] = [];

const startStore = (port = 0): Promise<EventStoreServer> => startEventStore({ host: HOST, port, dataDir: join(folder, 'es') });
const startDatabase = (port = 0): Promise<EmbeddedPostgres> =>
  startPostgres({ dataDir: join(folder, 'pg'), host: HOST, port, durable: false });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'till-watchdog-'));
  chmodSync(folder, 0o755);
  [postgres, server] = await Promise.all([startDatabase(), startStore()]);
  await migrate(postgres.url);
  const ports = { EDGE_PORT: '0', COMMAND_PORT: '0', QUERY_PORT: '0', PROJECTOR_PORT: '0', GRPC_PORT: '0' };
  const config = parseConfig({ ...ports, EVENTSTORE_URL: server.url, DATABASE_URL: postgres.url });
  projector = await startProjector(config, silentLog);
  api = await startApi(config, recordingLog(logged));
  store = createEsdbEventStore(server.url);
  client = clientOf(`http://${HOST}:${api.ports.edge}`);
  await callsOf(client).createProduct({ id: 'thing', price: PRICE, stock: 1_000 });
});

afterAll(async () => {
  client.close();
  await Promise.all([api.stop(), projector.stop(), store.close()]);
  await Promise.all([postgres.stop(), server.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

const usersOf = async (name: string, count: number): Promise<readonly UserId[]> => {
  const users = Array.from({ length: count }, (_, i) => `${name}-${i}` as UserId);
  await Promise.all(users.map((user) => callsOf(client).charge(user, PRICE)));
  return users;
};

/** As a process does that dies when its submission is on record. */
const submitOnly = async (users: readonly UserId[]): Promise<void> => {
  const mailboxes = new Mailboxes(store, () => performance.now());
  const [unitPrice, discount] = [PRICE as Won, 0 as Won];
  const lines = [{ productId: 'thing' as ProductId, name: 'thing', quantity: 1, unitPrice }];
  const cost = { lines, subtotal: unitPrice, discount, totalAmount: unitPrice, ledgerSeen: 1 };
  for (const userId of users) {
    const [orderId, fingerprint] = [`order-${userId}` as OrderId, 'f' as Fingerprint];
    const about = { commandId: orderId, correlationId: 'c', causationId: 'c', actor: 'test' };
    await mailboxes.account(userId).ask(submitOrder({ ...cost, orderId, fingerprint, userId, coupon: null, at: Date.now() }), about);
  }
};

const eventsOn = async (stream: string) => store.readStream(stream, 0n, { maxCount: 4_000 });
const typesOf = async (user: UserId) => (await eventsOn(accountStream(user))).map(({ type }) => type);

/** Orders of these users that have no outcome, by the log. */
const openOf = async (users: readonly UserId[]): Promise<number> => {
  const types = (await Promise.all(users.map(typesOf))).flat();
  const count = (wanted: string) => types.filter((type) => type === wanted).length;
  return count('OrderSubmitted') - count('OrderPlaced') - count('OrderRejected');
};

const verdictsPerOrder = async (): Promise<number> => {
  const verdicts = (await eventsOn(inventoryStream)).filter(({ type }) => type !== 'StockReceived');
  return verdicts.length / new Set(verdicts.map(({ data }) => (data as { orderId: string }).orderId)).size;
};

const pause = (ms: number) => new Promise<void>((wake) => void setTimeout(wake, ms));
const isBlind = async (): Promise<boolean> => {
  const text = await (await fetch(`http://${HOST}:${api.ports.command}/metrics`)).text();
  return /^till_watchdog_blind 1$/m.test(text);
};

it('the event store goes in the middle of orders, and all have their outcome within 10 s of its return (OR1, OR2, OR12)', async () => {
  const [left, ordering] = await Promise.all([usersOf('left', 40), usersOf('ordering', 40)]);
  await submitOnly(left);
  const answers = Promise.all(ordering.map((user) => callsOf(client).order(user, { thing: 1 })));
  await pause(15);
  await server.stop();
  const { port } = server;
  // Long enough for the watchdog to have failed and to wait between its tries.
  await pause(12_000);
  expect([201, 202, 503]).toEqual(expect.arrayContaining(Object.keys(byStatus(await answers)).map(Number)));
  expect((await callsOf(client).charge('ann', 1)).status).toBe(503);

  server = await startStore(port);
  const back = performance.now();
  const all = [...left, ...ordering];
  await until(async () => (await openOf(all).catch(() => 1)) === 0, SETTLED_MAX_MS);
  expect(performance.now() - back).toBeLessThan(SETTLED_MAX_MS);
  for (const user of left) expect(await typesOf(user)).toEqual(['BalanceCharged', 'OrderSubmitted', 'OrderPlaced']);
  expect(await verdictsPerOrder()).toBe(1);
});

it('Postgres goes: orders are taken, the watchdog is blind and says so once; what is open ends within 10 s of its return (OR14, I20)', async () => {
  const [left, [late]] = await Promise.all([usersOf('unseen', 20), usersOf('late', 1)]);
  const { port } = postgres;
  await postgres.stop();
  const alarmsBefore = logged.filter(({ alarm }) => alarm === 'watchdog-blind').length;
  await submitOnly(left);
  expect((await callsOf(client).order(late as UserId, { thing: 1 })).status).toBe(201);
  await pause(7_000);
  expect(await isBlind()).toBe(true);
  expect(await openOf(left)).toBe(20);

  postgres = await startDatabase(port);
  const back = performance.now();
  await until(async () => (await openOf(left)) === 0, SETTLED_MAX_MS);
  expect(performance.now() - back).toBeLessThan(SETTLED_MAX_MS);
  await until(async () => !(await isBlind()));
  expect(await verdictsPerOrder()).toBe(1);
  const told = logged.slice().filter(({ alarm }) => alarm === 'watchdog-blind').length - alarmsBefore;
  expect(told).toBe(1);
});

it('the projector goes: the watchdog is blind after 10 s, and sees again when it is back (OR14)', async () => {
  await projector.stop();
  await usersOf('busy', 1);
  const [user] = await usersOf('missed', 1);
  await submitOnly([user as UserId]);
  await until(isBlind, 20_000);
  expect(await openOf([user as UserId])).toBe(1);
  const env = { PROJECTOR_PORT: '0', EVENTSTORE_URL: server.url, DATABASE_URL: postgres.url };
  projector = await startProjector(parseConfig(env), silentLog);
  await until(async () => (await openOf([user as UserId])) === 0);
  await until(async () => !(await isBlind()));
});
