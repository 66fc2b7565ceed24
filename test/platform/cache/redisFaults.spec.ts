import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CACHE_CALL_MS_MAX, type Cache } from '../../../src/platform/cache/cache.ts';
import { createRedisCache } from '../../../src/platform/cache/redisCache.ts';
import { until } from '../../support/processes.ts';
import { hasRedisServer, startTestRedis, type TestRedis } from '../../support/redis.ts';

const onServer = hasRedisServer ? describe : describe.skip;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A cache and what it told of itself. */
const cacheOn = (url: string) => {
  const turns: boolean[] = [];
  const reads: string[] = [];
  const cache = createRedisCache(url, { answers: (does) => turns.push(does), read: (answer) => reads.push(answer) });
  closing.push(() => cache.close());
  return { cache, turns, reads };
};
const started = async (): Promise<TestRedis> => {
  const redis = await startTestRedis();
  closing.push(() => redis.stop());
  return redis;
};
const soon = () => Date.now() + 60_000;
const timed = async <T>(call: Promise<T>): Promise<readonly [T, number]> => {
  const begun = performance.now();
  return [await call, performance.now() - begun];
};
/** More than the time limit, by what timers and a busy machine may add. */
const LATE_MS = CACHE_CALL_MS_MAX + 250;
const back = (cache: Cache) =>
  until(async () => {
    await cache.set('back', '1', soon());
    return (await cache.get('back')) === '1';
  });

/** A server that takes connections and does as it is told with what comes in. */
const serverThat = async (serve: (socket: Socket) => void): Promise<string> => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

describe('a cache without a server (RC1)', () => {
  it('is empty at once, and says so once, when nobody listens', async () => {
    const { cache, turns, reads } = cacheOn('redis://127.0.0.1:1');
    await until(() => turns.length > 0);
    for (let i = 0; i < 50; i += 1) {
      const [value, ms] = await timed(cache.get('k'));
      expect(value).toBeNull();
      expect(ms).toBeLessThan(50);
      await cache.set('k', 'v', soon());
    }
    expect(turns).toEqual([false]);
    expect(new Set(reads)).toEqual(new Set(['unanswered']));
  });

  it('is empty at once when the server takes connections and never speaks', async () => {
    const { cache, turns } = cacheOn(await serverThat(() => undefined));
    for (let i = 0; i < 20; i += 1) {
      const [value, ms] = await timed(cache.get('k'));
      expect([value, ms < 50]).toEqual([null, true]);
      await new Promise((wake) => setTimeout(wake, 20));
    }
    expect(turns).not.toContain(true);
  });

  it('is empty when what answers is no Redis', async () => {
    const { cache, turns } = cacheOn(
      await serverThat((socket) => socket.on('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))),
    );
    for (let i = 0; i < 20; i += 1) {
      expect(await cache.get('k')).toBeNull();
      await new Promise((wake) => setTimeout(wake, 20));
    }
    expect(turns).not.toContain(true);
  });

  it('closes in time, whatever the server does', async () => {
    for (const url of ['redis://127.0.0.1:1', await serverThat(() => undefined)]) {
      const { cache, turns } = cacheOn(url);
      await until(() => turns.length > 0 || url !== 'redis://127.0.0.1:1');
      const [, ms] = await timed(cache.close());
      expect(ms).toBeLessThan(1_000);
    }
  });
});

onServer('a cache whose server fails (RC1, RC2)', () => {
  it('forgets what was flushed', async () => {
    const redis = await started();
    const { cache } = cacheOn(redis.url);
    await back(cache);
    await cache.set('k', 'v', soon());
    await redis.client.flushall();
    expect(await cache.get('k')).toBeNull();
  });

  it('holds callers up once while the server is frozen, not each of them; and mixes up no answer after it', async () => {
    const redis = await started();
    const { cache, turns } = cacheOn(redis.url);
    await back(cache);
    for (let i = 0; i < 200; i += 1) await cache.set(`k${i}`, `v${i}`, soon());
    redis.freeze();
    const first = await Promise.all(Array.from({ length: 200 }, (_, i) => timed(cache.get(`k${i}`))));
    expect(first.every(([value, ms]) => value === null && ms < LATE_MS)).toBe(true);
    for (let i = 0; i < 100; i += 1) {
      const [value, ms] = await timed(cache.get('k1'));
      expect([value, ms < 50]).toEqual([null, true]);
      await new Promise((wake) => setTimeout(wake, 5));
    }
    expect(turns).toEqual([true, false]);
    redis.thaw();
    await back(cache);
    for (let i = 0; i < 200; i += 1) expect(await cache.get(`k${i}`)).toBe(`v${i}`);
    expect(turns).toEqual([true, false, true]);
  });

  it('ends a value in time that a frozen server takes only when it thaws', async () => {
    const redis = await started();
    const { cache } = cacheOn(redis.url);
    await back(cache);
    redis.freeze();
    await cache.set('k', 'v', Date.now() + 100);
    await new Promise((wake) => setTimeout(wake, 150));
    redis.thaw();
    await back(cache);
    expect(await cache.get('k')).toBeNull();
    expect(await redis.client.get('k')).toBeNull();
  });

  it('comes back by itself after the server was killed and started again', async () => {
    const redis = await started();
    const { cache, turns } = cacheOn(redis.url);
    await back(cache);
    const inFlight = Array.from({ length: 100 }, (_, i) => timed(cache.get(`k${i}`)));
    await redis.kill();
    for (const [value, ms] of await Promise.all(inFlight)) expect([value, ms < LATE_MS]).toEqual([null, true]);
    await until(() => turns.at(-1) === false);
    const [value, ms] = await timed(cache.get('k'));
    expect([value, ms < 50]).toEqual([null, true]);
    await redis.start();
    await back(cache);
    expect(turns).toEqual([true, false, true]);
  });

  it('sends nothing twice when its connection is destroyed in flight', async () => {
    const redis = await started();
    const { cache, turns } = cacheOn(redis.url);
    await back(cache);
    await redis.client.config('RESETSTAT');
    const calls = Array.from({ length: 50 }, (_, i) => timed(cache.set(`k${i}`, 'v', soon())));
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    for (const [, ms] of await Promise.all(calls)) expect(ms).toBeLessThan(LATE_MS);
    await until(() => turns.filter(Boolean).length === 2);
    const sets = /cmdstat_set:calls=(\d+)/.exec(await redis.client.info('commandstats'))?.[1] ?? '0';
    expect(Number(sets)).toBeLessThanOrEqual(50);
  });

  it('takes an error of the server for a miss, and keeps its connection', async () => {
    const redis = await started();
    const { cache, turns } = cacheOn(redis.url);
    await back(cache);
    await redis.client.rpush('list', 'not a text');
    expect(await cache.get('list')).toBeNull();
    await cache.set('other', 'v', soon());
    expect(await cache.get('other')).toBe('v');
    expect(turns).toEqual([true]);
  });
});
