import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventStore } from '../../src/platform/eventStore/eventStore.ts';
import { accounts } from '../../src/projections/models/accounts.ts';
import { park, parkedEvents, promote, requestBuild, versions } from '../../src/projections/versions.ts';
import { charged, created } from './facts.ts';
import { eventually, projections, World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(async () => {
  await world.close();
});

const readers = projections.filter(({ handles }) => handles.account).map(({ name }) => name);
const balance = async () => (await world.rows<{ balance: string }>('select balance from accounts'))[0]?.balance;
const haltsOf = async (name: string) => (await versions(world.database)).filter((version) => version.name === name && version.halted);
const parking = (name: string, position: bigint) => park(world.database, { name, position, reason: 'written by hand', by: 'olga' });
const said = (message: string) => world.logged.filter(({ msg }) => msg === message);

describe('park (PJ4)', () => {
  const poison = () => world.record('account-ann', { type: 'BalanceFrozen', data: { secret: 1 } });

  it('halts within 1 s, and goes on without the event once an operator has said so, on record and told in the log', async () => {
    await world.recordOurs('account-ann', charged(1, 100, 100));
    world.run();
    await world.drained();
    const begun = performance.now();
    const position = await poison();
    await world.recordOurs('account-ann', charged(2, 100, 200));
    await eventually(
      () => haltsOf('accounts'),
      (halts) => halts.length === 1,
    );
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect(await parking('accounts', position + 1n)).toEqual({
      kind: 'refused',
      reason: `accounts has not halted at ${position + 1n}, but accounts_v1 at ${position}`,
    });
    expect(await parking('products', position)).toEqual({ kind: 'refused', reason: `products has not halted at ${position}` });
    expect(await parking('accounts', position)).toMatchObject({ kind: 'done', value: { stream: 'account-ann', revision: '1' } });
    expect(await eventually(balance, (shown) => shown === '200')).toBe('200');
    expect(await haltsOf('accounts')).toEqual([]);
    // The others that read the category wait for a decision of their own.
    expect((await haltsOf('orders')).map(({ halted }) => halted?.position)).toEqual([String(position)]);
    expect(await parkedEvents(world.database)).toMatchObject([
      { name: 'accounts', position: String(position), type: 'BalanceFrozen', reason: 'written by hand', parkedBy: 'olga' },
    ]);
    expect(said('goes on without a parked event').map(({ table }) => table)).toContain('accounts_v1');
  });

  it('a row that the table refuses is parked as well, and a rebuild goes on without it too: row for row the same', async () => {
    const twice = charged(2, 10, 999);
    await world.recordOurs('account-ann', charged(1, 10, 10), charged(2, 10, 20), twice, charged(3, 10, 30));
    world.run();
    await world.drained();
    const [halt] = await haltsOf('balance_history');
    expect(halt?.halted).toMatchObject({ revision: '2', reason: expect.stringContaining('duplicate key') });
    expect((await parking('balance_history', BigInt(halt?.halted?.position ?? 0))).kind).toBe('done');
    const seqs = () => world.rows('select seq, balance_after from balance_history order by seq');
    await eventually(seqs, (rows) => rows.length === 3);
    const history = projections.find(({ name }) => name === 'balance_history');
    if (history === undefined) throw new Error('there is no history');
    expect((await requestBuild(world.database, history)).kind).toBe('done');
    const live = await seqs();
    await eventually(
      () => promote(world.database, history, 'balance_history_v1_2'),
      ({ kind }) => kind === 'done',
    );
    expect(await seqs()).toEqual(live);
    expect(await haltsOf('balance_history')).toEqual([]);
  });

  it('a view that has halted does not hold up the others, nor those that start again', async () => {
    await world.recordOurs('account-ann', charged(1, 100, 100));
    await poison();
    const first = world.run();
    await world.drained();
    await first.stop();
    const second = world.run();
    await eventually(
      () => second.state,
      (state) => state === 'following',
    );
    await world.recordOurs('product-p1', created('p1'));
    await eventually(
      () => world.rows('select * from products'),
      (rows) => rows.length === 1,
    );
    // Each halted view tried once and said so once.
    const alarms = world.logged.filter(({ alarm }) => alarm === 'projection-halted');
    expect(alarms).toHaveLength(2 * readers.length);
    expect(alarms[0]).toMatchObject({ stream: 'account-ann', revision: '1', type: 'BalanceFrozen' });
  });
});

describe('holes in a stream (I18)', () => {
  /** A store that leaves out one event as long as `leaving` says so. */
  const leavingOut = (store: EventStore, revision: bigint, leaving: () => boolean): EventStore => ({
    readStream: store.readStream.bind(store),
    append: store.append.bind(store),
    head: store.head.bind(store),
    identity: store.identity.bind(store),
    close: store.close.bind(store),
    subscribe: async function* (options) {
      for await (const delivery of store.subscribe(options)) {
        const left = delivery.kind === 'event' && delivery.event.stream === 'account-ann' && delivery.event.revision === revision;
        if (!left || !leaving()) yield delivery;
      }
    },
  });

  it('are not passed over: the subscription begins again until the missing event comes', async () => {
    let leaving = true;
    await world.recordOurs('account-ann', charged(1, 10, 10));
    world.run({}, { store: leavingOut(world.store, 1n, () => leaving) });
    await world.registered();
    await eventually(balance, (shown) => shown === '10');
    await world.recordOurs('account-ann', charged(2, 10, 20), charged(3, 10, 30));
    const holes = () => world.logged.filter(({ err }) => (err as { type?: string } | undefined)?.type === 'RevisionHole');
    await eventually(holes, (lines) => lines.length > 2);
    expect(await balance()).toBe('10');
    expect(holes()[0]?.err).toMatchObject({ message: 'account-ann@2 came where account-ann@1 was due' });
    leaving = false;
    expect(await eventually(balance, (shown) => shown === '30')).toBe('30');
    expect(await haltsOf(accounts.name)).toEqual([]);
  });
});
