import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { createEsdbEventStore } from '../../src/platform/eventStore/esdbEventStore.ts';
import { type EventStore, NO_STREAM } from '../../src/platform/eventStore/eventStore.ts';
import { type Database, openDatabase, type Queries } from '../../src/platform/postgres.ts';
import { accounts } from '../../src/projections/models/accounts.ts';
import { promote, requestBuild, retire, versions } from '../../src/projections/versions.ts';
import { startTestEventStore } from '../support/eventStore.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { type Started, startScript, until } from '../support/processes.ts';
import { charged } from './facts.ts';

jest.setTimeout(90_000);

const WAIT_MAX_MS = 30_000;
const metadata = { commandId: 'c', correlationId: 'c', causationId: 'c', actor: 'test' };

let home: Awaited<ReturnType<typeof createTestDatabase>>;
let server: Awaited<ReturnType<typeof startTestEventStore>>;
let database: Database;
let store: EventStore;
let started: Started[] = [];
let charges = 0;

const till = (...args: readonly string[]): Started => {
  const env = { EVENTSTORE_URL: server.url, DATABASE_URL: home.url, PROJECTOR_PORT: '0' };
  const one = startScript('src/cli/main.ts', args, env);
  started.push(one);
  return one;
};
const kill = async ({ child, ended }: Started): Promise<void> => {
  child.kill('SIGKILL');
  await ended;
};

beforeEach(async () => {
  charges = 0;
  [home, server] = await Promise.all([createTestDatabase(), startTestEventStore()]);
  database = openDatabase(home.url, { onConnectionError: () => undefined });
  store = createEsdbEventStore(server.url);
});
afterEach(async () => {
  await Promise.all(started.map(kill));
  started = [];
  await Promise.all([store.close(), database.close()]);
  await Promise.all([server.stop(), home.drop()]);
});

/** Charges 10 and answers what is then to be shown. */
const charge = async (): Promise<string> => {
  charges += 1;
  const event = { id: randomUUID(), ...charged(charges, 10, charges * 10), metadata };
  await store.append('account-ann', [event], charges === 1 ? NO_STREAM : BigInt(charges - 2));
  return String(charges * 10);
};
const balance = async (): Promise<string | undefined> =>
  (await database.query<{ balance: string }>('select balance from accounts')).rows[0]?.balance;
const shown = (due: string) => until(async () => (await balance().catch(() => undefined)) === due, WAIT_MAX_MS);
const statuses = async (): Promise<readonly string[]> =>
  (await versions(database)).filter(({ name }) => name === 'accounts').map(({ table, status }) => `${table} ${status}`);
const begun = async (): Promise<string> => {
  const answer = await requestBuild(database, accounts);
  if (answer.kind === 'refused') throw new Error(answer.reason);
  return answer.value;
};
const caughtUp = (table: string) =>
  until(async () => {
    const all = await versions(database);
    const [build, live] = [all.find((one) => one.table === table), all.find((one) => one.table === 'accounts_v1')];
    return build?.position !== null && build?.position === live?.position;
  }, WAIT_MAX_MS);

/** Somebody waits for a lock that `tx` holds. Asked outside of it: a transaction sees who is connected as of its first look. */
const someoneWaits = async (tx: Queries): Promise<void> => {
  const [mine] = (await tx.query<{ pid: number }>('select pg_backend_pid() as pid')).rows;
  const asked = 'select 1 from pg_stat_activity where $1 = any (pg_blocking_pids(pid))';
  const isAwaited = async (): Promise<boolean> => {
    // A transaction that does nothing for long is ended by the server, and its locks with it.
    await tx.query('select 1');
    return (await database.query(asked, [mine?.pid])).affected > 0;
  };
  await until(isAwaited, WAIT_MAX_MS);
};

/** Kills the process that `start` answers as soon as it waits for the lock, in the middle of what it does. */
const killedAt = (lock: string, start: () => Started | Promise<Started>): Promise<void> =>
  database.transaction(async (tx) => {
    await tx.query(lock);
    const victim = await start();
    await someoneWaits(tx);
    await kill(victim);
  });

it('BG1: a projector killed while it registers a build leaves the live view, and the next one fills the build', async () => {
  const projector = till('projector');
  await shown(await charge());
  await kill(projector);
  const table = await begun();
  // A table of that name stands in the way, for as long as nobody knows whether it stays.
  await killedAt(`create table ${table} ()`, () => till('projector'));
  expect(await statuses()).toEqual(['accounts_v1 live', `${table} building`]);
  expect(await balance()).toBe('10');
  await database.query(`drop table if exists ${table}`);
  till('projector');
  await shown(await charge());
  await caughtUp(table);
});

it('BG1: a projector killed while it fills a build leaves the live view, and the next one goes on filling', async () => {
  const projector = till('projector');
  await shown(await charge());
  const table = await begun();
  await caughtUp(table);
  await killedAt(`lock table ${table} in access exclusive mode`, async () => {
    await charge();
    return projector;
  });
  expect(await statuses()).toEqual(['accounts_v1 live', `${table} building`]);
  expect(['10', '20']).toContain(await balance());
  till('projector');
  await shown(await charge());
  await caughtUp(table);
  const [row] = (await database.query<{ balance: string }>(`select balance from ${table}`)).rows;
  expect(row?.balance).toBe('30');
});

it('BG1: whoever is killed while it promotes or retires leaves the old view, and both can be done again', async () => {
  till('projector');
  await shown(await charge());
  const table = await begun();
  await caughtUp(table);
  await killedAt('select * from accounts', () => till('projections', 'promote', table));
  expect(await statuses()).toEqual(['accounts_v1 live', `${table} building`]);
  await shown(await charge());
  await until(async () => (await promote(database, accounts, table)).kind === 'done', WAIT_MAX_MS);
  await killedAt('lock table accounts_v1 in access share mode', () => till('projections', 'retire', 'accounts_v1'));
  expect(await statuses()).toEqual(['accounts_v1 standby', `${table} live`]);
  await shown(await charge());
  await until(async () => (await retire(database, 'accounts_v1')).kind === 'done', WAIT_MAX_MS);
  await shown(await charge());
});
