import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { accounts } from '../../src/projections/models/accounts.ts';
import type { Projection } from '../../src/projections/projection.ts';
import { promote, requestBuild, retire, versions } from '../../src/projections/versions.ts';
import { charged, created, generationOpened, received } from './facts.ts';
import { eventually, projections, World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(async () => {
  await world.close();
});

const others = projections.filter(({ name }) => name !== 'accounts');
/** Shows every balance doubled, so that rows tell which version they are of. */
const raised: Projection = {
  ...accounts,
  version: 2,
  viewOf: (table) => `select user_id, balance * 2 as balance, held from ${table}`,
};
const both = [...others, accounts, raised];

const balance = async () => (await world.rows<{ balance: string }>('select balance from accounts'))[0]?.balance;
const ofAccounts = async () =>
  (await versions(world.database)).filter(({ name }) => name === 'accounts').map(({ table, status }) => `${table} ${status}`);
const at = async (table: string) => (await versions(world.database)).find((version) => version.table === table)?.position ?? null;
const inStep = (table: string) => eventually(async () => (await at(table)) === (await at('accounts_v1')), Boolean);

/** Ann, with `charges` charges of 10 each. */
const ann = async (charges: number, from = 0): Promise<void> => {
  const facts = Array.from({ length: charges }, (_, i) => charged(from + i + 1, 10, (from + i + 1) * 10));
  await world.recordOurs('account-ann', ...facts);
};

/** A build beside the live one, on the same code, that has caught up. */
const rebuilt = async (): Promise<string> => {
  const answer = await requestBuild(world.database, accounts);
  if (answer.kind === 'refused') throw new Error(answer.reason);
  await inStep(answer.value);
  return answer.value;
};

describe('a build on request', () => {
  it('is filled beside the live one, waits for its promotion, and can be gone back from until the old one is retired', async () => {
    await ann(5);
    world.run();
    await world.drained();
    const table = await rebuilt();
    expect(await ofAccounts()).toEqual(['accounts_v1 live', 'accounts_v1_2 building']);
    expect(await promote(world.database, accounts, table)).toEqual({ kind: 'done', value: null });
    expect(await ofAccounts()).toEqual(['accounts_v1 standby', 'accounts_v1_2 live']);
    await ann(1, 5);
    await world.drained();
    expect(await balance()).toBe('60');
    // The one that stands by is fed on, and so may come back.
    await inStep(table);
    expect(await promote(world.database, accounts, 'accounts_v1')).toEqual({ kind: 'done', value: null });
    expect(await balance()).toBe('60');
    expect(await retire(world.database, 'accounts_v1')).toMatchObject({ kind: 'refused', reason: expect.stringContaining('live') });
    expect((await retire(world.database, table)).kind).toBe('done');
    expect(await ofAccounts()).toEqual(['accounts_v1 live', 'accounts_v1_2 retired']);
    expect(await world.rows("select to_regclass('accounts_v1_2') as there")).toEqual([{ there: null }]);
    expect(await promote(world.database, accounts, table)).toMatchObject({ kind: 'refused' });
    await ann(1, 6);
    await world.drained();
    expect(await balance()).toBe('70');
    // A number is given once.
    expect(await requestBuild(world.database, accounts)).toEqual({ kind: 'done', value: 'accounts_v1_3' });
    expect(await requestBuild(world.database, accounts)).toMatchObject({ kind: 'refused' });
  });

  it('K12: of every view is row for row the live one', async () => {
    await world.recordOurs('shop-main', generationOpened(1, ['p1', '2026-01-05', 500]));
    await world.recordOurs('product-p1', created('p1'));
    await world.recordOurs('inventory-main', received('p1', 10));
    await ann(30);
    world.run({ batchMax: 7 });
    await world.drained();
    for (const projection of projections)
      expect(await requestBuild(world.database, projection)).toEqual({ kind: 'done', value: `${projection.name}_v1_2` });
    await eventually(
      () => versions(world.database),
      (all) => all.filter(({ build }) => build === 2).every((build) => build.position === all[0]?.position),
    );
    expect(await world.tables(2)).toEqual(await world.tables());
  });
});

describe('BG2, M37: a view never steps back', () => {
  it('a version that is behind is not promoted, and says by how much', async () => {
    await ann(3);
    const runner = world.run();
    await world.drained();
    const table = await rebuilt();
    await runner.stop();
    await world.rows('update projections set commit_position = 1, prepare_position = 1 where table_name = $1', [table]);
    const head = await at('accounts_v1');
    expect(await promote(world.database, accounts, table)).toEqual({
      kind: 'refused',
      reason: `accounts_v1_2 is at 1, behind accounts_v1 at ${head}`,
    });
    expect(await ofAccounts()).toEqual(['accounts_v1 live', 'accounts_v1_2 building']);
    expect(await balance()).toBe('30');
  });

  it('promoted back and forth under writes, positions and balances only grow', async () => {
    await ann(1);
    world.run({ paceMs: 0 });
    await world.drained();
    const tables = ['accounts_v1', await rebuilt()];
    const done = new AbortController();
    const writing = (async () => {
      for (let n = 1; !done.signal.aborted; n += 1) {
        await ann(1, n);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    const seen: bigint[] = [];
    const reading = (async () => {
      while (!done.signal.aborted) {
        const [row] = await world.rows<{ at: string }>(
          "select commit_position as at from projections where name = 'accounts' and status = 'live'",
        );
        seen.push(BigInt(row?.at ?? -1));
      }
    })();
    const answers: string[] = [];
    for (let round = 1; answers.filter((kind) => kind === 'done').length < 6 && round < 60; round += 1) {
      answers.push((await promote(world.database, accounts, tables[round % 2] as string)).kind);
    }
    done.abort();
    await Promise.all([writing, reading]);
    expect(answers.filter((kind) => kind === 'done')).toHaveLength(6);
    expect(seen).toEqual([...seen].sort((a, b) => Number(a - b)));
    expect(new Set(seen).size).toBeGreaterThan(5);
  }, 90_000);
});

describe('BG1: the old view stands until the promotion is committed', () => {
  it('whenever the session that promotes, or all sessions, are ended', async () => {
    await ann(200);
    world.run({ batchMax: 5, paceMs: 5 }, { projections: [...others, accounts] });
    await world.drained();
    await world.stopAll();
    world.run({ batchMax: 5, paceMs: 5 }, { projections: both });
    let shown = await balance();
    for (let round = 0; shown === '2000' && round < 400; round += 1) {
      await world.rows(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and random() < 0.5',
      );
      await new Promise((resolve) => setTimeout(resolve, 10 * (round % 10)));
      shown =
        (await eventually(
          () => balance().catch(() => null),
          (value) => value !== null,
        )) ?? undefined;
      expect(['2000', '4000']).toContain(shown);
      // Which version is live and what the view shows is decided at once.
      const [row] = await world.rows<{ version: number; balance: string }>(
        "select version, balance from accounts, projections where name = 'accounts' and status = 'live'",
      );
      expect(row).toEqual({ version: shown === '2000' ? 1 : row?.version, balance: row?.version === 2 ? '4000' : '2000' });
    }
    expect(
      await eventually(
        () => balance(),
        (value) => value === '4000',
      ),
    ).toBe('4000');
  }, 90_000);

  it('and the promotion waits for no reader for long', async () => {
    await ann(2);
    world.run();
    await world.drained();
    const table = await rebuilt();
    await world.database.transaction(async (reader) => {
      await reader.query('select * from accounts');
      expect(await promote(world.database, accounts, table)).toMatchObject({ kind: 'refused', reason: expect.stringContaining('lock') });
      expect(await balance()).toBe('20');
    });
    expect((await promote(world.database, accounts, table)).kind).toBe('done');
  });
});

describe('BG3: what is filled beside the live views does not slow them', () => {
  const lagOf = async (): Promise<number> => {
    const begun = performance.now();
    const position = await world.recordOurs(
      'account-eve',
      charged(((await world.store.readStream('account-eve', 0n, { maxCount: 1_000 })).length ?? 0) + 1, 1, 1),
    );
    await eventually(
      () => at('accounts_v1'),
      (reached) => reached !== null && reached >= position,
    );
    return performance.now() - begun;
  };

  const slow: Projection = {
    ...raised,
    toSql: (table, events) => [...accounts.toSql(table, events), { text: 'select pg_sleep(1.5)' }],
  };
  const failing: Projection = { ...raised, toSql: () => [{ text: 'select 1 / 0' }] };
  const losing: Projection = { ...raised, toSql: () => [{ text: 'select pg_terminate_backend(pg_backend_pid())' }] };

  it.each([
    ['a slow version', slow],
    ['a version that cannot digest anything', failing],
    ['a version whose session is lost again and again', losing],
  ])(
    '%s: a live view lags 1 s at most',
    async (_what, version) => {
      await ann(50);
      world.run({ batchMax: 10 });
      await world.drained();
      await world.stopAll();
      world.run({ batchMax: 10 }, { projections: [...others, accounts, version] });
      await eventually(
        async () => (await ofAccounts()).length,
        (count) => count === 2,
      );
      const lags: number[] = [];
      for (let n = 0; n < 12; n += 1) {
        lags.push(await lagOf());
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
      expect(Math.max(...lags)).toBeLessThan(1_000);
      expect(await ofAccounts()).toEqual(['accounts_v1 live', 'accounts_v2 building']);
    },
    20_000,
  );
});

describe('BG4: changed code under the same version', () => {
  const changed: Projection = {
    ...accounts,
    createTable: (table) => [...accounts.createTable(table), `create index on ${table} (balance)`],
  };

  it('is refused with a sentence, before anything is touched; the program that made the rows goes on', async () => {
    await ann(1);
    world.run();
    await world.drained();
    await world.stopAll();
    const refused = world.run({}, { projections: [...others, changed] });
    await eventually(
      () => refused.state,
      (state) => state === 'refused',
    );
    expect(refused.refusal?.message).toMatch(/^accounts_v1 was filled by other code .* raise the version/);
    expect(world.logged).toContainEqual(expect.objectContaining({ alarm: 'read-model-refused', level: 60 }));
    world.run();
    await ann(1, 1);
    expect(await eventually(balance, (shown) => shown === '20')).toBe('20');
  });

  it('is refused also to one that only stands by', async () => {
    world.run();
    await world.registered();
    const second = world.run({}, { projections: [...others, changed] });
    await eventually(
      () => second.state,
      (state) => state === 'refused',
    );
  });

  it('is neither promoted', async () => {
    await ann(1);
    world.run();
    await world.drained();
    const table = await rebuilt();
    expect(await promote(world.database, changed, table)).toMatchObject({ kind: 'refused', reason: expect.stringContaining('other code') });
  });
});

it('heals a live row that was deleted: the newest build that is left takes its place', async () => {
  await ann(2);
  world.run();
  await world.drained();
  const table = await rebuilt();
  await promote(world.database, accounts, table);
  await world.rows('delete from projections where table_name = $1', [table]);
  expect(await eventually(ofAccounts, ([first]) => first === 'accounts_v1 live')).toEqual(['accounts_v1 live']);
  await ann(1, 2);
  expect(await eventually(balance, (shown) => shown === '30')).toBe('30');
});
