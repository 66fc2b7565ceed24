import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { created, generationOpened, line, NOON, placed, received, submitted, taken } from '../projections/facts.ts';
import { Shop } from './shop.ts';

const inGeneration = (generation: number, productId: string) => {
  const event = created(productId);
  return { ...event, data: { ...event.data, generation } } as typeof event;
};
const ids = (rows: readonly { productId: string; soldQty: number }[]) => rows.map(({ productId, soldQty }) => [productId, soldQty]);

let shop: Shop;
beforeEach(async () => {
  shop = await Shop.open();
});
afterEach(() => shop.close());

describe('products', () => {
  it('lists those of this generation by id, and still finds older ones by theirs', async () => {
    const { world } = shop;
    await world.recordOurs('product-old', inGeneration(0, 'old'));
    await world.recordOurs('shop-main', generationOpened(1));
    for (const id of ['b', 'B', 'a', 'a-1']) await world.recordOurs(`product-${id}`, created(id));
    await world.recordOurs('inventory-main', received('a', 10), taken('o1', ['a', 3]));
    await world.drained();
    const { body } = await shop.get('/products');
    expect(body.map(({ id }: { id: string }) => id)).toEqual(['B', 'a', 'a-1', 'b']);
    expect(body[1]).toEqual({ id: 'a', name: 'name of a', price: 2_000, stock: 7 });
    expect((await shop.get('/products/a')).body).toEqual(body[1]);
    expect((await shop.get('/products/old')).status).toBe(200);
    const unknown = await shop.get('/products/none');
    expect([unknown.status, unknown.body.type, unknown.body.message]).toEqual([
      404,
      '/problems/unknown-product',
      '상품을 찾을 수 없습니다.',
    ]);
    const wrong = await shop.get('/products/-a');
    expect([wrong.status, wrong.body.message]).toEqual([400, '유효하지 않은 상품 ID입니다.']);
  });

  it('gives 250 products in pages of 100, also when one comes in between', async () => {
    const { world } = shop;
    await world.recordOurs('shop-main', generationOpened(1));
    for (let i = 0; i < 250; i += 1) {
      const id = `p${String(i).padStart(3, '0')}`;
      await world.recordOurs(`product-${id}`, created(id));
    }
    await world.drained();
    const pages = await shop.pages('/products');
    expect(pages.map(({ body }) => body.length)).toEqual([100, 100, 50]);
    const all = pages.flatMap(({ body }) => body.map(({ id }: { id: string }) => id));
    expect(all).toEqual([...new Set(all)].sort());
    const token = await world.recordOurs('product-a0', created('a0'));
    const [first, second] = await shop.pages(`/products?readAfter=${token}`);
    expect(first?.body[0].id).toBe('a0');
    expect(second?.body[0].id).toBe('p099');
  });
});

describe('top products in Seoul on 5 January', () => {
  const open = async (...sold: readonly (readonly [string, string, number])[]) => {
    await shop.world.recordOurs('shop-main', generationOpened(1, ...sold));
    for (const id of new Set(sold.map(([productId]) => productId))) await shop.world.recordOurs(`product-${id}`, created(id));
    await shop.world.drained();
  };

  it('R44: /top is the three days before today, /top/realtime today and the two before; day −4 is in neither', async () => {
    await open(
      ['today', '2026-01-05', 1],
      ['minus1', '2026-01-04', 2],
      ['minus2', '2026-01-03', 3],
      ['minus3', '2026-01-02', 4],
      ['minus4', '2026-01-01', 5],
    );
    expect(ids((await shop.get('/products/top')).body)).toEqual([
      ['minus3', 4],
      ['minus2', 3],
      ['minus1', 2],
    ]);
    const realtime = await shop.get('/products/top/realtime');
    expect(realtime.body[0]).toEqual({ productId: 'minus2', name: 'name of minus2', soldQty: 3 });
    expect(ids(realtime.body)).toEqual([
      ['minus2', 3],
      ['minus1', 2],
      ['today', 1],
    ]);
  });

  it('R44: the day begins at midnight of the service zone', async () => {
    await open(['today', '2026-01-05', 1], ['minus3', '2026-01-02', 4]);
    const midnight = Date.parse('2026-01-05T00:00:00.000+09:00');
    shop.now = midnight - 1;
    expect(ids((await shop.get('/products/top/realtime')).body)).toEqual([['minus3', 4]]);
    shop.now = midnight;
    expect(ids((await shop.get('/products/top/realtime')).body)).toEqual([['today', 1]]);
    expect(ids((await shop.get('/products/top')).body)).toEqual([['minus3', 4]]);
    shop.now = midnight + 86_400_000;
    expect(ids((await shop.get('/products/top')).body)).toEqual([['today', 1]]);
  });

  it('R45: most sold first, ties by id in code points, five at most; nobody-bought and older generations are absent', async () => {
    await open(
      ['b', '2026-01-05', 2],
      ['B', '2026-01-05', 2],
      ['a', '2026-01-04', 1],
      ['a', '2026-01-05', 1],
      ['c', '2026-01-05', 9],
      ['d', '2026-01-05', 1],
      ['e', '2026-01-05', 1],
    );
    await shop.world.recordOurs('product-unsold', created('unsold'));
    await shop.world.drained();
    expect(ids((await shop.get('/products/top/realtime')).body)).toEqual([
      ['c', 9],
      ['B', 2],
      ['a', 2],
      ['b', 2],
      ['d', 1],
    ]);
    await shop.world.recordOurs('shop-main', generationOpened(2));
    await shop.world.drained();
    expect((await shop.get('/products/top/realtime')).body).toEqual([]);
  });

  it('R43: counts a placed order on its day, at once for who asks with the token of the order', async () => {
    await open(['p1', '2026-01-05', 10], ['p2', '2026-01-05', 11]);
    expect(ids((await shop.get('/products/top/realtime')).body)).toEqual([
      ['p2', 11],
      ['p1', 10],
    ]);
    const order = { orderId: 'o1', lines: [line('p1', 2)], at: NOON };
    const token = await shop.world.recordOurs('account-ann', submitted(1, 0, order), placed(order));
    const answer = await shop.get('/products/top/realtime', { 'Read-After': String(token) });
    expect(ids(answer.body)).toEqual([
      ['p1', 12],
      ['p2', 11],
    ]);
    expect(answer.asOf).toBeGreaterThanOrEqual(token);
  });
});

it('TOP_LIMIT and TOP_DAYS are configuration', async () => {
  const other = await Shop.open({ TOP_LIMIT: '1', TOP_DAYS: '1' });
  try {
    await other.world.recordOurs(
      'shop-main',
      generationOpened(1, ['p1', '2026-01-05', 1], ['p2', '2026-01-05', 2], ['p1', '2026-01-04', 9]),
    );
    for (const id of ['p1', 'p2']) await other.world.recordOurs(`product-${id}`, created(id));
    await other.world.drained();
    expect(ids((await other.get('/products/top/realtime')).body)).toEqual([['p2', 2]]);
    expect(ids((await other.get('/products/top')).body)).toEqual([['p1', 9]]);
  } finally {
    await other.close();
  }
});
