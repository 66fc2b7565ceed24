import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { parseProjectionsOptions, WrongUsage } from '../../src/cli/projectionsOptions.ts';
import { startScript, until } from '../support/processes.ts';
import { newUser, startShop, type TestShop } from '../support/shop.ts';

jest.setTimeout(60_000);

describe('what is wrong to ask for', () => {
  it.each([
    [[], 'what to do is missing'],
    [['drop'], 'unknown: projections drop'],
    [['rebuild'], 'name the views to rebuild, or --all'],
    [['rebuild', 'accounts', '--all'], 'name the views to rebuild, or --all'],
    [['promote'], 'name the one view or table to promote'],
    [['retire', 'a', 'b'], 'name the one view or table to retire'],
    [['park', 'accounts'], 'name the view and the position'],
    [['park', 'accounts', '12x', '--reason', 'r'], 'not a position: "12x"'],
    [['park', 'accounts', '9223372036854775808', '--reason', 'r'], 'not a position'],
    [['park', 'accounts', '12', '--reason', '  '], '--reason must say why'],
    [['status', '--colour'], "Unknown option '--colour'"],
  ])('%j: %s', (args, message) => {
    expect(() => parseProjectionsOptions(args)).toThrow(WrongUsage);
    expect(() => parseProjectionsOptions(args)).toThrow(message);
  });
});

describe('with a running shop', () => {
  let shop: TestShop;
  beforeAll(async () => {
    shop = await startShop();
    await newUser(shop, 500);
  });
  afterAll(() => shop.stop());

  const till = async (...args: readonly string[]) => {
    const env = { EVENTSTORE_URL: shop.eventStoreUrl, DATABASE_URL: shop.databaseUrl, DATA_DIR: join(tmpdir(), 'till-no-shop') };
    const started = startScript('src/cli/main.ts', ['projections', ...args], env);
    const status = await started.ended;
    return { status, out: started.out(), err: started.err() };
  };

  it('rebuild fills a view anew and promotes it; promote goes back; retire drops; what cannot be done is status 1, what is wrong 2', async () => {
    const rebuilt = await till('rebuild', 'accounts', '--promote', '--json');
    expect([rebuilt.status, JSON.parse(rebuilt.out)]).toEqual([
      0,
      { seconds: expect.any(Number), tables: ['accounts_v1_2'], promoted: ['accounts_v1_2'] },
    ]);
    const [back, nowhere, unknown] = await Promise.all([
      till('promote', 'accounts'),
      till('promote', 'orders'),
      till('rebuild', 'profits'),
    ]);
    expect(back).toEqual({ status: 0, out: 'accounts_v1 is live\n', err: '' });
    expect(nowhere).toEqual({ status: 1, out: '', err: 'orders has no version that is not live\n' });
    expect([unknown.status, unknown.out]).toEqual([2, '']);
    expect(unknown.err).toContain('no view is called profits; there are accounts, balance_history');
    expect(await till('retire', 'accounts_v1')).toEqual({ status: 1, out: '', err: 'accounts_v1 is live: promote another first\n' });
    expect(await till('retire', 'accounts', '--json')).toEqual({ status: 0, out: '{\n  "retired": "accounts_v1_2"\n}\n', err: '' });
  });

  it('status shows every view, and status 1 with the event when one has halted, until that is parked', async () => {
    const sound = await till('status');
    expect([sound.status, sound.err]).toEqual([0, '']);
    expect(sound.out).toMatch(/^view +table +status +position +lag\naccounts +accounts_v1 +live +\d+ +0\.0 s\n/);
    const event = {
      id: randomUUID(),
      type: 'StockStolen',
      data: {},
      metadata: { commandId: 'c', correlationId: 'c', causationId: 'c', actor: 't' },
    };
    const { position } = await shop.store.append('inventory-other', [event], -1n);
    await until(async () => (await shop.database.query('select 1 from projections where halted is not null')).affected > 0);
    const halted = await till('status');
    expect(halted.status).toBe(1);
    expect(halted.out).toContain(`products_v1 has halted at ${position} (inventory-other@0, StockStolen): no event is called StockStolen`);
    const parked = await till('park', 'products', String(position), '--reason', 'a test');
    expect(parked).toEqual({ status: 0, out: `products goes on without the event at ${position}: a test\n`, err: '' });
    await newUser(shop, 1);
    const after = await till('status', '--json');
    const { views, parked: without } = JSON.parse(after.out);
    expect(after.status).toBe(0);
    expect(views.map(({ halted: at }: { halted: unknown }) => at)).toEqual(views.map(() => null));
    expect(without).toMatchObject([{ name: 'products', position: String(position), type: 'StockStolen', reason: 'a test' }]);
  });

  it('--help tells what each does', async () => {
    const help = await till('--help');
    expect([help.status, help.err]).toEqual([0, '']);
    for (const word of ['status', 'rebuild', 'promote', 'retire', 'park']) expect(help.out).toContain(`\n  ${word}`);
  });
});
