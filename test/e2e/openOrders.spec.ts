import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OPEN_ORDERS_MAX } from '../../src/domain/account.ts';
import { inventoryStream } from '../../src/domain/inventory.ts';
import { atOnce, expectProblem } from '../support/client.ts';
import { commandsWithFaults, type FaultyCommands, unanswered } from '../support/faultyCommands.ts';
import { until } from '../support/processes.ts';
import { eventsOf, startShop, type TestShop } from '../support/shop.ts';

let shop: TestShop;
/** A process that can submit orders, and whose appends to the stock ledger get no answer. */
let stalled: FaultyCommands;
beforeAll(async () => {
  shop = await startShop();
  stalled = await commandsWithFaults(
    shop,
    (append) =>
      (stream, ...rest) =>
        (stream === inventoryStream ? unanswered : append)(stream, ...rest),
  );
}, 90_000);
afterAll(async () => {
  await stalled.stop();
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
  }, 90_000);

  it('is pumped by the same request at another process', async () => {
    await shop.createProduct({ id: 'pumped', price: 1_000, stock: 1 });
    await shop.charge('pumper', 1_000);
    const asked = stalled.order('pumper', { pumped: 1 }, null, { key: 'k' });
    await until(async () => (await eventsOf(shop, 'account-pumper', 'OrderSubmitted')) === 1);
    const again = await shop.order('pumper', { pumped: 1 }, null, { key: 'k' });
    expect([again.status, again.body.status, again.headers['idempotent-replayed']]).toEqual([201, 'placed', 'true']);
    expect([201, 202]).toContain((await asked).status);
    expect(await eventsOf(shop, 'account-pumper', 'OrderPlaced')).toBe(1);
  }, 90_000);

  it('may have 19 more beside it; the next is turned away until they end (OR13)', async () => {
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
  }, 90_000);
});
