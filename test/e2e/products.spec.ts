import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, atOnce, expectProblem, type Json } from '../support/client.ts';
import { until } from '../support/processes.ts';
import { type CommandProcess, startShop, type TestShop } from '../support/shop.ts';

let shop: TestShop;
let other: CommandProcess;
beforeAll(async () => {
  shop = await startShop();
  other = await shop.anotherCommandApi();
}, 90_000);
afterAll(() => shop.stop());

describe('a product', () => {
  it('is answered in full, and found again at its Location', async () => {
    const answer = await shop.client.post('/products', { name: '텀블러', price: 12_000, stock: 7, id: 'tumbler' });
    expect([answer.status, answer.body]).toEqual([201, { id: 'tumbler', name: '텀블러', price: 12_000, stock: 7 }]);
    expect(answer.headers.location).toBe('/products/tumbler');
    expect((await shop.product('tumbler', { after: answer })).body).toEqual(answer.body);
  });

  it('gets an id when it has none, and no stock unless it says so', async () => {
    const answer = await shop.client.post('/products', { name: 'plain', price: 0 });
    expect(answer.body).toEqual({ id: expect.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/), name: 'plain', price: 0, stock: 0 });
    expect(answer.headers.location).toBe(`/products/${answer.body.id}`);
  });

  it('exists once: another with its id is 409, and changes nothing', async () => {
    const first = await shop.createProduct({ id: 'single', price: 5, stock: 1 });
    const again = await other.createProduct({ id: 'single', price: 6, stock: 9 });
    expectProblem(again, 409, 'product-exists');
    expect((await shop.product('single', { after: first })).body).toMatchObject({ price: 5, stock: 1 });
  });

  it('created 20 times at once in two processes exists once', async () => {
    const answers = await atOnce(20, (i) => (i % 2 === 0 ? shop : other).createProduct({ id: 'contested', price: i, stock: 3 }));
    const created = answers.filter(({ status }) => status === 201);
    expect(created).toHaveLength(1);
    const { body } = await shop.product('contested', { after: created[0] as Answer<unknown> });
    expect(body).toEqual(created[0]?.body);
  });

  it('under a key is created once; the answer is the first one’s', async () => {
    const first = await shop.createProduct({ price: 5, stock: 4 }, { key: 'product-1' });
    const again = await other.createProduct({ price: 5, stock: 4 }, { key: 'product-1' });
    expect([again.status, again.body, again.headers['idempotent-replayed']]).toEqual([201, first.body, 'true']);
    expectProblem(await shop.createProduct({ price: 6, stock: 4 }, { key: 'product-1' }), 422, 'key-reused');
    expect((await shop.product(first.body.id, { after: again })).body.stock).toBe(4);
  });

  it.each(['top', 'top-selling'])('may not be called %s', async (id) => {
    expectProblem(await shop.createProduct({ id }), 400, 'invalid-request');
  });

  it.each<Json>([
    { price: -1 },
    { price: 1.5 },
    { price: '5' },
    { price: null },
    { price: 1_000_000_001 },
    { stock: -1 },
    { stock: 1_000_000_001 },
    { stock: 0.5 },
    { id: 'a/b' },
    { id: '' },
    { id: 'x'.repeat(65) },
    { name: '' },
    { name: 'a\u0000' },
    { sold: 1 },
  ])('may not have %j', async (wrong) => {
    expectProblem(await shop.createProduct(wrong), 400, 'invalid-request');
  });

  it('can be bought from another process within a second of its creation', async () => {
    for (const id of ['quick-1', 'quick-2', 'quick-3']) {
      const { body } = await shop.createProduct({ id, price: 0, stock: 1 });
      await until(async () => (await other.order('hasty', { [body.id]: 1 })).status === 201, 1_000);
    }
  });

  it('that nobody made is 404', async () => {
    expectProblem(await shop.product('ghost'), 404, 'unknown-product');
  });

  it('is listed by id', async () => {
    const answer = await shop.createProduct({ id: 'zz-last' });
    const { body } = await shop.client.get<{ id: string }[]>('/products', { after: answer });
    const ids = body.map(({ id }) => id);
    expect(ids).toEqual([...ids].sort());
    expect(ids.at(-1)).toBe('zz-last');
  });
});

describe('received stock', () => {
  it('adds up, all at once and from every process (R39)', async () => {
    await shop.createProduct({ id: 'stocked', stock: 5 });
    const answers = await atOnce(20, (i) => (i % 2 === 0 ? shop : other).receive('stocked', 10));
    expect(answers.map(({ body }) => body.stock).sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => 15 + i * 10));
    const last = await shop.receive('stocked', 1);
    expect([last.status, last.body]).toEqual([200, { id: 'stocked', stock: 206 }]);
    expect((await shop.product('stocked', { after: last })).body.stock).toBe(206);
  });

  it('under a key counts once, and answers the stock it had then', async () => {
    await shop.createProduct({ id: 'keyed' });
    const first = await shop.receive('keyed', 5, { key: 'r' });
    await shop.receive('keyed', 1);
    const again = await other.receive('keyed', 5, { key: 'r' });
    expect([again.body, again.headers['idempotent-replayed']]).toEqual([first.body, 'true']);
    expectProblem(await shop.receive('keyed', 6, { key: 'r' }), 422, 'key-reused');
  });

  it('of an unknown product is 404', async () => {
    expectProblem(await shop.receive('ghost', 1), 404, 'unknown-product');
  });

  it('has a limit that the state knows', async () => {
    await shop.createProduct({ id: 'full' });
    await atOnce(4, () => atOnce(250, () => shop.receive('full', 1_000_000_000)));
    expectProblem(await shop.receive('full', 1), 409, 'limit-exceeded');
  });
});
