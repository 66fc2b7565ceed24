import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CACHE_VALUE_CHARS_MAX, type Cache } from '../../../src/platform/cache/cache.ts';
import { createInProcessCache } from '../../../src/platform/cache/inProcessCache.ts';
import { createRedisCache } from '../../../src/platform/cache/redisCache.ts';
import { until } from '../../support/processes.ts';
import { hasRedis, hasRedisServer, startTestRedis } from '../../support/redis.ts';

type Opened = Readonly<{ cache: Cache; isUp(): boolean; close(): Promise<void> }>;

const onRedis = async (): Promise<Opened> => {
  const server = hasRedisServer ? await startTestRedis() : null;
  let up = false;
  const answers = (does: boolean): void => {
    up = does;
  };
  const cache = createRedisCache(server?.url ?? (process.env.REDIS_URL as string), { answers, read: () => undefined });
  return {
    cache,
    isUp: () => up,
    close: async () => {
      await cache.close();
      await server?.stop();
    },
  };
};
const inProcess = async (): Promise<Opened> => {
  const cache = createInProcessCache();
  return { cache, isUp: () => true, close: () => cache.close() };
};

describe.each([
  ['in this process', inProcess, true],
  ['on a Redis', onRedis, hasRedis],
] as const)('a cache %s', (_, open, isThere) => {
  const holds = isThere ? it : it.skip;
  let opened: Opened;
  beforeAll(async () => {
    if (isThere) opened = await open();
  });
  // A machine that is busy with other things for too long makes a server look gone for a moment.
  beforeEach(async () => {
    if (isThere) await until(() => opened.isUp());
  });
  afterAll(() => opened?.close());

  const soon = () => Date.now() + 10_000;
  const newKey = () => `till:test:${randomUUID()}`;

  holds('gives back what was set, whatever text that is', async () => {
    for (const text of ['abc', '', '한글 🎟', '{"a":"\\u0000\\r\\n"}', '\u0000\r\n$3']) {
      const key = newKey();
      await opened.cache.set(key, text, soon());
      expect(await opened.cache.get(key)).toBe(text);
    }
  });

  holds('has nothing under a key that nobody set', async () => {
    expect(await opened.cache.get(newKey())).toBeNull();
  });

  holds('keeps the newest of one key', async () => {
    const key = newKey();
    await opened.cache.set(key, 'old', soon());
    await opened.cache.set(key, 'new', soon());
    expect(await opened.cache.get(key)).toBe('new');
  });

  holds('ends a value at the moment that was said, and not a time after it arrived', async () => {
    const key = newKey();
    const endsAt = Date.now() + 60;
    await new Promise((wake) => setTimeout(wake, 30));
    await opened.cache.set(key, 'short', endsAt);
    expect([null, 'short']).toContain(await opened.cache.get(key));
    await new Promise((wake) => setTimeout(wake, endsAt - Date.now() + 2));
    expect(await opened.cache.get(key)).toBeNull();
  });

  holds('does not keep what arrives after its end, and lets go what it had', async () => {
    const key = newKey();
    await opened.cache.set(key, 'first', soon());
    await opened.cache.set(key, 'late', Date.now() - 1);
    expect(await opened.cache.get(key)).toBeNull();
  });

  holds('keeps no text beyond the limit', async () => {
    const key = newKey();
    await opened.cache.set(key, 'x'.repeat(CACHE_VALUE_CHARS_MAX), soon());
    expect((await opened.cache.get(key))?.length).toBe(CACHE_VALUE_CHARS_MAX);
    const other = newKey();
    await opened.cache.set(other, 'x'.repeat(CACHE_VALUE_CHARS_MAX + 1), soon());
    expect(await opened.cache.get(other)).toBeNull();
  });

  holds('answers many at once, each with its own', async () => {
    const keys = Array.from({ length: 200 }, newKey);
    for (const key of keys) await opened.cache.set(key, `value of ${key}`, soon());
    const values = await Promise.all(keys.map((key) => opened.cache.get(key)));
    keys.forEach((key, i) => {
      expect([`value of ${key}`, null]).toContain(values[i]);
    });
    expect(values.filter((value) => value !== null).length).toBeGreaterThan(0);
  });
});

describe('a cache in this process', () => {
  it('lets the oldest go when it is full, and goes by the clock it was given', async () => {
    let now = 0;
    const cache = createInProcessCache(() => now);
    for (let i = 0; i <= 10_000; i += 1) await cache.set(`k${i}`, 'v', 100);
    expect([await cache.get('k0'), await cache.get('k1'), await cache.get('k10000')]).toEqual([null, 'v', 'v']);
    now = 99;
    expect(await cache.get('k1')).toBe('v');
    now = 100;
    expect(await cache.get('k1')).toBeNull();
  });
});
