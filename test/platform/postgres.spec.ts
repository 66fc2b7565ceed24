import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { migrate } from '../../src/platform/migrate.ts';
import { type Database, openDatabase } from '../../src/platform/postgres.ts';
import { isRetryable, retryDelayMs, sqlStateOf } from '../../src/platform/postgresErrors.ts';
import { eventually } from '../projections/world.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

let home: TestDatabase;
let database: Database;
let broken: Error[];
beforeEach(async () => {
  home = await createTestDatabase();
  broken = [];
  database = openDatabase(home.url, { onConnectionError: (error) => void broken.push(error) });
  await database.query('create table kept (n int primary key)');
});
afterEach(async () => {
  await database.close();
  await home.drop();
});

const kept = async () => (await database.query<{ n: number }>('select n from kept order by n')).rows.map(({ n }) => n);
const insert = (n: number) => ({ text: 'insert into kept values ($1)', values: [n] });
const failure = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

it('loses no digit of a bigint and shifts no day of a date (PJ8)', async () => {
  const { rows } = await database.query("select 9223372036854775807::int8 as n, date '2026-01-05' as day, to_timestamp(0.123) as at");
  expect(rows).toEqual([{ n: '9223372036854775807', day: '2026-01-05', at: new Date(123) }]);
});

describe('a transaction', () => {
  it('keeps all that was done when the work returns', async () => {
    const answer = await database.transaction(async (tx) => {
      await tx.query(insert(1));
      return (await tx.query(insert(2))).affected;
    });
    expect(answer).toBe(1);
    expect(await kept()).toEqual([1, 2]);
  });

  it('keeps nothing when the work throws, and leaves the connection fit for the next', async () => {
    const work = database.transaction(async (tx) => {
      await tx.query(insert(1));
      throw new Error('changed my mind');
    });
    await expect(work).rejects.toThrow('changed my mind');
    await database.transaction((tx) => tx.query(insert(3)));
    expect(await kept()).toEqual([3]);
  });
});

describe('a flight of statements', () => {
  it('takes effect as a whole', async () => {
    const session = await database.openSession();
    await session.flight([insert(1), insert(2)]);
    expect(await kept()).toEqual([1, 2]);
    await session.close();
  });

  it('takes no effect when one fails, tells that failure, and leaves the session fit for the next', async () => {
    const session = await database.openSession();
    const error = await failure(session.flight([insert(1), insert(1), insert(2)]));
    expect(sqlStateOf(error)).toBe('23505');
    await session.flight([insert(4)]);
    expect(await kept()).toEqual([4]);
    await session.close();
  });

  it('never mixes with another of the same session', async () => {
    const session = await database.openSession();
    const [good, bad] = await Promise.allSettled([session.flight([insert(1), insert(2)]), session.flight([insert(3), insert(3)])]);
    expect([good?.status, bad?.status]).toEqual(['fulfilled', 'rejected']);
    expect(await kept()).toEqual([1, 2]);
    await session.close();
  });
});

describe('PJ6: a server that ends connections', () => {
  it('neither ends the process nor the pool, and tells a session that it is lost', async () => {
    const session = await database.openSession({ settings: { application_name: 'doomed' } });
    const lost = new Promise<void>((resolve) => session.lost.addEventListener('abort', () => resolve()));
    const other = await createOutsider();
    await other.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    await lost;
    await expect(session.query('select 1')).rejects.toThrow();
    await session.close();
    // One connection of the pool was idle, one was the session's.
    await eventually(
      () => broken.length,
      (told) => told >= 2,
    );
    expect(await kept()).toEqual([]);
    await other.close();
  });

  it('in the middle of a transaction rolls it back, and the next gets a new connection', async () => {
    const other = await createOutsider();
    const work = database.transaction(async (tx) => {
      await tx.query(insert(1));
      const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
      await other.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
      await tx.query('select pg_sleep(5)');
    });
    expect(isRetryable(await failure(work))).toBe(true);
    expect(await kept()).toEqual([]);
    await other.close();
  });

  const createOutsider = async (): Promise<Database> => openDatabase(home.url, { onConnectionError: () => undefined, connectionsMax: 1 });
});

describe('what may be tried again (PJ9)', () => {
  it('waits longer from try to try, up to a limit', () => {
    const full = Object.assign(new Error('too many connections'), { code: '53300' });
    expect([1, 2, 3, 4, 5, 6].map((attempt) => retryDelayMs(full, attempt))).toEqual([500, 1_000, 2_000, 4_000, 5_000, 5_000]);
  });

  it('is not a statement that is wrong, nor an error of the program', async () => {
    await database.query(insert(1));
    expect(retryDelayMs(await failure(database.query(insert(1))), 1)).toBeNull();
    expect(retryDelayMs(await failure(database.query('select nonsense')), 1)).toBeNull();
    expect(retryDelayMs(new TypeError('undefined is not a function'), 1)).toBeNull();
  });

  it('is a statement that ran out of time, and a server that is not there', async () => {
    const slow = database.transaction(async (tx) => {
      await tx.query('set local statement_timeout = 30');
      await tx.query('select pg_sleep(5)');
    });
    expect(isRetryable(await failure(slow))).toBe(true);
    const nobody = openDatabase('postgres://app@127.0.0.1:1/none', { onConnectionError: () => undefined });
    expect(isRetryable(await failure(nobody.query('select 1')))).toBe(true);
    await nobody.close();
  });
});

it('migrations: several processes may begin at once, and beginning again changes nothing', async () => {
  await database.query('drop function refuse_overtaken; drop table projections, parked_events, migrations');
  await Promise.all([migrate(home.url), migrate(home.url), migrate(home.url)]);
  await database.query("insert into projections (name, version, status) values ('kept', 1, 'live')");
  await migrate(home.url);
  expect((await database.query('select name from projections')).rows).toEqual([{ name: 'kept' }]);
  expect((await database.query('select name from migrations')).rows).toEqual([
    { name: '001_projections' },
    { name: '002_projection_builds' },
    { name: '003_checkpoints_in_one_statement' },
  ]);
});
