import { END, type EventStoreDBClient, eventTypeFilter, excludeSystemEvents, type Filter, type Position } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { collect, freshName, freshType, numbered, serverContract, until, upTo, wait } from './support.ts';

/** Events a filtered subscription looks at before it considers a checkpoint, unless told otherwise. */
const SEARCH_WINDOW_EVENTS = 32;

type Told = { checkpoints: Position[]; inCatchUp: number; events: number; caughtUp: number; unsubscribe: () => Promise<void> };

const follow = (client: EventStoreDBClient, fromPosition: Position | typeof END, filter: Filter): Told => {
  const told: Told = { checkpoints: [], inCatchUp: 0, events: 0, caughtUp: 0, unsubscribe: () => subscription.unsubscribe() };
  const checkpointReached = async (_: unknown, position: Position): Promise<void> => {
    told.checkpoints.push(position);
  };
  const subscription = client.subscribeToAll({ fromPosition, filter: { ...filter, checkpointReached } });
  subscription.on('error', () => undefined);
  subscription.on('data', () => told.events++);
  subscription.on('caughtUp', () => {
    if (told.caughtUp++ === 0) told.inCatchUp = told.checkpoints.length;
  });
  return told;
};

serverContract('checkpoints of filtered subscriptions', ({ client }) => {
  const begin = async (): Promise<Position> => (await client().appendToStream(freshName(), numbered(1))).position as Position;
  const nothing = (options: Partial<Filter> = {}) => eventTypeFilter({ prefixes: [freshType('Never')], ...options } as never);
  /** How many events of $all, counted from behind `from`, lie at or before each checkpoint: where a reader would go on. */
  const countsAt = async (from: Position, checkpoints: readonly Position[]) => {
    const commits = (await collect(client().readAll({ fromPosition: from }))).slice(1).map(({ event }) => event?.position.commit as bigint);
    return checkpoints.map(({ commit }) => commits.filter((one) => one <= commit).length);
  };
  const steps = (counts: readonly number[], start = 0) => counts.map((count, i) => count - (counts[i - 1] ?? start));

  describe.each<[string, Partial<Filter>, number]>([
    ['each window of 32 unless told otherwise', {}, SEARCH_WINDOW_EVENTS],
    ['each window asked for', { maxSearchWindow: 5 }, 5],
    ['every second window', { checkpointInterval: 2 }, 2 * SEARCH_WINDOW_EVENTS],
    ['every third window of 4', { checkpointInterval: 3, maxSearchWindow: 4 }, 12],
  ])('%s', (_what, options, interval) => {
    it('while catching up', async () => {
      const from = await begin();
      await client().appendToStream(freshName(), numbered(4 * interval + 1));
      const told = follow(client(), from, nothing(options));
      await until(() => told.caughtUp > 0, 'caught up');
      const counts = await countsAt(from, told.checkpoints.slice(0, told.inCatchUp));
      const between = steps(counts);
      // EventStoreDB counts the event at the start itself as looked at.
      expect([interval - 1, interval]).toContain(between[0]);
      expect(between.slice(1, -1).every((step) => step === interval)).toBe(true);
      expect(between.at(-1)).toBeLessThanOrEqual(interval);
      expect(counts.length).toBeGreaterThanOrEqual(4);
      await told.unsubscribe();
    });

    // EventStoreDB from 24.10 on; 24.6 named the last event that matched.
    it('and one more when it has caught up, at the last event looked at', async () => {
      const from = await begin();
      await client().appendToStream(freshName(), numbered(2 * interval + 2));
      const told = follow(client(), from, nothing(options));
      await until(() => told.caughtUp > 0, 'caught up');
      const counts = await countsAt(from, told.checkpoints.slice(0, told.inCatchUp));
      expect(counts.length).toBeGreaterThanOrEqual(3);
      expect(counts.at(-1)).toBeGreaterThanOrEqual(2 * interval + 2);
      await told.unsubscribe();
    });

    it.each([-1, 0, 1])('but no place twice, when it has caught up %s events from where one was due', async (offset) => {
      const from = await begin();
      await client().appendToStream(freshName(), numbered(2 * interval + offset));
      const told = follow(client(), from, nothing(options));
      await until(() => told.caughtUp > 0, 'caught up');
      const commits = told.checkpoints.map(({ commit }) => commit);
      expect(new Set(commits).size).toBe(commits.length);
      expect([...commits].sort((a, b) => (a < b ? -1 : 1))).toEqual(commits);
      await told.unsubscribe();
    });

    it('while live, counted anew from where it caught up', async () => {
      const from = await begin();
      const told = follow(client(), from, nothing(options));
      await until(() => told.caughtUp > 0, 'caught up');
      const stream = freshName();
      for (let n = 0; n < 4; n++) await client().appendToStream(stream, numbered(interval));
      await until(() => told.checkpoints.length - told.inCatchUp >= 4, 'four checkpoints');
      const counts = await countsAt(from, told.checkpoints);
      const live = steps(counts.slice(told.inCatchUp), counts[told.inCatchUp - 1] ?? 0);
      expect(live[0]).toBeLessThanOrEqual(interval);
      expect(live.slice(1, 4)).toEqual([interval, interval, interval]);
      await told.unsubscribe();
    });
  });

  it('counts events looked at, not events that match', async () => {
    const [from, type] = [await begin(), freshType()];
    const told = follow(client(), from, eventTypeFilter({ prefixes: [type], maxSearchWindow: 10 }));
    await until(() => told.caughtUp > 0, 'caught up');
    const stream = freshName();
    for (let n = 0; n < 6; n++) await client().appendToStream(stream, [...numbered(3, type), ...numbered(7)]);
    await until(() => told.checkpoints.length - told.inCatchUp >= 6 && told.events === 18, 'all of it');
    const counts = (await countsAt(from, told.checkpoints)).slice(told.inCatchUp);
    expect(steps(counts, counts[0] ?? 0).slice(1)).toEqual(upTo(counts.length - 1).map(() => 10));
    await told.unsubscribe();
  });

  it('only grow, and are given to the callback one at a time', async () => {
    const from = await begin();
    const stream = freshName();
    await client().appendToStream(stream, numbered(96));
    let [running, mostAtOnce] = [0, 0];
    const commits: bigint[] = [];
    const filter = excludeSystemEvents({
      checkpointReached: async (_subscription, { commit }) => {
        running += 1;
        mostAtOnce = Math.max(mostAtOnce, running);
        commits.push(commit);
        await wait(5);
        running -= 1;
      },
    });
    const subscription = client().subscribeToAll({ fromPosition: from, filter });
    let [events, heldUp] = [0, true];
    subscription.on('data', () => {
      events += 1;
      heldUp = heldUp && running === 0;
    });
    for (let n = 0; n < 10; n++) await client().appendToStream(stream, numbered(16));
    await until(() => events >= 256 && running === 0, 'all events');
    await subscription.unsubscribe();
    expect(mostAtOnce).toBe(1);
    expect(heldUp).toBe(true);
    expect(commits.every((commit, i) => i === 0 || commit > (commits[i - 1] as bigint))).toBe(true);
  });

  it('are places to go on from: nothing is missed and nothing comes twice', async () => {
    const [from, type] = [await begin(), freshType()];
    const stream = freshName();
    for (let n = 0; n < 10; n++) await client().appendToStream(stream, [...numbered(2, type, 2 * n), ...numbered(13)]);
    const filter = eventTypeFilter({ prefixes: [type], maxSearchWindow: 7 });
    const seen: number[] = [];
    let place = from;
    for (let turn = 0; !seen.includes(19) && turn < 100; turn++) {
      let hasReached = false;
      const checkpointReached = async (_: unknown, position: Position): Promise<void> => {
        if (!hasReached) place = position;
        hasReached = true;
      };
      const subscription = client().subscribeToAll({ fromPosition: place, filter: { ...filter, checkpointReached } });
      subscription.on('data', ({ event }) => {
        if (!hasReached) seen.push((event?.data as { n: number } | undefined)?.n ?? -1);
      });
      await until(() => hasReached, 'a checkpoint');
      await subscription.unsubscribe();
    }
    expect(seen).toEqual(upTo(20));
  });

  it('six or seven of them for 384 matching events at every second window, most of them live', async () => {
    const from = await begin();
    const stream = freshName();
    await client().appendToStream(stream, numbered(8));
    const told = follow(client(), from, excludeSystemEvents({ checkpointInterval: 2 }));
    for (let n = 0; n < 18; n++) await client().appendToStream(stream, numbered(20));
    await client().appendToStream(stream, numbered(16));
    await until(() => told.events >= 384, 'all events');
    await wait(20);
    const ofOthers = (await collect(client().readAll({ fromPosition: from }))).length - 1 - 384;
    expect(told.checkpoints.length).toBeGreaterThanOrEqual(6);
    expect(told.checkpoints.length).toBeLessThanOrEqual(6 + told.caughtUp + Math.ceil(ofOthers / 64));
    await told.unsubscribe();
  });

  it('none when it begins at the end: nothing was passed over', async () => {
    const told = follow(client(), END, nothing());
    await until(() => told.caughtUp > 0, 'caught up');
    expect(told.inCatchUp).toBe(0);
    await told.unsubscribe();
  });
});
