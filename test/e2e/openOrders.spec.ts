import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Container } from 'inversify';
import { CommandId, commandModule } from '../../src/commands/module.ts';
import { explainCommandError } from '../../src/commands/routes/explain.ts';
import { OPEN_ORDERS_MAX } from '../../src/domain/account.ts';
import { inventoryStream } from '../../src/domain/inventory.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { parseConfig } from '../../src/platform/config.ts';
import { AppendInDoubt, type EventStore } from '../../src/platform/eventStore/eventStore.ts';
import { createApp, type Listening, listen } from '../../src/platform/http.ts';
import { atOnce, type Client, clientOf, expectProblem } from '../support/client.ts';
import { until } from '../support/processes.ts';
import { type Calls, callsOf, eventsOf, startShop, type TestShop } from '../support/shop.ts';
import { silentLog } from '../support/silentLog.ts';

let shop: TestShop;
let server: Listening;
let client: Client;
/** Calls of a process that can submit orders, and whose appends to the stock ledger get no answer. */
let stalled: Calls;

const withoutLedger = (store: EventStore): EventStore => ({
  readStream: store.readStream.bind(store),
  subscribe: store.subscribe.bind(store),
  head: store.head.bind(store),
  identity: store.identity.bind(store),
  close: () => Promise.resolve(),
  append: (stream, events, expected, signal) =>
    stream === inventoryStream
      ? new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new AppendInDoubt('no answer'))))
      : store.append(stream, events, expected, signal),
});

beforeAll(async () => {
  shop = await startShop();
  const container = new Container();
  container.load(commandModule);
  container.bind(CommandId.config).toConstantValue(parseConfig({ EVENTSTORE_URL: shop.eventStoreUrl, DATABASE_URL: shop.databaseUrl }));
  container.bind(CommandId.log).toConstantValue(silentLog);
  container.bind(CommandId.clock).toConstantValue(systemClock);
  container.bind(CommandId.eventStore).toConstantValue(withoutLedger(shop.store));
  container.bind(CommandId.database).toConstantValue(shop.database);
  const app = createApp({ log: silentLog, tables: [container.get(CommandId.routes)], health: {}, explain: explainCommandError });
  server = await listen(app, '127.0.0.1', 0);
  client = clientOf(`http://127.0.0.1:${server.port}`);
  stalled = callsOf(client);
}, 30_000);
afterAll(async () => {
  client.close();
  await server.close();
  await shop.stop();
});

describe('an order that gets no verdict in time', () => {
  it('is told as open within 5 s, holds its money, and gets its outcome without the client (R40, D27)', async () => {
    await shop.createProduct({ id: 'late', price: 1_000, stock: 100 });
    await shop.charge('patient', 5_000);
    const begun = performance.now();
    const asked = stalled.order('patient', { late: 2 }, null, { key: 'k' });
    const { orderId } = await until(async () => (await shop.orders('patient')).body[0] as { orderId: string } | undefined);
    expect((await shop.balance('patient')).body).toEqual({ userId: 'patient', balance: 3_000, held: 2_000 });
    expect((await shop.orderById(orderId)).body).toMatchObject({ status: 'open', settledAt: null, reason: null });

    const open = await asked;
    const waited = performance.now() - begun;
    expect([open.status, open.body]).toMatchObject([
      202,
      { orderId, status: 'open', totalAmount: 2_000, userId: 'patient', couponId: null },
    ]);
    expect(open.headers).toMatchObject({
      location: `/orders/${orderId}`,
      'retry-after': '1',
      'read-after': expect.stringMatching(/^\d+$/),
    });
    expect(waited).toBeLessThan(6_000);

    await until(async () => (await shop.client.get(String(open.headers.location))).body.status === 'placed');
    const replay = await shop.order('patient', { late: 2 }, null, { key: 'k' });
    expect([replay.status, replay.body]).toEqual([201, { ...open.body, status: 'placed' }]);
    expect(replay.headers['idempotent-replayed']).toBe('true');
    expect((await shop.balance('patient', { after: replay })).body).toEqual({ userId: 'patient', balance: 3_000, held: 0 });
    expect(await eventsOf(shop, 'account-patient', 'OrderPlaced')).toBe(1);
    expect((await shop.product('late', { after: replay })).body.stock).toBe(98);
  }, 30_000);

  it('is pumped by the same request at another process', async () => {
    await shop.createProduct({ id: 'pumped', price: 1_000, stock: 1 });
    await shop.charge('pumper', 1_000);
    const asked = stalled.order('pumper', { pumped: 1 }, null, { key: 'k' });
    await until(async () => (await eventsOf(shop, 'account-pumper', 'OrderSubmitted')) === 1);
    const again = await shop.order('pumper', { pumped: 1 }, null, { key: 'k' });
    expect([again.status, again.body.status, again.headers['idempotent-replayed']]).toEqual([201, 'placed', 'true']);
    expect([201, 202]).toContain((await asked).status);
    expect(await eventsOf(shop, 'account-pumper', 'OrderPlaced')).toBe(1);
  }, 30_000);

  it('may have 19 more beside it; the next is turned away until they end', async () => {
    await shop.createProduct({ id: 'queued', price: 10, stock: 1_000 });
    await shop.charge('many', 10_000);
    const asked = atOnce(OPEN_ORDERS_MAX, () => stalled.order('many', { queued: 1 }));
    await until(async () => (await eventsOf(shop, 'account-many', 'OrderSubmitted')) === OPEN_ORDERS_MAX);
    const turnedAway = await shop.order('many', { queued: 1 });
    expectProblem(turnedAway, 429, 'too-many-open-orders');
    expect(turnedAway.headers['retry-after']).toBe('1');
    expect(new Set((await asked).map(({ status }) => status))).toEqual(new Set([202]));
    await until(async () => (await shop.orders('many')).body.every(({ status }) => status === 'placed'));
    expect((await shop.order('many', { queued: 1 })).status).toBe(201);
  }, 30_000);
});
