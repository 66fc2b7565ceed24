import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, expectProblem } from '../support/client.ts';
import {
  type CommandProcess,
  eventsOf,
  expectBalance,
  newProduct,
  newUser,
  type PlacedOrder,
  startShop,
  type TestShop,
} from '../support/shop.ts';

let shop: TestShop;
let other: CommandProcess;
beforeAll(async () => {
  shop = await startShop();
  other = await shop.anotherCommandApi();
}, 90_000);
afterAll(() => shop.stop());

const userWith = (balance: number) => newUser(shop, balance);
const productAt = (price: number, stock?: number) => newProduct(shop, price, stock);

describe('an order under a key', () => {
  it('is the same order again, in any process, and paid once', async () => {
    const product = await productAt(1_000);
    const userId = await userWith(10_000);
    const first = await shop.order(userId, { [product]: 2 }, null, { key: 'k' });
    const fresh = await shop.anotherCommandApi();
    for (const again of [
      await shop.order(userId, { [product]: 2 }, null, { key: 'k' }),
      await fresh.order(userId, { [product]: 2 }, null, { key: 'k' }),
    ]) {
      expect([again.status, again.body, again.headers['idempotent-replayed']]).toEqual([201, first.body, 'true']);
    }
    await expectBalance(shop, userId, 8_000, first);
  });

  it('with another cart is refused, whatever that cart would have met', async () => {
    const product = await productAt(1_000);
    const userId = await userWith(1_000);
    await shop.order(userId, { [product]: 1 }, null, { key: 'k' });
    expectProblem(await shop.order(userId, { [product]: 2 }, null, { key: 'k' }), 422, 'key-reused');
    expectProblem(await other.order(userId, { ghost: 1 }, null, { key: 'k' }), 422, 'key-reused');
    expectProblem(await shop.order(userId, { [product]: 1 }, 'no-coupon-1', { key: 'k' }), 422, 'key-reused');
  });

  it('that stock denied stays denied when stock has come (R40)', async () => {
    const product = await productAt(1_000, 0);
    const userId = await userWith(1_000);
    const denied = await shop.order(userId, { [product]: 1 }, null, { key: 'k' });
    await shop.receive(product, 5);
    const again = await shop.order(userId, { [product]: 1 }, null, { key: 'k' });
    expectProblem(again, 409, 'out-of-stock');
    expect((again.body as Partial<PlacedOrder>).orderId).toBe((denied.body as Partial<PlacedOrder>).orderId);
    expect((await shop.order(userId, { [product]: 1 }, null, { key: 'k2' })).status).toBe(201);
  });

  it('that was refused for its balance is decided anew when money has come', async () => {
    const product = await productAt(1_000);
    const userId = await userWith(500);
    expectProblem(await shop.order(userId, { [product]: 1 }, null, { key: 'k' }), 400, 'insufficient-balance');
    await shop.charge(userId, 500);
    expect((await other.order(userId, { [product]: 1 }, null, { key: 'k' })).status).toBe(201);
  });

  it('sent 50 times at once to two processes is one order and 50 equal bodies (HT1)', async () => {
    const product = await productAt(1_000);
    const userId = await userWith(100_000);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? shop : other).order(userId, { [product]: 3 }, null, { key: 'k' })),
    );
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(201);
    expect(await eventsOf(shop, `account-${userId}`, 'OrderSubmitted')).toBe(1);
    expect(await eventsOf(shop, `account-${userId}`, 'OrderPlaced')).toBe(1);
    await expectBalance(shop, userId, 97_000, answers[49] as Answer<unknown>);
  });

  it('that no longer has its product in reach still answers (a price or catalogue change is no difference)', async () => {
    const product = await productAt(1_000);
    const userId = await userWith(1_000);
    const first = await shop.order(userId, { [product]: 1 }, null, { key: 'k' });
    await shop.init({ policies: 1 });
    expect((await shop.order(userId, { [product]: 1 }, null, { key: 'k' })).body).toEqual(first.body);
  });
});
