import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { audit } from '../../src/audit/audit.ts';
import { Findings } from '../../src/audit/findings.ts';
import { Ledger } from '../../src/audit/ledger.ts';
import { readLog } from '../../src/audit/readLog.ts';
import { type AuditReport, isClean } from '../../src/audit/report.ts';
import { VIEWS } from '../../src/audit/views.ts';
import { createMemoryEventStore } from '../../src/platform/eventStore/memoryEventStore.ts';
import { openDatabase } from '../../src/platform/postgres.ts';
import { World } from '../projections/world.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { History, NOON } from './history.ts';

const now = () => NOON + 30_000;
const metadata = { commandId: 'c', correlationId: 'c', causationId: 'c', actor: 'test' };

const write = async ({ store }: Pick<World, 'store'>, { recorded }: Pick<History, 'recorded'>, from = 0): Promise<void> => {
  for (const { stream, type, data, revision } of recorded.slice(from)) {
    await store.append(stream, [{ id: randomUUID(), type, data, metadata }], revision - 1n);
  }
};

const auditOf = ({ store, database }: World, viewsWaitMs = 5_000): Promise<AuditReport> =>
  audit({ store, database, serviceZone: 'Asia/Seoul', now, viewsWaitMs });

describe('views that the projections have made of a log', () => {
  const history = new History(3);
  let world: World;

  beforeAll(async () => {
    history.open(15, 6);
    history.run(12, 300);
    history.charge('held', 50_000);
    history.submit('held', ['p1'], history.issue('held'));
    for (let n = 0; n < 9; n += 1) history.request(`q${n % 5}`, `tx-${n}`, n % 2 ? 1 : 2);
    history.request('q1', 'tx-99', 99);
    history.endPolicy(2);
    history.request('q1', 'tx-late', 2);
    world = await World.open();
    await write(world, history);
    world.run();
    await world.drained();
    await world.stopAll();
  });
  afterAll(() => world.close());

  it('are as the log says, in every row', async () => {
    const report = await auditOf(world);
    expect(report.violations).toEqual([]);
    expect(isClean(report)).toBe(true);
    expect(report.views.map(({ name }) => name)).toEqual(VIEWS.map(({ name }) => name));
    for (const view of report.views) expect(view).toMatchObject({ ok: true, position: report.position });
    expect(report.views.every(({ rows }) => rows > 0)).toBe(true);
    expect(report.events).toBe(history.recorded.length);
    expect(report.openOrders.count).toBe(1);
  });

  it.each([
    ['accounts', 'balance', 'balance = balance + 1', 'balance = balance - 1'],
    ['balance_history', 'balance_after', 'balance_after = balance_after + 1', 'balance_after = balance_after - 1'],
    ['coupons', 'expires_at', "expires_at = expires_at + '1 ms'::interval", "expires_at = expires_at - '1 ms'::interval"],
    [
      'orders',
      'items',
      `items = jsonb_set(items, '{0,name}', '"x"')`,
      `items = jsonb_set(items, '{0,name}', to_jsonb('name of ' || (items->0->>'productId')))`,
    ],
    ['orders', 'position', 'position = position + 1', 'position = position - 1'],
    ['products', 'stock', 'stock = stock + 1', 'stock = stock - 1'],
    ['coupon_policies', 'issued', 'issued = issued - 1', 'issued = issued + 1'],
    ['coupon_history', 'at', "at = at + '1 ms'::interval", "at = at - '1 ms'::interval"],
    ['coupon_policy_history', 'count', 'count = count + 1', 'count = count - 1'],
    ['coupon_requests', 'decided_at', "decided_at = decided_at + '1 ms'::interval", "decided_at = decided_at - '1 ms'::interval"],
    ['coupon_requests', 'position', 'position = position + 1', 'position = position - 1'],
    ['product_sales', 'quantity', 'quantity = quantity + 1', 'quantity = quantity - 1'],
    ['generations', 'opened_at', "opened_at = opened_at + '1 ms'::interval", "opened_at = opened_at - '1 ms'::interval"],
  ])('%s: one %s that is one off is found', async (name, column, corrupt, mend) => {
    const of = `where ctid = (select ctid from ${name}_v1 order by 1 limit 1)`;
    const [row] = await world.rows<{ row: string }>(`update ${name}_v1 set ${corrupt} ${of} returning ctid::text as row`);
    const report = await auditOf(world);
    await world.rows(`update ${name}_v1 set ${mend} where ctid = '${row?.row}'`);
    expect(report.violations).toHaveLength(1);
    expect(report.violations[0]).toMatchObject({ invariant: 'I17', where: expect.stringMatching(new RegExp(`^${name} .+: ${column}$`)) });
    expect(report.views.filter(({ ok }) => !ok)).toEqual([expect.objectContaining({ name, differences: 1 })]);
    expect(isClean(await auditOf(world))).toBe(true);
  });

  it('a row that is missing is found, and a row too many', async () => {
    await world.rows("update accounts_v1 set user_id = 'nobody' where user_id = 'held'");
    const report = await auditOf(world);
    await world.rows("update accounts_v1 set user_id = 'held' where user_id = 'nobody'");
    expect(report.violations).toEqual([
      { invariant: 'I17', where: 'accounts nobody', expected: 'no row', actual: 'a row more' },
      { invariant: 'I17', where: 'accounts held', expected: 'a row', actual: 'none' },
    ]);
    expect(report.views[0]).toMatchObject({ name: 'accounts', ok: false, differences: 2 });
  });

  it('rows of another store prove nothing', async () => {
    await world.rows("update projections set store_id = 'x' || store_id where name = 'orders'");
    const report = await auditOf(world);
    await world.rows("update projections set store_id = substr(store_id, 2) where name = 'orders'");
    expect(report.violations).toEqual([expect.objectContaining({ invariant: 'I17', where: 'orders' })]);
    expect(isClean(report)).toBe(false);
  });

  it('a position that is no event of the log is told', async () => {
    await world.rows("update projections set commit_position = commit_position + 1 where name = 'orders'");
    const report = await auditOf(world);
    await world.rows("update projections set commit_position = commit_position - 1 where name = 'orders'");
    expect(report.violations).toEqual([expect.objectContaining({ invariant: 'I17', where: 'orders: position', actual: 'none' })]);
  });

  it('a view that stays behind is told, and is compared where it stands', async () => {
    const before = history.recorded.length;
    history.charge('late', 1_000);
    await write(world, history, before);
    const report = await auditOf(world, 200);
    expect(new Set(report.violations.map(({ invariant }) => invariant))).toEqual(new Set(['I22']));
    expect(report.views.every(({ ok, differences }) => !ok && differences === 0)).toBe(true);
  });
});

it('reads on after a broken subscription, and folds no event twice', async () => {
  const store = createMemoryEventStore();
  const history = new History(6);
  history.open();
  history.run(5, 50);
  await write({ store }, history);
  const findings = new Findings();
  const ledger = new Ledger('Asia/Seoul', findings);
  await readLog(store, ledger, await store.head(), () => {
    if (ledger.events === 20 || ledger.events === 21) store.breakSubscriptions();
  });
  expect(ledger.events).toBe(history.recorded.length);
  expect(findings.kept).toEqual([]);
});

it('audits a shop at work: what is written meanwhile is no difference', async () => {
  const world = await World.open();
  try {
    const history = new History(4);
    history.open();
    history.run(10, 200);
    const half = history.recorded.length >> 1;
    await write(world, { recorded: history.recorded.slice(0, half) });
    world.run();
    const writing = write(world, history, half);
    const reports = [await auditOf(world), await auditOf(world)];
    await writing;
    expect(reports.flatMap(({ violations }) => violations)).toEqual([]);
  } finally {
    await world.close();
  }
});

it('a database without views is told, not taken for right', async () => {
  const { url, drop } = await createTestDatabase();
  const world = await World.open();
  const empty = openDatabase(url, { onConnectionError: () => undefined });
  try {
    const report = await audit({ store: world.store, database: empty, serviceZone: 'Asia/Seoul', now, viewsWaitMs: 0 });
    expect(report.violations).toHaveLength(VIEWS.length);
    expect(isClean(report)).toBe(false);
  } finally {
    await empty.close();
    await drop();
    await world.close();
  }
});
