import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Delivery, EventStore, SubscribeOptions } from '../../src/platform/eventStore/eventStore.ts';
import { createMemoryEventStore } from '../../src/platform/eventStore/memoryEventStore.ts';
import { advance } from '../../src/projections/checkpoints.ts';
import { accounts } from '../../src/projections/models/accounts.ts';
import { productSales } from '../../src/projections/models/productSales.ts';
import type { Projection } from '../../src/projections/projection.ts';
import { register } from '../../src/projections/register.ts';
import { charged, created, generationOpened, issued, line, placed, policyOpened, received, submitted } from './facts.ts';
import { eventually, projections, World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(async () => {
  await world.close();
});

const order = { orderId: 'o1', lines: [line('p1', 2)], couponId: 'cp1-1-1', discount: 2_000 };
const balances = () => world.rows<{ user_id: string; balance: string }>('select user_id, balance from accounts order by user_id');
const haltedOf = async () => (await world.checkpoints()).filter(({ halted }) => halted !== null);
const alarms = () => world.logged.filter(({ alarm }) => alarm !== undefined).map(({ alarm }) => alarm);

const readersOf = (category: keyof Projection['handles']) =>
  projections
    .filter(({ handles }) => handles[category])
    .map(({ name }) => name)
    .sort();

/** A store whose subscriptions are bent on the way. */
const bent = (store: EventStore, subscribe: (options: SubscribeOptions) => AsyncIterable<Delivery>): EventStore => ({
  readStream: store.readStream.bind(store),
  append: store.append.bind(store),
  head: store.head.bind(store),
  identity: store.identity.bind(store),
  close: store.close.bind(store),
  subscribe,
});

describe('a fresh database', () => {
  it('has every view live at its version, at the place of the last event, with the store it belongs to', async () => {
    await world.recordOurs('account-ann', charged(1, 100, 100));
    world.run();
    await world.drained();
    const head = String(await world.store.head());
    const storeId = await world.store.identity();
    const rows = await world.checkpoints();
    expect(rows.map(({ name, version, status }) => [name, version, status])).toEqual(
      projections.map(({ name }) => [name, 1, 'live']).sort(),
    );
    expect(rows.map((row) => [row.store_id, row.commit_position, row.prepare_position])).toEqual(rows.map(() => [storeId, head, head]));
  });

  it('follows what is appended later, and passes over streams of others', async () => {
    const runner = world.run();
    await world.registered();
    await world.record('strangers-1', { type: 'Whatever', data: {} });
    await world.recordOurs('account-ann', charged(1, 100, 100));
    await eventually(balances, (rows) => rows.length === 1);
    await eventually(
      () => runner.state,
      (state) => state === 'following',
    );
    await world.recordOurs('account-ann', charged(2, 50, 150));
    expect(await eventually(balances, ([row]) => row?.balance === '150')).toEqual([{ user_id: 'ann', balance: '150' }]);
  });

  it('has caught up also when more comes right behind the end of the log, in the same batch', async () => {
    const { store } = world;
    const busy = bent(store, async function* (options) {
      for await (const delivery of store.subscribe(options)) {
        yield delivery;
        if (delivery.kind === 'caught-up') yield { kind: 'checkpoint', position: await store.head() };
      }
    });
    await world.recordOurs('account-ann', charged(1, 100, 100));
    const runner = world.run({}, { store: busy });
    await eventually(
      () => runner.state,
      (state) => state === 'following',
    );
  });
});

describe('redelivery (PJ2, I17, I18, D25)', () => {
  it('ignores what was applied before, within a subscription and after a reconnect', async () => {
    const { store } = world;
    const twice = bent(store, async function* (options) {
      // From the very beginning, and every event two times.
      for await (const delivery of store.subscribe({ ...options, after: null })) {
        yield delivery;
        if (delivery.kind === 'event') yield delivery;
      }
    });
    await world.recordOurs('shop-main', generationOpened(1, ['p1', '2026-01-05', 500]));
    await world.recordOurs('account-ann', charged(1, 10_000, 10_000), submitted(2, 8_000, order), placed(order));
    world.run({ batchMax: 2 }, { store: twice });
    await world.drained();
    store.breakSubscriptions();
    await world.recordOurs('couponPolicy-cp1-1', issued('cp1-1', 1, 'ann'));
    await world.drained();
    expect(await world.rows('select * from product_sales')).toEqual([{ product_id: 'p1', day: '2026-01-05', quantity: '502' }]);
    expect(await world.rows('select number, status from coupons')).toEqual([{ number: '1', status: 'used' }]);
    expect(await haltedOf()).toEqual([]);
  });

  it('CL6: takes a subscription that ends by itself for a fault and begins again', async () => {
    const { store } = world;
    const ending = bent(store, async function* (options) {
      for await (const delivery of store.subscribe(options)) {
        yield delivery;
        if (delivery.kind === 'event') return;
      }
    });
    await world.recordOurs('account-ann', charged(1, 100, 100), charged(2, 100, 200), charged(3, 100, 300));
    world.run({}, { store: ending });
    await world.registered();
    expect(await eventually(balances, ([row]) => row?.balance === '300')).toHaveLength(1);
  });
});

describe('rows and checkpoint (PJ1, PJ3, I18)', () => {
  it('move together or not at all', async () => {
    const session = await world.session();
    const storeId = await world.store.identity();
    const [member] = (await register(session, [productSales('Asia/Seoul')], storeId, () => undefined)).members;
    if (!member) throw new Error('nothing was registered');
    const rows = member.projection.toSql('product_sales_v1', [
      { event: generationOpened(1, ['p1', '2026-01-05', 500]), stream: 'shop-main', revision: 0n, position: 7n },
    ]);
    const failing = { text: 'select 1 / 0' };
    await expect(session.flight([...advance(storeId, [member], 7n), ...rows, failing])).rejects.toThrow('division by zero');
    expect(await world.rows('select * from product_sales')).toEqual([]);
    expect((await world.checkpoints()).map((row) => row.commit_position)).toEqual([null]);
    await session.flight([...advance(storeId, [member], 7n), ...rows]);
    expect(await world.rows('select quantity from product_sales')).toEqual([{ quantity: '500' }]);
    expect((await world.checkpoints()).map((row) => row.commit_position)).toEqual(['7']);
    await session.close();
  });

  it('stop a sleeper that wakes up with an old checkpoint, and never go backwards', async () => {
    const [one, two] = await Promise.all([world.session(), world.session()]);
    const storeId = await world.store.identity();
    const [awake] = (await register(one, [accounts], storeId, () => undefined)).members;
    const [asleep] = (await register(two, [accounts], storeId, () => undefined)).members;
    if (!awake || !asleep) throw new Error('nothing was registered');
    const batch = (amount: number) =>
      accounts.toSql('accounts_v1', [{ event: charged(1, amount, amount), stream: 'account-ann', revision: 0n, position: 5n }]);
    await one.flight([...advance(storeId, [awake], 5n), ...batch(100)]);
    await expect(two.flight([...advance(storeId, [asleep], 6n), ...batch(999)])).rejects.toMatchObject({ code: 'TL001' });
    await expect(one.flight([...advance(storeId, [{ ...awake, at: 5n }], 5n)])).rejects.toMatchObject({ code: 'TL001' });
    await expect(one.flight([...advance('another store', [{ ...awake, at: 5n }], 8n)])).rejects.toMatchObject({ code: 'TL001' });
    expect(await balances()).toEqual([{ user_id: 'ann', balance: '100' }]);
    expect((await world.checkpoints())[0]?.commit_position).toBe('5');
    await Promise.all([one.close(), two.close()]);
  });

  it('of two runners one works and the other takes over when it ends', async () => {
    const first = world.run();
    await eventually(
      () => first.state,
      (state) => state === 'following',
    );
    const second = world.run();
    await eventually(
      () => second.state,
      (state) => state === 'standing-by',
    );
    await world.recordOurs('account-ann', charged(1, 100, 100));
    await world.drained();
    await first.stop();
    await world.recordOurs('account-ann', charged(2, 100, 200));
    await eventually(
      () => second.state,
      (state) => state === 'following',
    );
    expect(await eventually(balances, ([row]) => row?.balance === '200')).toHaveLength(1);
  });

  it('a leader that shows no sign of life is put out by Postgres, and the stand-by takes over', async () => {
    const silent = world.run({ heartbeatMs: 60_000, leaderSilentMaxMs: 300, backOffMinMs: 60_000, backOffMaxMs: 60_000 });
    await eventually(
      () => silent.state,
      (state) => state === 'following',
    );
    const second = world.run();
    await eventually(
      () => second.state,
      (state) => state === 'following',
    );
    expect(silent.state).not.toBe('following');
  });

  it('PJ5, PJ6: begin again from the table when Postgres ends the connection', async () => {
    const runner = world.run();
    await eventually(
      () => runner.state,
      (state) => state === 'following',
    );
    const ended = await world.rows(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    expect(ended.length).toBeGreaterThan(0);
    await world.recordOurs('account-ann', charged(1, 100, 100));
    expect(await eventually(balances, (rows) => rows.length === 1)).toEqual([{ user_id: 'ann', balance: '100' }]);
  });
});

it('PJ9: a lock that is held on a table longer than a statement may take is waited out: nothing halts, nothing is lost', async () => {
  const impatient = world.connect({ statementMaxMs: 200 });
  world.run({}, { database: impatient });
  await world.registered();
  await world.database.transaction(async (tx) => {
    await tx.query('lock table accounts_v1 in access exclusive mode');
    await world.recordOurs('account-ann', charged(1, 100, 100));
    await eventually(
      () => world.logged,
      (lines) => lines.some(({ err }) => (err as { code?: string } | undefined)?.code === '57014'),
    );
  });
  expect(await eventually(balances, (rows) => rows.length === 1)).toEqual([{ user_id: 'ann', balance: '100' }]);
  expect(await haltedOf()).toEqual([]);
  await world.stopAll();
  await impatient.close();
});

describe('poison (PJ4, I17)', () => {
  it('an unknown type halts the projections that read its category; the others go on', async () => {
    await world.recordOurs('account-ann', charged(1, 100, 100));
    const position = await world.record('account-ann', { type: 'BalanceFrozen', data: {} });
    await world.recordOurs('account-ann', charged(2, 100, 200));
    await world.recordOurs('product-p1', created('p1'));
    world.run();
    await world.drained();
    const halted = await haltedOf();
    expect(halted.map(({ name }) => name)).toEqual(readersOf('account'));
    expect(halted[0]?.halted).toMatchObject({ position: String(position), stream: 'account-ann', revision: '1', type: 'BalanceFrozen' });
    expect(halted.every(({ commit_position }) => BigInt(commit_position ?? -1) < position)).toBe(true);
    expect(await balances()).toEqual([{ user_id: 'ann', balance: '100' }]);
    expect(await world.rows('select product_id from products')).toEqual([{ product_id: 'p1' }]);
    expect(alarms()).toContain('projection-halted');
  });

  it('broken data of a known type halts only the projections that use it', async () => {
    await world.record('couponPolicy-cp1-1', { type: 'CouponPolicyOpened', data: { policyId: 'cp1-1' } });
    await world.recordOurs('couponPolicy-cp1-2', policyOpened('cp1-2', 2), issued('cp1-2', 1, 'ann'));
    world.run();
    await world.drained();
    expect((await haltedOf()).map(({ name }) => name)).toEqual(['coupon_policies', 'coupon_policy_history']);
    expect(await world.rows('select coupon_id from coupons')).toEqual([{ coupon_id: 'cp1-2-1' }]);
  });

  it('a fact that the table refuses halts that projection right before it, wherever it stands in the batch', async () => {
    const facts = Array.from({ length: 20 }, (_, i) => charged(i + 1, 10, (i + 1) * 10));
    const twice = charged(7, 10, 999);
    await world.recordOurs('account-ann', ...facts.slice(0, 13), twice, ...facts.slice(13));
    world.run();
    await world.drained();
    expect((await haltedOf()).map(({ name, halted }) => [name, halted?.revision])).toEqual([['balance_history', '13']]);
    expect(await world.rows('select max(seq) as seq, count(*)::int as n from balance_history')).toEqual([{ seq: 13, n: 13 }]);
    expect(await balances()).toEqual([{ user_id: 'ann', balance: '200' }]);
  });

  it('a raised version that reads past the event replaces the one that halted there', async () => {
    await world.recordOurs('account-ann', charged(1, 100, 100));
    await world.record('account-ann', { type: 'BalanceFrozen', data: {} });
    await world.recordOurs('account-ann', charged(2, 100, 200));
    const old = world.run();
    await world.drained();
    await old.stop();
    // A program that knows the type is told here by handling nothing of the category.
    const newer = projections.map((p): Projection => (p.name === 'accounts' ? { ...p, version: 2, handles: {} } : p));
    world.run({}, { projections: newer });
    expect(await eventually(balances, ([row]) => row?.balance === '200')).toHaveLength(1);
    const ofAccounts = (await world.checkpoints()).filter(({ name }) => name === 'accounts');
    expect(ofAccounts.map(({ table_name, status }) => [table_name, status])).toEqual([
      ['accounts_v1', 'standby'],
      ['accounts_v2', 'live'],
    ]);
  });
});

describe('what is not worth keeping is filled again (ES10, I17)', () => {
  it('the positions of another store', async () => {
    await world.recordOurs('account-ann', charged(1, 100, 100));
    await world.recordOurs('account-bob', charged(1, 100, 100));
    const runner = world.run();
    await world.drained();
    await runner.stop();
    const another = createMemoryEventStore();
    await world.store.close();
    world.store = another;
    await world.recordOurs('account-eve', charged(1, 7, 7));
    world.run();
    expect(await eventually(balances, ([row]) => row?.user_id === 'eve')).toEqual([{ user_id: 'eve', balance: '7' }]);
    await world.drained();
    const storeId = await another.identity();
    expect((await world.checkpoints()).every((row) => row.store_id === storeId)).toBe(true);
    expect(world.logged).toContainEqual(
      expect.objectContaining({ alarm: 'read-model-rebuilt', reason: 'another-store', table: 'accounts_v1' }),
    );
  });

  it.each([
    ['its checkpoint was deleted', 'delete from projections', 'checkpoint-missing'],
    ['its table was dropped', 'drop table accounts_v1 cascade', 'table-missing'],
  ])('a table when %s', async (_what, harm, reason) => {
    await world.recordOurs('account-ann', charged(1, 100, 100));
    await world.recordOurs('inventory-main', received('p1', 10));
    await world.recordOurs('product-p1', created('p1'));
    const runner = world.run();
    await world.drained();
    const before = await world.tables();
    await runner.stop();
    await world.database.query(harm);
    world.run();
    await world.registered();
    await world.drained();
    expect(await world.tables()).toEqual(before);
    expect(await balances()).toEqual([{ user_id: 'ann', balance: '100' }]);
    expect(world.logged).toContainEqual(expect.objectContaining({ alarm: 'read-model-rebuilt', reason }));
  });
});

it('ES10: an older copy of the log is refused, and the views stay as they are', async () => {
  await world.recordOurs('account-ann', charged(1, 100, 100));
  const runner = world.run();
  await world.drained();
  await runner.stop();
  await world.database.query('update projections set commit_position = 1000000, prepare_position = 1000000');
  await world.recordOurs('account-ann', charged(2, 100, 200));
  world.run();
  await eventually(
    () => world.logged.map(({ err }) => (err as { type?: string } | undefined)?.type),
    (types) => types.includes('CheckpointsAhead'),
  );
  expect(await balances()).toEqual([{ user_id: 'ann', balance: '100' }]);
});

describe('a raised version (BG1, BG2, I17)', () => {
  const doubled: Projection = {
    ...productSales('Asia/Seoul'),
    version: 2,
    toSql: (table, events) => {
      const sales = productSales('Asia/Seoul').toSql(table, events);
      return sales
        .map((sql) => ({ ...sql, text: sql.text.replace('select * from', 'select product_id, day, quantity * 2 from') }))
        .map((sql) => ({ ...sql, text: sql.text.replace('$3::bigint[])', '$3::bigint[]) n(product_id, day, quantity)') }));
    },
  };

  it('is filled beside the live one and replaces it when it has caught up; the old table stays', async () => {
    await world.recordOurs('shop-main', generationOpened(1, ['p1', '2026-01-05', 500]));
    const old = world.run();
    await world.drained();
    await old.stop();
    const others = projections.filter(({ name }) => name !== 'product_sales');
    world.run({}, { projections: [...others, productSales('Asia/Seoul'), doubled] });
    await eventually(
      () => world.rows('select * from product_sales'),
      ([row]) => row?.quantity === '1000',
    );
    await world.recordOurs('shop-main', generationOpened(2, ['p1--2', '2026-01-06', 1]));
    await world.drained();
    expect(await world.rows('select product_id, quantity from product_sales order by 1')).toEqual([
      { product_id: 'p1', quantity: '1000' },
      { product_id: 'p1--2', quantity: '2' },
    ]);
    const versions = (await world.checkpoints()).filter(({ name }) => name === 'product_sales');
    expect(versions.map(({ version, status }) => [version, status])).toEqual([
      [1, 'standby'],
      [2, 'live'],
    ]);
    expect(await world.rows('select quantity from product_sales_v1')).toContainEqual({ quantity: '500' });
    expect(alarms()).toEqual([]);
    await world.stopAll();
    world.run();
    await eventually(alarms, (all) => all.includes('read-model-not-fed'));
    expect(await world.rows("select version from projections where name = 'product_sales' and status = 'live'")).toEqual([{ version: 2 }]);
  });
});

describe('no progress (PJ7)', () => {
  it('alarms when the log goes on and nothing arrives, and restarts the subscription', async () => {
    const { store } = world;
    let subscriptions = 0;
    const hanging = bent(store, async function* (options) {
      subscriptions += 1;
      if (subscriptions > 1) return yield* store.subscribe(options);
      // Says that all is well and never delivers anything.
      yield { kind: 'caught-up' };
      await new Promise<void>((resolve) => options.signal.addEventListener('abort', () => resolve()));
    });
    world.run({ alarmAfterMs: 100, restartAfterMs: 300 }, { store: hanging });
    await world.registered();
    await world.recordOurs('account-ann', charged(1, 100, 100));
    expect(await eventually(balances, (rows) => rows.length === 1)).toEqual([{ user_id: 'ann', balance: '100' }]);
    expect(alarms()).toEqual(['read-models-stand-still', 'read-models-stand-still']);
  });

  it("is no alarm while the end of the log holds only the store's own events", async () => {
    const { store } = world;
    const ahead: EventStore = { ...bent(store, (options) => store.subscribe(options)), head: async () => (await store.head()) + 100n };
    await world.recordOurs('account-ann', charged(1, 100, 100));
    const runner = world.run({ alarmAfterMs: 60, restartAfterMs: 200 }, { store: ahead });
    await eventually(
      () => runner.state,
      (state) => state === 'following',
    );
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(runner.state).toBe('following');
    expect(world.logged.filter(({ level }) => Number(level) > 30)).toEqual([]);
  });
});
