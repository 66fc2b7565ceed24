import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { atOnce, byStatus, expectProblem } from '../support/client.ts';
import { bodiesOf, type CommandProcess, eventsOf, startShop, type TestShop } from '../support/shop.ts';

const VIEWS = 'accounts_v1, balance_history_v1, coupons_v1, orders_v1, products_v1, coupon_policies_v1, product_sales_v1, generations_v1';

let shop: TestShop;
let other: CommandProcess;
beforeAll(async () => {
  shop = await startShop();
  other = await shop.anotherCommandApi();
}, 90_000);
afterAll(() => shop.stop());

const chargesOf = (userId: string) => eventsOf(shop, `account-${userId}`, 'BalanceCharged');

describe('a charge', () => {
  it('answers the new balance, which queries then show with its history (R28, R29)', async () => {
    const first = await shop.charge('ann', 10_000);
    expect([first.status, first.body]).toEqual([201, { userId: 'ann', balance: 10_000 }]);
    const second = await shop.charge('ann', 500);
    expect(second.body).toEqual({ userId: 'ann', balance: 10_500 });

    expect((await shop.balance('ann', { after: second })).body).toEqual({ userId: 'ann', balance: 10_500, held: 0 });
    const { body: history } = await shop.history('ann', { after: second });
    expect(history).toMatchObject([
      { seq: 2, type: 'charge', amount: 500, balanceAfter: 10_500, orderId: null, reservationId: null },
      { seq: 1, type: 'charge', amount: 10_000, balanceAfter: 10_000, orderId: null, reservationId: null },
    ]);
  });

  it('of a user nobody has seen needs nothing before it; a query finds balance 0 (D21)', async () => {
    const answer = await shop.balance('stranger');
    expect([answer.status, answer.body]).toEqual([200, { userId: 'stranger', balance: 0, held: 0 }]);
    expect((await shop.history('stranger')).body).toEqual([]);
    expect((await shop.charge('stranger-2', 1)).body.balance).toBe(1);
  });

  it.each([1, 1_000_000_000])('may be %d (R27)', async (amount) => {
    expect((await shop.charge(`limit-${amount}`, amount)).status).toBe(201);
  });

  it.each([0, -1, -1_000, 1.5, 1_000_000_001, 2 ** 53 + 2, '10', null, [10], true])(
    'of %p is refused and records nothing (R27, D29)',
    async (amount) => {
      const answer = await shop.client.post('/users/wrong/balance', { amount });
      expectProblem(answer, 400, 'invalid-request');
      expect(answer.body).toMatchObject({
        message: '충전 금액은 1원 이상이어야 합니다.',
        errors: expect.arrayContaining([expect.objectContaining({ pointer: '/amount' })]),
      });
      expect(await chargesOf('wrong')).toBe(0);
    },
  );

  it('beyond a balance of 10^12 is refused, with a token, and leaves the balance (R28)', async () => {
    await atOnce(4, () => atOnce(250, () => shop.charge('rich', 1_000_000_000)));
    const answer = await shop.charge('rich', 1);
    expectProblem(answer, 409, 'limit-exceeded');
    expect((await shop.balance('rich', { after: answer })).body.balance).toBe(1_000_000_000_000);
  });

  it('leaves its correlation id in the log, and its key nowhere (S24)', async () => {
    await shop.charge('traced', 5, { key: 'a-secret-key', headers: { 'X-Correlation-Id': 'corr-17' } });
    const [event] = await shop.store.readStream('account-traced', 0n, { maxCount: 1 });
    expect(event?.metadata).toMatchObject({ correlationId: 'corr-17', actor: 'traced' });
    expect(JSON.stringify([event?.id, event?.metadata, event?.data])).not.toContain('secret');
  });

  it('by a number in place of the id is a charge of its decimal text', async () => {
    expect((await shop.charge('17', 5)).body).toEqual({ userId: '17', balance: 5 });
  });
});

describe('charges of one user at once', () => {
  it('all count: 50 in parallel (D17)', async () => {
    const answers = await atOnce(50, () => shop.charge('busy', 100));
    expect(byStatus(answers)).toEqual({ 201: 50 });
    expect(answers.map(({ body }) => body.balance).sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => (i + 1) * 100));
  });

  it('all count in two processes, whose answers are one sequence (R30, D17)', async () => {
    const answers = await atOnce(80, (i) => (i % 2 === 0 ? shop : other).charge('torn', 7));
    expect(byStatus(answers)).toEqual({ 201: 80 });
    expect(answers.map(({ body }) => body.balance).sort((a, b) => a - b)).toEqual(Array.from({ length: 80 }, (_, i) => (i + 1) * 7));
    const last = await shop.charge('torn', 1);
    const { body: history } = await shop.history('torn', { after: last });
    expect(history.reduce((sum, row) => sum + row.amount, 0)).toBe(561);
    expect(history[0]?.balanceAfter).toBe(561);
  });
});

describe('a charge under a key (R31)', () => {
  it('has one effect; sent again, also after later charges, it answers the balance it had', async () => {
    const first = await shop.charge('kim', 1_000, { key: 'k1' });
    await shop.charge('kim', 5_000);
    const again = await shop.charge('kim', 1_000, { key: 'k1' });
    expect([again.status, again.body]).toEqual([first.status, first.body]);
    expect(first.headers).not.toHaveProperty('idempotent-replayed');
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.headers).toHaveProperty('read-after');
    expect((await shop.balance('kim', { after: again })).body.balance).toBe(6_000);
  });

  it('is the same quoted or bare', async () => {
    await shop.charge('quo', 10, { key: '"k"' });
    expect((await shop.charge('quo', 10, { key: 'k' })).headers['idempotent-replayed']).toBe('true');
  });

  it('with another amount is refused, before and after other charges', async () => {
    await shop.charge('lee', 1_000, { key: 'k1' });
    expectProblem(await shop.charge('lee', 1_001, { key: 'k1' }), 422, 'key-reused');
    await shop.charge('lee', 1);
    expectProblem(await other.charge('lee', 999, { key: 'k1' }), 422, 'key-reused');
    expect(await chargesOf('lee')).toBe(2);
  });

  it('belongs to its user: another user’s equal key is another charge (S24)', async () => {
    const answers = await Promise.all([shop.charge('one', 3, { key: 'same' }), shop.charge('two', 3, { key: 'same' })]);
    expect(answers.map(({ headers }) => headers['idempotent-replayed'])).toEqual([undefined, undefined]);
  });

  it('sent 50 times at once is one event and 50 equal bodies (HT1)', async () => {
    const answers = await atOnce(50, () => shop.charge('park', 1_000, { key: 'k' }));
    expect(byStatus(answers)).toEqual({ 201: 50 });
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers['idempotent-replayed'] === 'true')).toHaveLength(49);
    expect(await chargesOf('park')).toBe(1);
  });

  it('sent 50 times at once to two processes is one event and 50 equal bodies', async () => {
    const answers = await atOnce(50, (i) => (i % 2 === 0 ? shop : other).charge('choi', 1_000, { key: 'k' }));
    expect(byStatus(answers)).toEqual({ 201: 50 });
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await chargesOf('choi')).toBe(1);
  });

  it('with two amounts at once has one effect, and the other amount is refused', async () => {
    const answers = await atOnce(20, (i) => (i % 3 === 0 ? other : shop).charge('duel', i % 2 === 0 ? 10 : 20, { key: 'k' }));
    expect(byStatus(answers)).toEqual({ 201: 10, 422: 10 });
    expect(await chargesOf('duel')).toBe(1);
  });

  it('whose client left before the answer took effect once, or is taken now (HT1)', async () => {
    const { port } = new URL(shop.edge);
    const leave = (userId: string, afterMs: number) =>
      new Promise<void>((resolve) => {
        const socket = net.connect(Number(port), '127.0.0.1', () => {
          const head = `POST /users/${userId}/balance HTTP/1.1\r\nHost: till\r\nContent-Type: application/json\r\n`;
          socket.write(`${head}Idempotency-Key: k\r\nContent-Length: 13\r\n\r\n{"amount":10}`);
          setTimeout(() => socket.destroy(), afterMs);
        });
        socket.on('error', () => undefined);
        socket.on('close', () => resolve());
      });
    const answers = await atOnce(30, async (i) => {
      await leave(`gone-${i}`, i % 6);
      return shop.charge(`gone-${i}`, 10, { key: 'k' });
    });
    expect(new Set(answers.map(({ body }) => body.balance))).toEqual(new Set([10]));
    for (const [i] of answers.entries()) expect(await chargesOf(`gone-${i}`)).toBe(1);
  });

  it('is remembered by a process that has just started', async () => {
    const first = await shop.charge('late', 77, { key: 'k' });
    const fresh = await shop.anotherCommandApi();
    const again = await fresh.charge('late', 77, { key: 'k' });
    expect([again.body, again.headers['idempotent-replayed']]).toEqual([first.body, 'true']);
  });

  it('is answered from recorded facts after every view was emptied', async () => {
    const first = await shop.charge('jung', 1_000, { key: 'k' });
    await shop.charge('jung', 50);
    await shop.balance('jung', { after: first });
    await shop.database.query(`truncate ${VIEWS}`);
    const again = await shop.charge('jung', 1_000, { key: 'k' });
    expect([again.status, again.body, again.headers['idempotent-replayed']]).toEqual([201, first.body, 'true']);
    expectProblem(await shop.charge('jung', 2_000, { key: 'k' }), 422, 'key-reused');
  });

  it.each(['', 'x'.repeat(256), 'ключ'])('must be 1 to 255 printable ASCII characters: not %j', async (key) => {
    const answer = await shop.client.raw({
      method: 'POST',
      path: '/users/ann/balance',
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': Buffer.from(key).toString('latin1') },
      body: '{"amount":1}',
    });
    expectProblem(answer, 400, 'invalid-request');
  });

  it('is needed where it is required: 400 without one (IDEMPOTENCY_REQUIRED)', async () => {
    const strict = await shop.anotherCommandApi({ IDEMPOTENCY_REQUIRED: '1' });
    expectProblem(await strict.charge('max', 1), 400, 'invalid-request');
    expectProblem(await strict.issue('max', 'nothing'), 400, 'invalid-request');
    expectProblem(await strict.order('max', { nothing: 1 }), 400, 'invalid-request');
    expect(bodiesOf([await strict.charge('max', 1, { key: 'k' })], 201)).toEqual([{ userId: 'max', balance: 1 }]);
    expect((await strict.init({ policies: 1 })).status).toBe(200);
  });
});
