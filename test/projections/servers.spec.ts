import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { type EventStoreServer, startEventStore } from '../../src/embedded/event-store/server.ts';
import { type EmbeddedPostgres, startPostgres } from '../../src/embedded/postgres.ts';
import { createEsdbEventStore } from '../../src/platform/eventStore/esdbEventStore.ts';
import { migrate } from '../../src/platform/migrate.ts';
import { type Database, openDatabase } from '../../src/platform/postgres.ts';
import { Runner } from '../../src/projections/runner.ts';
import { type Started, startScript } from '../support/processes.ts';
import { charged } from './facts.ts';
import { type Logged, recordingLog } from './recordingLog.ts';
import { projections } from './world.ts';

jest.setTimeout(60_000);

const HOST = '127.0.0.1';
/** After faults stop, lag is 0 within so many milliseconds (I22). */
const HEAL_MAX_MS = 30_000;

let folder = '';
let postgres: EmbeddedPostgres;
let store: EventStoreServer;
let database: Database;
let runner: Runner;
const logged: Logged[] = [];
const limits = { backOffMinMs: 20, backOffMaxMs: 300, lockPollMs: 100, heartbeatMs: 200 };

const startStore = (name: string, port = 0): Promise<EventStoreServer> =>
  startEventStore({ host: HOST, port, dataDir: join(folder, name) });
const startDatabase = (port = 0): Promise<EmbeddedPostgres> =>
  startPostgres({ dataDir: join(folder, 'pg'), host: HOST, port, durable: false });
const startRunner = (): void => {
  const events = createEsdbEventStore(store.url);
  runner = new Runner({ database, store: events, projections, log: recordingLog(logged), limits });
  runner.start();
  stopRunner = async () => {
    await runner.stop();
    await events.close();
  };
};
let stopRunner = async (): Promise<void> => undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'till-servers-'));
  chmodSync(folder, 0o755);
  [postgres, store] = await Promise.all([startDatabase(), startStore('es')]);
  await migrate(postgres.url);
  database = openDatabase(postgres.url, { onConnectionError: () => undefined });
  startRunner();
});

afterAll(async () => {
  await stopRunner();
  await database.close();
  await Promise.all([postgres.stop(), store.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

/** Charges 1 to a user that nobody has charged before, and answers who. */
const chargeSomeone = async (): Promise<string> => {
  const userId = `u${randomUUID()}`;
  const client = createEsdbEventStore(store.url);
  const metadata = { commandId: 'c', correlationId: 'c', causationId: 'c', actor: 'test' };
  try {
    await client.append(`account-${userId}`, [{ id: randomUUID(), ...charged(1, 1, 1), metadata }], -1n);
  } finally {
    await client.close();
  }
  return userId;
};

/** Milliseconds until the view shows the user. */
const shown = async (userId: string): Promise<number> => {
  const begun = performance.now();
  for (;;) {
    const found = await database.query('select 1 from accounts where user_id = $1', [userId]).catch(() => null);
    if (found?.affected === 1) return performance.now() - begun;
    if (performance.now() - begun > HEAL_MAX_MS) throw new Error(`${userId} is not shown: the runner is ${runner.state}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

const halted = async (): Promise<number> => (await database.query('select 1 from projections where halted is not null')).affected;

it('follows', async () => {
  expect(await shown(await chargeSomeone())).toBeLessThan(HEAL_MAX_MS);
});

it('the event store restarts: the views go on by themselves', async () => {
  const { port } = store;
  await store.stop();
  store = await startStore('es', port);
  await shown(await chargeSomeone());
  expect(await halted()).toBe(0);
});

it('PJ6: Postgres restarts: the views go on by themselves', async () => {
  const before = await chargeSomeone();
  const { port } = postgres;
  await postgres.stop();
  const meanwhile = await chargeSomeone();
  postgres = await startDatabase(port);
  await shown(meanwhile);
  await shown(before);
});

it('PJ5: Postgres is killed in the middle of writing: rows and checkpoints are those of one moment', async () => {
  const users: string[] = [];
  for (let n = 0; n < 30; n += 1) users.push(await chargeSomeone());
  const { port } = postgres;
  const pid = Number(readFileSync(join(folder, 'pg', 'pg18', 'postmaster.pid'), 'utf8').split('\n')[0]);
  // An immediate stop: no session ends its transaction, the next start recovers from the log as after a crash.
  process.kill(pid, 'SIGQUIT');
  await postgres.stop();
  postgres = await startDatabase(port);
  for (const user of users) await shown(user);
  const [sum] = (await database.query<{ rows: string; users: string }>('select sum(balance) as rows, count(*) as users from accounts'))
    .rows;
  expect(sum?.rows).toBe(sum?.users);
  expect(await halted()).toBe(0);
});

it('PJ6: sessions are ended again and again: nothing is lost or applied twice', async () => {
  for (let round = 0; round < 6; round += 1) {
    const user = await chargeSomeone();
    await database
      .query('select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()')
      .catch(() => null);
    await shown(user);
  }
  const { rows } = await database.query<{ same: boolean }>(
    'select (select sum(balance) from accounts) = (select sum(amount) from balance_history) as same',
  );
  expect(rows).toEqual([{ same: true }]);
});

it('checkpoint rows are deleted while it runs: those views are filled again, and the others go on', async () => {
  await database.query("delete from projections where name in ('accounts', 'products')");
  await shown(await chargeSomeone());
  expect(logged.filter(({ reason }) => reason === 'checkpoint-missing').map(({ table }) => table)).toEqual(['accounts_v1', 'products_v1']);
});

it('a table is dropped while it runs: it is filled again', async () => {
  await database.query('drop table accounts_v1 cascade');
  await shown(await chargeSomeone());
  expect(logged).toContainEqual(expect.objectContaining({ alarm: 'read-model-rebuilt', reason: 'table-missing', table: 'accounts_v1' }));
  expect(await halted()).toBe(0);
});

it('PJ3: a projector that is stopped as leader is overtaken within 10 s, and does no harm when it wakes', async () => {
  await stopRunner();
  const env = { EVENTSTORE_URL: store.url, DATABASE_URL: postgres.url, PROJECTOR_PORT: '0', DATA_DIR: join(folder, 'none') };
  const leader: Started = startScript('src/cli/main.ts', ['projector'], env);
  try {
    await shown(await chargeSomeone());
    startRunner();
    process.kill(leader.pid, 'SIGSTOP');
    expect(await shown(await chargeSomeone())).toBeLessThan(10_000);
    process.kill(leader.pid, 'SIGCONT');
    for (let n = 0; n < 5; n += 1) await shown(await chargeSomeone());
    expect(runner.state).toBe('following');
    expect(leader.out()).not.toContain('projection-halted');
  } finally {
    leader.child.kill('SIGKILL');
    await leader.ended;
  }
});

it('ES10: another event store behind the same address: every view is filled from that one', async () => {
  const { port } = store;
  await store.stop();
  store = await startStore('another', port);
  await shown(await chargeSomeone());
  expect((await database.query<{ n: number }>('select count(*)::int as n from accounts')).rows).toEqual([{ n: 1 }]);
  expect(logged.filter(({ reason }) => reason === 'another-store')).toHaveLength(projections.length);
});
