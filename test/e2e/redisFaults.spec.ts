import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { parseConfig } from '../../src/platform/config.ts';
import type { Running } from '../../src/platform/process.ts';
import { startQueryApi } from '../../src/read-api/main.ts';
import { type Answer, atOnce, byStatus, type Client, clientOf } from '../support/client.ts';
import { until } from '../support/processes.ts';
import { hasRedisServer, startTestRedis, type TestRedis } from '../support/redis.ts';
import { type CommandProcess, eventsOf, startShop, type TestShop } from '../support/shop.ts';
import { silentLog } from '../support/silentLog.ts';

jest.setTimeout(60_000);
const onServer = hasRedisServer ? describe : describe.skip;

const COUNT = 30;
const ASK_EVERY_MS = 30;
/** Milliseconds until all processes are ready. */
const START_MAX_MS = 30_000;
const LISTS = ['/products', '/products/top', '/products/top/realtime', '/coupon-policies', '/coupon-policies?all=true'];
/** Milliseconds: what the queries promise as the lag of a list, the time it may be kept, and a busy machine. */
const LIST_LATE_MAX_MS = 5_000;

const pause = (ms: number) => new Promise<void>((wake) => setTimeout(wake, ms));

onServer('a shop of two command and two query processes whose Redis fails (RC1–RC3, I20)', () => {
  let redis: TestRedis;
  let shop: TestShop;
  let other: CommandProcess;
  let queries: Running;
  let otherQueries: Client;
  beforeAll(async () => {
    redis = await startTestRedis();
    shop = await startShop({ REDIS_URL: redis.url });
    other = await shop.anotherCommandApi();
    const env = { DATABASE_URL: shop.databaseUrl, REDIS_URL: redis.url, QUERY_PORT: '0' };
    queries = await startQueryApi(parseConfig(env), silentLog);
    otherQueries = clientOf(`http://127.0.0.1:${queries.ports.query}`);
    await shop.createProduct({ id: 'p1' });
    for (const client of [shop.client, otherQueries])
      await until(async () => (await client.get('/health/ready')).status === 200, START_MAX_MS);
  }, 2 * START_MAX_MS);
  afterAll(async () => {
    otherQueries.close();
    await queries.stop();
    await shop.stop();
    await redis.stop();
  });

  /** Asks the lists of both query processes until told to stop; every answer. */
  const asking = () => {
    const answers: Answer<unknown>[] = [];
    let going: boolean = true;
    const ask = async (client: Client): Promise<void> => {
      while (going) {
        answers.push(...(await Promise.all(LISTS.map((path) => client.get(path)))));
        await pause(ASK_EVERY_MS);
      }
    };
    const done = Promise.all([ask(shop.client), ask(otherQueries)]);
    return async () => {
      going = false;
      await done;
      return answers;
    };
  };

  const names = ({ body }: Answer<unknown>, member: string): unknown[] => (body as Record<string, unknown>[]).map((row) => row[member]);

  /** What is true in the end, and of what was just written at once, with Redis or without. */
  const expectRight = async (): Promise<void> => {
    const created = await shop.createProduct({ id: `p-${Math.random().toString(36).slice(2)}` });
    for (const client of [shop.client, otherQueries]) {
      expect(names(await client.get('/products', { after: created }), 'id')).toContain(created.body.id);
      await until(async () => names(await client.get('/products'), 'id').includes(created.body.id), LIST_LATE_MAX_MS);
      expect((await client.get('/health/ready')).status).toBe(200);
    }
  };

  const faults: readonly (readonly [string, () => Promise<void>, () => Promise<void>])[] = [
    ['is flushed again and again', () => flushing(20), async () => undefined],
    ['is killed, and started again', () => redis.kill(), () => redis.start()],
    ['is frozen, and goes on', async () => redis.freeze(), async () => redis.thaw()],
    ['destroys its connections again and again', () => cutting(20), async () => undefined],
    ['holds nothing but nonsense', () => spoiling(20), async () => undefined],
  ];
  const flushing = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i += 1) await Promise.all([redis.client.flushall(), pause(10)]);
  };
  const cutting = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i += 1)
      await Promise.all([redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'), pause(10)]);
  };
  const spoiling = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i += 1) {
      const keys = await redis.client.keys('*');
      await Promise.all([...keys.map((key) => redis.client.set(key, 'abc', 'PX', 1_000)), pause(10)]);
    }
  };

  it.each(faults)('%s: no query fails, and exactly as many coupons are issued as there are', async (_, fail, heal) => {
    const { policyId } = (await shop.createPolicy({ count: COUNT })).body;
    const stop = asking();
    const ways = [shop, other];
    const issueAll = (from: number) =>
      atOnce(COUNT, (i) => (ways[i % 2] as CommandProcess | TestShop).issue(`user-${from + i}`, policyId, { key: `k-${from + i}` }));
    const [first] = await Promise.all([issueAll(COUNT), fail()]);
    const second = await issueAll(2 * COUNT);
    const repeated = await issueAll(COUNT);
    await heal();
    const third = await issueAll(3 * COUNT);
    const answers = await stop();

    for (const { status, text } of [...answers, ...first, ...second, ...third]) if (status >= 500) throw new Error(text);
    expect(byStatus(answers)).toEqual({ 200: answers.length });
    expect(byStatus([...first, ...second, ...third])).toEqual({ 201: COUNT, 409: 2 * COUNT });
    expect(await eventsOf(shop, `couponPolicy-${policyId}`, 'CouponIssued')).toBe(COUNT);
    // A repeat is what the first try was.
    expect(repeated.map(({ status, body }) => [status, body.couponId])).toEqual(first.map(({ status, body }) => [status, body.couponId]));
    await expectRight();
  });

  it('coupons that are added are given out although Redis says sold out until its end', async () => {
    const { policyId } = (await shop.createPolicy({ count: 1 })).body;
    expect((await shop.issue('ann', policyId)).status).toBe(201);
    expect(byStatus(await atOnce(20, (i) => (i % 2 ? shop : other).issue(`u${i}`, policyId)))).toEqual({ 409: 20 });
    await shop.addCount(policyId, 1);
    await pause(101);
    expect(byStatus(await atOnce(20, (i) => (i % 2 ? other : shop).issue(`u${i}`, policyId)))).toEqual({ 201: 1, 409: 19 });
  });

  it('two query processes take an answer from one another', async () => {
    const reads = async (client: Client) => {
      const text = (await client.get('/metrics')).text;
      return Number(/^till_query_cache_reads_total\{answer="hit"\} (\d+)/m.exec(text)?.[1] ?? 0);
    };
    // Nothing is kept of a generation that may still be filled; the shop of this test is in none that was opened lately.
    await until(async () => {
      await Promise.all(LISTS.flatMap((path) => [shop.client.get(path), otherQueries.get(path)]));
      return (await reads(shop.client)) + (await reads(otherQueries)) > 0;
    });
  });
});

describe('a shop whose Redis was never there (RC1)', () => {
  it('is ready, sells, and answers', async () => {
    const shop = await startShop({ REDIS_URL: 'redis://127.0.0.1:1' });
    try {
      const { policyId } = (await shop.createPolicy({ count: 2 })).body;
      expect((await shop.client.get('/health/ready')).status).toBe(200);
      const issued = await atOnce(10, (i) => shop.issue(`u${i}`, policyId));
      expect(byStatus(issued)).toEqual({ 201: 2, 409: 8 });
      const product = await shop.createProduct({ id: 'p1' });
      for (const path of LISTS) expect((await shop.client.get(path, { after: product })).status).toBe(200);
      const metrics = (await shop.client.get('/metrics')).text;
      expect(metrics).toMatch(/^till_query_cache_up 0$/m);
      expect(metrics).toMatch(/^till_command_cache_up 0$/m);
    } finally {
      await shop.stop();
    }
  });
});
