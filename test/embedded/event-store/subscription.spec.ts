import {
  type AllStreamSubscription,
  END,
  EVENT_TYPE,
  type EventStoreDBClient,
  excludeSystemEvents,
  type Filter,
  NO_STREAM,
  START,
  STREAM_NAME,
  type StreamSubscription,
} from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { append, atEnd, collect, event, events, startPair, until, wholeLog } from './support.ts';

/** What a subscription told, in order: numbers of events, `caught-up`, and `cp` with the position of a checkpoint. */
type Told = number | 'caught-up' | `cp ${bigint}`;

const record = (subscription: AllStreamSubscription | StreamSubscription, told: Told[]): void => {
  const all = subscription as AllStreamSubscription;
  all.on('data', ({ event: recorded }) => told.push((recorded?.data as { n?: number } | undefined)?.n ?? -1));
  all.on('caughtUp', () => told.push('caught-up'));
  all.on('error', () => undefined);
  atEnd(() => all.unsubscribe());
};

const follow = (client: EventStoreDBClient, from: Parameters<EventStoreDBClient['subscribeToAll']>[0], filter?: Filter): Told[] => {
  const told: Told[] = [];
  const checkpointReached = async (_: unknown, position: { commit: bigint }): Promise<void> => {
    told.push(`cp ${position.commit}`);
  };
  record(client.subscribeToAll({ ...from, ...(filter === undefined ? {} : { filter: { ...filter, checkpointReached } }) }), told);
  return told;
};

const caughtUp = (told: Told[]) => until(() => told.includes('caught-up'), 'caught up');
const on = (filterOn: Filter['filterOn'], by: { prefixes: string[] } | { regex: string }): Filter => ({
  filterOn,
  checkpointInterval: 1_000,
  ...by,
});
const counted = on(EVENT_TYPE, { prefixes: ['Counted'] });

describe('a subscription to $all', () => {
  it('from the start: everything stored, caught up, then everything new', async () => {
    const { client } = await startPair();
    await append(client, 's', events(3), NO_STREAM);
    const told = follow(client, { fromPosition: START });
    await caughtUp(told);
    await append(client, 's', [event(3), event(4)], 2n);
    await until(() => told.includes(4), 'the live events');
    expect(told).toEqual([-1, -1, 0, 1, 2, 'caught-up', 3, 4]);
  });

  it('from the end: only what is new', async () => {
    const { client } = await startPair();
    await append(client, 's', events(3), NO_STREAM);
    const told = follow(client, { fromPosition: END });
    await caughtUp(told);
    await append(client, 's', event(3), 2n);
    await until(() => told.includes(3), 'the live event');
    expect(told).toEqual(['caught-up', 3]);
  });

  it('from a position: only what lies behind it', async () => {
    const { client } = await startPair();
    await append(client, 's', events(4), NO_STREAM);
    const fromPosition = (await wholeLog(client))[1]?.event?.position as { commit: bigint; prepare: bigint };
    const told = follow(client, { fromPosition });
    await caughtUp(told);
    expect(told).toEqual([2, 3, 'caught-up']);
  });

  it.each<[string, Filter, number[]]>([
    ['type prefixes', on(EVENT_TYPE, { prefixes: ['App', 'Pea'] }), [0, 1, 4, 5]],
    ['a type regex', on(EVENT_TYPE, { regex: '^(Plum|Pear)$' }), [1, 2, 5, 6]],
    ['stream prefixes', on(STREAM_NAME, { prefixes: ['basket-'] }), [0, 1, 2, 3]],
    ['a stream regex', on(STREAM_NAME, { regex: '레' }), [4, 5, 6, 7]],
    ['no system events', excludeSystemEvents(), [0, 1, 2, 3, 4, 5, 6, 7]],
  ])('filters by %s, stored and live', async (_name, filter, expected) => {
    const { client } = await startPair();
    const kinds = ['Apple', 'Pear', 'Plum', 'Fig'];
    await append(
      client,
      'basket-1',
      kinds.map((type, n) => event(n, type)),
      NO_STREAM,
    );
    const told = follow(client, { fromPosition: START }, filter);
    await caughtUp(told);
    await append(
      client,
      '수레-1',
      kinds.map((type, n) => event(n + 4, type)),
      NO_STREAM,
    );
    const last = expected.at(-1) as number;
    await until(() => told.includes(last), 'the last match');
    expect(told.filter((one) => typeof one === 'number')).toEqual(expected);
  });

  it('says checkpoints after window x interval considered events, one at the end of the catch-up, then anew', async () => {
    const { client } = await startPair();
    // Two system events, then 18 that do not match: 20 considered.
    await append(client, 's', events(18, 'Other'), NO_STREAM);
    const stored = (await collect(client.readAll())).map(({ event: recorded }) => recorded?.position.commit as bigint);
    const told = follow(client, { fromPosition: START }, { ...counted, maxSearchWindow: 4, checkpointInterval: 2 });
    await caughtUp(told);
    expect(told).toEqual([`cp ${stored[7]}`, `cp ${stored[15]}`, `cp ${stored[19]}`, 'caught-up']);
    told.length = 0;
    await append(client, 's', [...events(7, 'Other'), event(1), ...events(7, 'Other'), event(2), event(3)], 17n);
    await until(() => told.includes(3), 'the last live event');
    const live = (await collect(client.readAll())).slice(20).map(({ event: recorded }) => recorded?.position.commit as bigint);
    expect(told).toEqual([1, `cp ${live[7]}`, 2, `cp ${live[15]}`, 3]);
  });

  it('a window of 32 by default: pages end after 32 events, matching or not', async () => {
    const { client } = await startPair();
    await append(client, 's', events(98), NO_STREAM);
    const stored = (await collect(client.readAll())).map(({ event: recorded }) => recorded?.position.commit as bigint);
    const told = follow(client, { fromPosition: START }, { ...counted, checkpointInterval: 1 });
    await caughtUp(told);
    expect(told.filter((one) => typeof one === 'string')).toEqual([
      `cp ${stored[31]}`,
      `cp ${stored[63]}`,
      `cp ${stored[95]}`,
      `cp ${stored[99]}`,
      'caught-up',
    ]);
  });

  it('misses and repeats nothing while appends go on', async () => {
    const { client } = await startPair();
    const told: Told[][] = [];
    for (let batch = 0; batch < 100; batch++) {
      if (batch % 10 === 5) told.push(follow(client, { fromPosition: START }, counted));
      await append(
        client,
        's',
        Array.from({ length: 10 }, (_, n) => event(batch * 10 + n)),
        batch === 0 ? NO_STREAM : BigInt(batch * 10 - 1),
      );
    }
    for (const one of told) {
      await until(() => one.includes(999), 'the last event');
      expect(one.filter((n) => typeof n === 'number')).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
    }
  });

  it('waits for a slow reader, holds nothing up, and catches it up again', async () => {
    const { client, server: _ } = await startPair();
    const subscription = client.subscribeToAll({ fromPosition: START, filter: counted });
    const seen: number[] = [];
    let caught = 0;
    subscription.on('error', () => undefined);
    subscription.on('caughtUp', () => caught++);
    atEnd(() => subscription.unsubscribe());
    await new Promise<void>((resolve) => subscription.once('caughtUp', () => resolve()));
    subscription.pause();
    const filler = 'x'.repeat(20_000);
    for (let n = 0; n < 400; n++) {
      const big = { ...event(n), data: { n, filler } };
      await append(client, 's', big, n === 0 ? NO_STREAM : BigInt(n - 1));
    }
    subscription.on('data', ({ event: recorded }) => seen.push((recorded?.data as { n: number } | undefined)?.n ?? -1));
    subscription.resume();
    await until(() => seen.length >= 400, 'all events', 20_000);
    await until(() => caught > 1, 'caught up again');
    expect(seen).toEqual(Array.from({ length: 400 }, (_n, n) => n));
  });
});

describe('a subscription to a stream', () => {
  it.each<[string, { fromRevision: typeof START | typeof END | bigint }, Told[]]>([
    ['start', { fromRevision: START }, [0, 1, 2, 'caught-up', 3]],
    ['end', { fromRevision: END }, ['caught-up', 3]],
    ['a revision', { fromRevision: 1n }, [2, 'caught-up', 3]],
  ])('from %s', async (_name, from, expected) => {
    const { client } = await startPair();
    await append(client, 's', events(3), NO_STREAM);
    await append(client, 'other', events(3), NO_STREAM);
    const told: Told[] = [];
    record(client.subscribeToStream('s', from), told);
    await caughtUp(told);
    await append(client, 'other', event(99), 2n);
    await append(client, 's', event(3), 2n);
    await until(() => told.includes(3), 'the live event');
    expect(told).toEqual(expected);
  });

  it('waits for a stream that does not exist yet', async () => {
    const { client } = await startPair();
    const told: Told[] = [];
    record(client.subscribeToStream('later'), told);
    await caughtUp(told);
    await append(client, 'later', events(2), NO_STREAM);
    await until(() => told.includes(1), 'the live events');
    expect(told).toEqual(['caught-up', 0, 1]);
  });
});
