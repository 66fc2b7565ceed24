import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { RequestHandler } from 'express';
import { createApp, type Listening, listen } from '../../src/platform/http.ts';
import { type LoadLimits, shedLoad } from '../../src/platform/loadShedding.ts';
import { limitRate } from '../../src/platform/rateLimit.ts';
import { sparingly } from '../../src/platform/sparingly.ts';
import { atOnce, byStatus, type Client, clientOf, expectProblem } from '../support/client.ts';
import { silentLog } from '../support/silentLog.ts';

let server: Listening | null = null;
let client: Client | null = null;
afterEach(async () => {
  client?.close();
  await server?.close();
});

/** A server on which every request passes `guard` and then takes `ms` milliseconds. */
const serve = async (guard: RequestHandler, ms = 0, options: Partial<Parameters<typeof createApp>[0]> = {}): Promise<Client> => {
  const through: RequestHandler = async (req, res, next) => {
    await new Promise((passed) => guard(req, res, passed));
    await sleep(ms);
    if (req.path === '/things') res.json({});
    else next();
  };
  server = await listen(createApp({ log: silentLog, tables: [], health: {}, through, ...options }), '127.0.0.1', 0);
  client = clientOf(`http://127.0.0.1:${server.port}`);
  return client;
};

/** Keeps the event loop so busy that no turn is shorter than this. */
const busy = (turnMs: number, forMs: number): Promise<void> =>
  new Promise((done) => {
    const end = performance.now() + forMs;
    const turn = () => {
      const until = performance.now() + turnMs;
      while (performance.now() < until);
      if (performance.now() < end) setImmediate(turn);
      else done();
    };
    turn();
  });

describe('too many requests at once (HT6)', () => {
  const limits: Partial<LoadLimits> = { requestsMax: 5 };

  it('are turned away at once with 503, and taken again when some have ended', async () => {
    const calls = await serve(shedLoad(limits), 300);
    const begun = performance.now();
    const answers = await atOnce(20, async () => ({ ...(await calls.get('/things')), ms: performance.now() - begun }));
    expect(byStatus(answers)).toEqual({ 200: 5, 503: 15 });
    const refused = answers.filter(({ status }) => status === 503);
    for (const answer of refused) expectProblem(answer, 503, 'overloaded');
    expect(refused.every(({ headers, ms }) => headers['retry-after'] === '1' && ms < 250)).toBe(true);
    expect((await calls.get('/things')).status).toBe(200);
  });

  it('do not count those whose client has left', async () => {
    const calls = await serve(shedLoad({ requestsMax: 1 }), 200);
    const leaving = fetch(`http://127.0.0.1:${server?.port}/things`, { signal: AbortSignal.timeout(50) }).catch(() => null);
    expect(await leaving).toBeNull();
    await sleep(50);
    expect((await calls.get('/things')).status).toBe(200);
  });
});

describe('a process that is late (HT6)', () => {
  it('bears one long turn, turns requests away while it is late for a second, and takes them again after', async () => {
    const calls = await serve(shedLoad({ lateMsMax: 50 }));
    await busy(400, 1);
    expect((await calls.get('/things')).status).toBe(200);
    const late = busy(200, 3_000);
    const during: number[] = [];
    const asking = (async () => {
      while (during.at(-1) !== 503) during.push((await calls.get('/things')).status);
    })();
    await late;
    await asking;
    expect(during.at(-1)).toBe(503);
    await sleep(1_200);
    expect((await calls.get('/things')).status).toBe(200);
  }, 90_000);

  it('answers for its health all the same', async () => {
    const calls = await serve(shedLoad({ requestsMax: 0 }));
    expect((await calls.get('/things')).status).toBe(503);
    expect((await calls.get('/health/live')).status).toBe(200);
  });
});

describe('a limit on the rate of one address', () => {
  it('answers 429 and when to come back, beyond it, and does not touch health', async () => {
    const calls = await serve((_req, _res, next) => next(), 0, { rateLimit: { requests: 3, seconds: 60 } });
    const answers = [];
    for (let i = 0; i < 4; i += 1) answers.push(await calls.get('/things'));
    expect(byStatus(answers)).toEqual({ 200: 3, 429: 1 });
    const last = answers[3] as (typeof answers)[number];
    expectProblem(last, 429, 'too-many-requests');
    expect(Number(last.headers['retry-after'])).toBeGreaterThan(1);
    expect(last.headers['ratelimit-policy']).toMatch(/q=3; w=60/);
    expect((await calls.get('/health/ready')).status).toBe(200);
  });

  it('believes X-Forwarded-For only of proxies that were named (S8)', async () => {
    const statusesWith = async (trustedProxies: number) => {
      const calls = await serve((_req, _res, next) => next(), 0, { rateLimit: { requests: 1, seconds: 60 }, trustedProxies });
      const from = (address: string) => calls.get('/things', { headers: { 'X-Forwarded-For': address } });
      const statuses = [(await from('10.0.0.1')).status, (await from('10.0.0.2')).status];
      calls.close();
      await server?.close();
      return statuses;
    };
    expect(await statusesWith(0)).toEqual([200, 429]);
    expect(await statusesWith(1)).toEqual([200, 200]);
  });

  it('is there only when it was asked for', async () => {
    const calls = await serve((_req, _res, next) => next());
    expect(byStatus(await atOnce(300, () => calls.get('/things')))).toEqual({ 200: 300 });
    expect(typeof limitRate({ requests: 1, seconds: 1 })).toBe('function');
  });
});

describe('saying something sparingly', () => {
  it('says so many a second, and how many were left out', () => {
    let now = 0;
    const heard: number[] = [];
    const say = sparingly(2, () => now);
    for (let i = 0; i < 5; i += 1) say((unsaid) => heard.push(unsaid));
    expect(heard).toEqual([0, 0]);
    now = 1_000;
    say((unsaid) => heard.push(unsaid));
    expect(heard).toEqual([0, 0, 3]);
  });
});
