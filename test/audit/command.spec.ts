import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createEsdbEventStore } from '../../src/platform/eventStore/esdbEventStore.ts';
import { openDatabase } from '../../src/platform/postgres.ts';
import { allProjections } from '../../src/projections/models/all.ts';
import { Runner } from '../../src/projections/runner.ts';
import { startTestEventStore } from '../support/eventStore.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { startScript, until } from '../support/processes.ts';
import { silentLog } from '../support/silentLog.ts';
import { History } from './history.ts';

const metadata = { commandId: 'c', correlationId: 'c', causationId: 'c', actor: 'test' };

/** What `till audit` prints and ends with, in a process of its own. */
const till = async (args: readonly string[], env: NodeJS.ProcessEnv) => {
  const started = startScript('src/cli/main.ts', ['audit', ...args], env);
  const status = await started.ended;
  return { status, out: started.out(), err: started.err() };
};

describe('till audit', () => {
  const history = new History(5);
  const closers: (() => Promise<unknown>)[] = [];
  const dataDir = mkdtempSync(join(tmpdir(), 'till-audit-'));
  let env: NodeJS.ProcessEnv = {};
  let database: ReturnType<typeof openDatabase>;

  beforeAll(async () => {
    const server = await startTestEventStore();
    const { url, drop } = await createTestDatabase();
    const store = createEsdbEventStore(server.url);
    database = openDatabase(url, { onConnectionError: () => undefined });
    closers.push(
      () => store.close(),
      () => database.close(),
      drop,
      () => server.stop(),
    );
    env = { EVENTSTORE_URL: server.url, DATABASE_URL: url, DATA_DIR: dataDir };
    history.open();
    history.run(10, 150);
    for (const { stream, type, data, revision } of history.recorded) {
      await store.append(stream, [{ id: randomUUID(), type, data, metadata }], revision - 1n);
    }
    const runner = new Runner({ database, store, projections: allProjections('Asia/Seoul'), log: silentLog });
    runner.start();
    await until(() => runner.state === 'following');
    await runner.stop();
  }, 90_000);

  afterAll(async () => {
    for (const close of closers) await close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('ends with 0 when everything is right, and prints JSON when asked', async () => {
    const { status, out, err } = await till(['--json'], env);
    expect(err).toBe('');
    expect(status).toBe(0);
    const report = JSON.parse(out);
    expect(report).toMatchObject({ events: history.recorded.length, violations: [], openOrders: { count: 0 } });
    expect(report.invariants.every(({ ok }: { ok: boolean }) => ok)).toBe(true);
    expect(report.views).toHaveLength(11);
  }, 90_000);

  it('ends with 1 on one won that is wrong, and says which', async () => {
    const [row] = (await database.query<{ user_id: string }>('select user_id from accounts order by user_id limit 1')).rows;
    await database.query('update accounts_v1 set balance = balance + 1 where user_id = $1', [row?.user_id]);
    const { status, out } = await till([], env);
    expect(status).toBe(1);
    expect(out).toContain(`I17 accounts ${row?.user_id}: balance: expected `);
    expect(out).toContain('1 violation');
    expect(out).not.toContain('no violation');
  }, 90_000);

  it('ends with 2 on wrong usage, and when there are no stores to read', async () => {
    expect(await till(['--jsno'], env)).toMatchObject({ status: 2, out: '' });
    const nowhere = await till([], { DATA_DIR: dataDir });
    expect(nowhere).toMatchObject({ status: 2, out: '' });
    expect(nowhere.err).toContain('EVENTSTORE_URL and DATABASE_URL not set');
  }, 90_000);

  it('ends with 1 when a store cannot be read', async () => {
    const { status, out, err } = await till([], { ...env, DATABASE_URL: 'postgres://till@127.0.0.1:1/none' });
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(err).not.toBe('');
  }, 90_000);
});
