import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { Cache } from '../../src/platform/cache/cache.ts';
import { createRedisCache } from '../../src/platform/cache/redisCache.ts';
import { KeptAnswer } from '../../src/read-api/keptAnswer.ts';
import { type AnswerKind, shareAnswers } from '../../src/read-api/sharedAnswer.ts';
import { until } from '../support/processes.ts';
import { hasRedisServer, startTestRedis, type TestRedis } from '../support/redis.ts';

const KEEP_MS = 1_000;
const kind: AnswerKind<string> = { name: 'test', keepMs: KEEP_MS, shape: z.array(z.string()), value: z.string() };

const onServer = hasRedisServer ? describe : describe.skip;

onServer('answers shared by query processes (RC3)', () => {
  let redis: TestRedis;
  let cache: Cache;
  let up = false;
  let offsetMs: number;
  let present: number;
  let asOf: bigint;
  let takes: string[];
  beforeAll(async () => {
    redis = await startTestRedis();
    const answers = (does: boolean): void => {
      up = does;
    };
    cache = createRedisCache(redis.url, { answers, read: () => undefined });
  });
  afterAll(async () => {
    await cache.close();
    await redis.stop();
  });
  beforeEach(async () => {
    [offsetMs, present, asOf, takes] = [0, 1, 50n, []];
    await redis.client.flushall();
    await until(() => up);
  });
  afterEach(() => expect(up).toBe(true));

  type Process = Readonly<{ store?: string | null; of?: AnswerKind<string>; clockAheadMs?: number }>;
  /** A query process of its own, with the name that its answers carry. */
  const processCalled = (name: string, { store = 'store-1', of = kind, clockAheadMs = 0 }: Process = {}) => {
    const clock = { now: () => Date.now() + offsetMs + clockAheadMs, monotonic: () => performance.now() + offsetMs };
    const take = async () => {
      takes.push(name);
      return { asOf, value: { of: { generation: present, opened_at: '1000' }, value: `[${name} ${takes.length}]`, untilAt: null } };
    };
    const shared = shareAnswers(of, cache, () => store, clock);
    return new KeptAnswer(clock, KEEP_MS, async () => ({ asOf, value: present }), take, shared);
  };
  const keys = () => redis.client.keys('*');
  const given = (n = 1) => until(async () => (await keys()).length === n);

  it('one takes an answer, the others find it', async () => {
    const [east, west] = [processCalled('east'), processCalled('west')];
    const first = await east.read(null);
    await given();
    expect(await west.read(null)).toEqual(first);
    expect(takes).toEqual(['east']);
  });

  it('no answer is older than it may be, wherever it comes from', async () => {
    const [east, west] = [processCalled('east'), processCalled('west')];
    await east.read(null);
    await given();
    offsetMs = KEEP_MS / 2;
    await west.read(null);
    expect(takes).toEqual(['east']);
    offsetMs = KEEP_MS + 100;
    expect((await west.read(null)).value).toBe('[west 2]');
  });

  it('D39: none from below the token of the caller is given out, whoever took it', async () => {
    const [east, west] = [processCalled('east'), processCalled('west')];
    await east.read(null);
    await given();
    asOf = 51n;
    expect(await west.read(51n)).toEqual({ asOf: 51n, value: '[west 2]' });
    expect(await east.read(51n)).toMatchObject({ asOf: 51n });
  });

  it('none of another generation is given out', async () => {
    const [east, west] = [processCalled('east'), processCalled('west')];
    await east.read(null);
    await given();
    present = 2;
    expect((await west.read(null)).value).toBe('[west 2]');
  });

  it('none of another shop, of another shape or by other settings is found', async () => {
    await processCalled('ours').read(null);
    await given();
    const others: readonly Process[] = [
      { store: 'store-2' },
      { of: { ...kind, name: 'other' } },
      { of: { ...kind, shape: z.array(z.number()) } },
      { of: { ...kind, settings: [5] } },
    ];
    for (const [i, other] of others.entries()) {
      expect((await processCalled(`p${i}`, other).read(null)).value).toBe(`[p${i} ${i + 2}]`);
      await given(i + 2);
    }
  });

  it('nothing is shared while it is not known of which store the views tell', async () => {
    await processCalled('east', { store: null }).read(null);
    expect((await processCalled('west', { store: null }).read(null)).value).toBe('[west 2]');
    expect(await keys()).toEqual([]);
  });

  it('what is broken, half, of another kind or from the future counts for nothing', async () => {
    await processCalled('east').read(null);
    await given();
    const [key = ''] = await keys();
    const good = (await redis.client.get(key)) ?? '';
    const value = JSON.parse(good);
    const broken = [
      'abc',
      '',
      'null',
      '[]',
      '{}',
      good.slice(0, -1),
      JSON.stringify({ ...value, asOf: '-2' }),
      JSON.stringify({ ...value, asOf: 50 }),
      JSON.stringify({ ...value, takenAt: Date.now() + 5_000 }),
      JSON.stringify({ ...value, takenAt: 0 }),
      JSON.stringify({ ...value, more: 1 }),
      JSON.stringify({ ...value, of: { ...value.of, value: 7 } }),
    ];
    for (const text of broken) {
      await redis.client.set(key, text, 'PX', 60_000);
      const before = takes.length;
      expect([text, (await processCalled('west').read(null)).value]).toEqual([text, `[west ${before + 1}]`]);
    }
    await redis.client.del(key);
    await redis.client.rpush(key, good);
    expect((await processCalled('west').read(null)).value).toMatch(/west/);
  });

  it('Redis lets an answer go at its end, which is at most a second after it was taken', async () => {
    await processCalled('east').read(null);
    await given();
    expect(await redis.client.pttl((await keys())[0] as string)).toBeLessThanOrEqual(KEEP_MS);
  });

  it('an answer whose SET comes late is gone at the moment it would have been', async () => {
    const east = processCalled('east');
    redis.freeze();
    await east.read(null);
    await new Promise((wake) => setTimeout(wake, KEEP_MS + 50));
    redis.thaw();
    await until(() => up);
    expect((await processCalled('west').read(null)).value).toMatch(/west/);
  });

  it('an answer from before what a process has shown already is not taken up', async () => {
    const [east, west] = [processCalled('east'), processCalled('west')];
    asOf = 60n;
    await east.read(null);
    await given();
    offsetMs = KEEP_MS + 10;
    asOf = 55n;
    await redis.client.flushall();
    await west.read(null);
    await given();
    expect((await east.read(null)).value).toMatch(/east/);
  });

  it('a stampede asks the cache and the database once a process', async () => {
    const reads = async () => Number(/cmdstat_get:calls=(\d+)/.exec(await redis.client.info('commandstats'))?.[1] ?? 0);
    await redis.client.config('RESETSTAT');
    const east = processCalled('east');
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => east.read(null)));
    expect(new Set(answers.map(({ value }) => value))).toEqual(new Set(['[east 1]']));
    expect([takes.length, await reads()]).toEqual([1, 1]);
  });
});
