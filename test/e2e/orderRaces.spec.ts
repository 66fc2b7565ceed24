import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, atOnce, byStatus, expectProblem, type Json } from '../support/client.ts';
import { bodiesOf, type Cart, type CommandProcess, eventsOf, startShop, type TestShop } from '../support/shop.ts';

let shop: TestShop;
let other: CommandProcess;
beforeAll(async () => {
  shop = await startShop();
  other = await shop.anotherCommandApi();
}, 90_000);
afterAll(() => shop.stop());

const either = (i: number) => (i % 2 === 0 ? shop : other);
const product = async (id: string, price: number, stock: number): Promise<string> => {
  const { body } = await shop.createProduct({ id, price, stock });
  expect(body).toMatchObject({ id, stock });
  return id;
};

/** What is left after all of `answers`. */
const stateOf = async (userId: string, answers: readonly Answer<unknown>[]) => {
  const after = newest(answers);
  const [{ body: account }, { body: history }, { body: orders }] = await Promise.all([
    shop.balance(userId, { after }),
    shop.history(userId, { after }),
    shop.orders(userId, { after }),
  ]);
  return {
    balance: account.balance,
    held: account.held,
    historySum: history.reduce((sum, { amount }) => sum + amount, 0),
    placed: orders.filter(({ status }) => status === 'placed').length,
    open: orders.filter(({ status }) => status === 'open').length,
  };
};

const newest = (answers: readonly Answer<unknown>[]): Answer<unknown> =>
  answers.reduce((last, answer) =>
    BigInt(String(answer.headers['read-after'])) > BigInt(String(last.headers['read-after'])) ? answer : last,
  );

const stockOf = async (id: string, answers: readonly Answer<unknown>[]) => (await shop.product(id, { after: newest(answers) })).body.stock;

describe('one user spending in parallel (R30)', () => {
  it('5,000 and two orders of 3,000: exactly one placed, 2,000 left', async () => {
    const id = await product('three', 3_000, 100);
    for (let round = 0; round < 10; round += 1) {
      const userId = `pair-${round}`;
      await shop.charge(userId, 5_000);
      const answers = await atOnce(2, (i) => either(i).order(userId, { [id]: 1 }));
      expect(byStatus(answers)).toEqual({ 201: 1, 400: 1 });
      expectProblem(answers.find(({ status }) => status === 400) as Answer, 400, 'insufficient-balance');
      expect(await stateOf(userId, answers)).toEqual({ balance: 2_000, held: 0, historySum: 2_000, placed: 1, open: 0 });
    }
  });

  it('10,000 and 20 orders of 1,000: exactly 10 placed, 0 left', async () => {
    const id = await product('one', 1_000, 100);
    await shop.charge('twenty', 10_000);
    const answers = await atOnce(20, (i) => either(i).order('twenty', { [id]: 1 }));
    expect(byStatus(answers)).toEqual({ 201: 10, 400: 10 });
    expect(await stateOf('twenty', answers)).toEqual({ balance: 0, held: 0, historySum: 0, placed: 10, open: 0 });
    expect(await stockOf(id, answers)).toBe(90);
  });

  it('charging and ordering at once loses nothing (D17, D19)', async () => {
    const id = await product('mixed', 100, 1_000);
    await shop.charge('mixer', 1_000);
    const answers = await atOnce<Answer<unknown>>(40, (i) =>
      i % 4 < 2 ? either(i).charge('mixer', 100) : either(i).order('mixer', { [id]: 1 }),
    );
    expect(byStatus(answers)).toEqual({ 201: 40 });
    expect(await stateOf('mixer', answers)).toEqual({ balance: 1_000, held: 0, historySum: 1_000, placed: 20, open: 0 });
  });
});

describe('one coupon for two orders at once (R19)', () => {
  it('pays for exactly one of them', async () => {
    const id = await product('wanted', 1_000, 100);
    const policy = (await shop.createPolicy({ discountAmount: 500 })).body.policyId;
    for (let round = 0; round < 10; round += 1) {
      const userId = `coupled-${round}`;
      await shop.charge(userId, 10_000);
      const { couponId } = (await shop.issue(userId, policy)).body;
      const answers = await atOnce(2, (i) => either(i).order(userId, { [id]: 1 }, couponId));
      expect(byStatus(answers)).toEqual({ 201: 1, 400: 1 });
      const refused = answers.find(({ status }) => status === 400) as Answer<Json>;
      expectProblem(refused, 400, 'coupon-unavailable');
      expect(['held', 'used']).toContain(refused.body.reason);
      expect(await stateOf(userId, answers)).toMatchObject({ balance: 9_500, placed: 1, open: 0 });
    }
  });

  it('pays for exactly one of ten', async () => {
    const id = await product('tenfold', 1_000, 100);
    await shop.charge('tenner', 100_000);
    const { couponId } = (await shop.issue('tenner', (await shop.createPolicy()).body.policyId)).body;
    const answers = await atOnce(10, (i) => either(i).order('tenner', { [id]: 1 }, couponId));
    expect(byStatus(answers)).toEqual({ 201: 1, 400: 9 });
    expect((await stateOf('tenner', answers)).balance).toBe(99_500);
  });
});

describe('stock under a rush (R38, R39, D19, D22)', () => {
  const richUsers = (n: number, prefix: string, balance: number) => atOnce(n, (i) => shop.charge(`${prefix}-${i}`, balance));

  /** Refused buyers have all their money again, the others have paid once. */
  const expectPaid = async (prefix: string, answers: readonly Answer<unknown>[], before: number, total: number) => {
    const balances = await Promise.all(answers.map((answer, i) => shop.balance(`${prefix}-${i}`, { after: answer })));
    balances.forEach(({ body }, i) => {
      expect(body).toMatchObject({ balance: answers[i]?.status === 201 ? before - total : before, held: 0 });
    });
  };

  it('10 in stock and 20 requests: 10 placed, 0 left', async () => {
    const id = await product('scarce', 1_000, 10);
    await richUsers(20, 'scarce', 5_000);
    const answers = await atOnce(20, (i) => either(i).order(`scarce-${i}`, { [id]: 1 }));
    expect(byStatus(answers)).toEqual({ 201: 10, 409: 10 });
    await expectPaid('scarce', answers, 5_000, 1_000);
    expect(await stockOf(id, answers)).toBe(0);
  });

  it('300 equal carts for 100 of each of five products: exactly 100 placed, and every won accounted for', async () => {
    const ids = await atOnce(5, (i) => product(`flash-${i}`, 2_000, 100));
    const cart: Cart = Object.fromEntries(ids.map((id) => [id, 1]));
    await richUsers(300, 'flash', 10_000);
    const answers = await atOnce(300, (i) => either(i).order(`flash-${i}`, cart));
    expect(byStatus(answers)).toEqual({ 201: 100, 409: 200 });
    await expectPaid('flash', answers, 10_000, 10_000);
    for (const id of ids) expect(await stockOf(id, answers)).toBe(0);
    const ledger = {
      taken: await eventsOf(shop, 'inventory-main', 'StockTaken'),
      denied: await eventsOf(shop, 'inventory-main', 'StockDenied'),
    };
    expect(ledger.denied).toBeGreaterThanOrEqual(200);
    expect(new Set(bodiesOf(answers, 201).map(({ orderId }) => orderId)).size).toBe(100);
  }, 90_000);

  it('10 users, any 5 of 10 products, 2 of each: all placed when every product is wanted by 5, and all stock 0', async () => {
    const ids = await atOnce(10, (i) => product(`round-${i}`, 100, 10));
    await richUsers(10, 'round', 1_000);
    // User u wants products u … u+4, around the ring: each product is wanted by exactly five.
    const cartOf = (user: number): Cart => Object.fromEntries(Array.from({ length: 5 }, (_, i) => [ids[(user + i) % 10] as string, 2]));
    const answers = await atOnce(10, (i) => either(i).order(`round-${i}`, cartOf(i)));
    expect(byStatus(answers)).toEqual({ 201: 10 });
    for (const id of ids) expect(await stockOf(id, answers)).toBe(0);
  });

  it('a cart is taken whole or not at all: overlapping carts never strand a piece', async () => {
    const [left, both, right] = [await product('left', 100, 50), await product('both', 100, 20), await product('right', 100, 50)];
    await richUsers(60, 'overlap', 1_000);
    const answers = await atOnce(60, (i) => either(i).order(`overlap-${i}`, { [i % 2 === 0 ? left : right]: 1, [both]: 1 }));
    expect(byStatus(answers)).toEqual({ 201: 20, 409: 40 });
    expect(await stockOf(both, answers)).toBe(0);
    expect((await stockOf(left, answers)) + (await stockOf(right, answers))).toBe(80);
  });
});
