import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Problem } from '../../src/platform/problem.ts';
import { ReadGate } from '../../src/read-api/readGate.ts';
import { charged, created, generationOpened } from '../projections/facts.ts';
import { GATE_WAIT_MS, Shop } from './shop.ts';

describe('the read gate over real views', () => {
  let shop: Shop;
  beforeEach(async () => {
    shop = await Shop.open();
    await shop.world.recordOurs('account-ann', charged(1, 100, 100));
    await shop.world.drained();
  });
  afterEach(() => shop.close());

  it('answers at once what the view already holds', async () => {
    const head = await shop.world.store.head();
    const { status, asOf } = await shop.get('/users/ann/balance', { 'Read-After': String(head) });
    expect([status, asOf]).toEqual([200, head]);
  });

  it('RG1: says 503 read-model-behind, to be tried again in 1 s, when the view stays late', async () => {
    await shop.world.stopAll();
    const token = await shop.world.recordOurs('account-ann', charged(2, 50, 150));
    const askedAt = performance.now();
    const { status, headers, body } = await shop.get('/users/ann/balance', { 'Read-After': String(token) });
    expect([status, headers.get('Retry-After'), body.type]).toEqual([503, '1', '/problems/read-model-behind']);
    expect(performance.now() - askedAt).toBeGreaterThanOrEqual(GATE_WAIT_MS - 10);
    expect((await shop.get('/users/ann/balance')).body.balance).toBe(100);
  });

  it('RG2: a token ahead of the log waits and is then late, up to the greatest there is', async () => {
    const { status, body } = await shop.get(`/users/ann/balance?readAfter=${2n ** 63n - 1n}`);
    expect([status, body.type]).toEqual([503, '/problems/read-model-behind']);
  });

  it.each([
    '/users/id?name=ann',
    '/users/ann/balance',
    '/users/ann/balance/history',
    '/users/ann/coupons',
    '/users/ann/orders',
    '/products',
    '/products/top',
    '/products/top/realtime',
    '/coupon-policies',
  ])('I19: waits for the view, and is never below the token: %s', async (path) => {
    await shop.world.stopAll();
    const token = await shop.world.recordOurs('account-ann', charged(2, 50, 150));
    const waiting = shop.get(path, { 'Read-After': String(token) });
    setTimeout(() => shop.world.run({ paceMs: 0 }), 50);
    const { status, asOf } = await waiting;
    expect(status).toBe(200);
    expect(asOf).toBeGreaterThanOrEqual(token);
  });

  it('counts the lowest of the views that a query uses', async () => {
    await shop.world.recordOurs('shop-main', generationOpened(1));
    const token = await shop.world.recordOurs('product-p1', created('p1'));
    await shop.world.drained();
    await shop.world.stopAll();
    await shop.world.rows("update projections set commit_position = 1, prepare_position = 1 where name = 'generations'");
    expect((await shop.get('/products?limit=1')).asOf).toBe(1n);
    expect((await shop.get('/products', { 'Read-After': String(token) })).status).toBe(503);
    expect((await shop.get('/products/p1', { 'Read-After': String(token) })).asOf).toBe(token);
  });

  it('I19, RG4: rows and position are of one moment, whatever is written meanwhile', async () => {
    await shop.world.stopAll();
    const done = new AbortController();
    const writer = (async () => {
      for (let n = 1_000; !done.signal.aborted; n += 1) {
        await shop.world.database.transaction(async (tx) => {
          await tx.query(`update accounts_v1 set balance = ${n} where user_id = 'ann'`);
          await tx.query(`update projections set commit_position = ${n} where name = 'accounts'`);
        });
      }
    })();
    const seen = new Set<bigint>();
    for (let round = 0; round < 60; round += 1) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => shop.get('/users/ann/balance')));
      for (const { body, asOf } of answers) {
        if (asOf >= 1_000n) expect(BigInt(body.balance)).toBe(asOf);
        seen.add(asOf);
      }
    }
    done.abort();
    await writer;
    expect(seen.size).toBeGreaterThan(10);
  });

  it('RG4: a promotion in between shows either version, with its own position', async () => {
    await shop.world.stopAll();
    const { database } = shop.world;
    await database.query('create table accounts_v2 (like accounts_v1)');
    await database.query("insert into accounts_v2 values ('ann', 222, 0)");
    await database.query("update projections set commit_position = 100 where name = 'accounts'");
    await database.query("insert into projections (name, version, status, commit_position) values ('accounts', 2, 'retired', 222)");
    const goLive = (version: number) =>
      database.transaction(async (tx) => {
        await tx.query("update projections set status = 'retired' where name = 'accounts'");
        await tx.query(`update projections set status = 'live' where name = 'accounts' and version = ${version}`);
        await tx.query('drop view accounts cascade');
        await tx.query(`create view accounts as select * from accounts_v${version}`);
      });
    const seen = new Set<string>();
    for (let round = 0; round < 40; round += 1) {
      const reads = Array.from({ length: 10 }, () => shop.get('/users/ann/balance'));
      const [answers] = await Promise.all([Promise.all(reads), goLive((round % 2) + 1)]);
      for (const { status, asOf, body } of answers) seen.add(`${status} ${asOf} ${body.balance}`);
    }
    expect([...seen].sort()).toEqual(['200 100 100', '200 222 222']);
  });
});

describe('the read gate alone', () => {
  const clock = { monotonic: () => performance.now() };
  const late = async () => ({ asOf: 0n, value: 'old' });

  it('RG3, I21: turns away who comes after the last place to wait, and looks with one poller only while someone waits', async () => {
    let looks = 0;
    let at = 0n;
    const positions = async () => {
      looks += 1;
      return new Map([['accounts', at]]);
    };
    const gate = new ReadGate(positions, clock, { waitersMax: 100, pollEveryMs: 5 });
    const read = async () => ({ asOf: at, value: 'new' });
    const waiting = Array.from({ length: 100 }, () => gate.pass(7n, ['accounts'], read));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await expect(gate.pass(7n, ['accounts'], read)).rejects.toMatchObject({ problem: 'overloaded' } satisfies Partial<Problem>);
    expect(looks).toBeLessThanOrEqual(11);
    at = 7n;
    expect((await Promise.all(waiting)).every(({ asOf }) => asOf === 7n)).toBe(true);
    const looksThen = looks;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(looks).toBe(looksThen);
  });

  it('RG3: of 20,000 that come at once 10,000 wait on one look at a time, and the others are told at once', async () => {
    let [looks, looking, most, at] = [0, 0, 0, 0n];
    const positions = async () => {
      looks += 1;
      looking += 1;
      most = Math.max(most, looking);
      await new Promise((resolve) => setTimeout(resolve, 2));
      looking -= 1;
      return new Map([['accounts', at]]);
    };
    const gate = new ReadGate(positions, clock, { waitMaxMs: 20_000 });
    const all = Array.from({ length: 20_000 }, () => gate.pass(7n, ['accounts'], async () => ({ asOf: at, value: 'new' })));
    const settled = Promise.allSettled(all);
    setTimeout(() => {
      at = 7n;
    }, 100);
    const statuses = (await settled).map((each) => (each.status === 'fulfilled' ? each.value.value : (each.reason as Problem).problem));
    const count = (what: string) => statuses.filter((status) => status === what).length;
    expect([count('new'), count('overloaded'), most]).toEqual([10_000, 10_000, 1]);
    expect(looks).toBeLessThan(200);
  });

  it('M38: waits on when rows come from below the token although the checkpoint was seen past it', async () => {
    const gate = new ReadGate(async () => new Map([['accounts', 9n]]), clock, { waitMaxMs: 60 });
    await expect(gate.pass(9n, ['accounts'], late)).rejects.toMatchObject({ problem: 'read-model-behind' });
  });

  it('does not take the position of another view for its own', async () => {
    const gate = new ReadGate(async () => new Map([['orders', 9n]]), clock, { waitMaxMs: 60 });
    let reads = 0;
    const read = async () => {
      reads += 1;
      return late();
    };
    await expect(gate.pass(9n, ['accounts', 'orders'], read)).rejects.toMatchObject({ problem: 'read-model-behind' });
    expect(reads).toBe(1);
  });

  it('a look that fails makes views late and nothing worse', async () => {
    let looks = 0;
    const positions = async () => {
      looks += 1;
      if (looks < 3) throw new Error('no database');
      return new Map([['accounts', 9n]]);
    };
    const gate = new ReadGate(positions, clock, { waitMaxMs: 1_000 });
    const read = async () => ({ asOf: looks < 3 ? 0n : 9n, value: 'new' });
    expect(await gate.pass(9n, ['accounts'], read)).toEqual({ asOf: 9n, value: 'new' });
  });
});
