import { type AllStreamSubscription, END, type Position, START, type SubscribeToAllOptions } from '@eventstore/db-client';
import { expect, it } from '@jest/globals';
import { collect, freshName, numbered, numbersIn, serverContract, until, upTo, wait } from './support.ts';

/** What a subscription to $all says of one stream, and of itself, in order. */
const listen = (subscription: AllStreamSubscription, stream: string) => {
  const told: (string | number)[] = [];
  const commits: bigint[] = [];
  subscription.on('confirmation', () => told.push('confirmation'));
  subscription.on('caughtUp', () => told.push('caughtUp'));
  subscription.on('error', () => told.push('error'));
  subscription.on('end', () => told.push('end'));
  subscription.on('data', (resolved) => {
    commits.push(resolved.event?.position.commit as bigint);
    if (resolved.event?.streamId === stream) told.push(...numbersIn([resolved]));
  });
  return { told, commits };
};

serverContract('subscribing to $all', ({ client, connect }) => {
  /** A stream of four events, and where each lies. */
  const written = async () => {
    const stream = freshName();
    await client().appendToStream(stream, numbered(4));
    const positions = (await collect(client().readStream(stream))).map(({ event }) => event?.position as Position);
    return { stream, positions };
  };
  const starts: readonly (readonly [string, (positions: Position[]) => SubscribeToAllOptions, number[]])[] = [
    ['the start, unless told otherwise', () => ({}), [0, 1, 2, 3]],
    ['the start', () => ({ fromPosition: START }), [0, 1, 2, 3]],
    ['a position, that one excluded', ([, second]) => ({ fromPosition: second as Position }), [2, 3]],
    ['the last position', (positions) => ({ fromPosition: positions[3] as Position }), []],
    ['the end', () => ({ fromPosition: END }), []],
  ];

  it.each(starts)('from %s: confirmation, stored events, caught up, live events', async (_from, options, stored) => {
    const { stream, positions } = await written();
    const subscription = client().subscribeToAll(options(positions));
    const { told, commits } = listen(subscription, stream);
    await until(() => told.includes('caughtUp'), 'caught up');
    await client().appendToStream(stream, numbered(3, 'Counted', 4));
    await until(() => told.includes(6), 'the live events');
    await subscription.unsubscribe();
    await until(() => told.includes('end'), 'the end');
    expect(told).toEqual(['confirmation', ...stored, 'caughtUp', 4, 5, 6, 'end']);
    expect(commits.every((commit, i) => i === 0 || commit > (commits[i - 1] as bigint))).toBe(true);
  });

  it('from the start hears of the streams of the system as a read does', async () => {
    const before = await collect(client().readAll({ maxCount: 50 }));
    const subscription = client().subscribeToAll();
    const ids: (string | undefined)[] = [];
    subscription.on('data', ({ event }) => ids.push(event?.id));
    await until(() => ids.length >= before.length, 'the stored events');
    expect(ids.slice(0, before.length)).toEqual(before.map(({ event }) => event?.id));
    expect(before.some(({ event }) => event?.streamId.startsWith('$'))).toBe(true);
    await subscription.unsubscribe();
  });

  it('hears of deleted, tombstoned and truncated streams all there was', async () => {
    const { stream, positions } = await written();
    const others = [freshName(), freshName()] as const;
    for (const [n, other] of others.entries()) await client().appendToStream(other, numbered(2, 'Counted', 10 * (n + 1)));
    await client().setStreamMetadata(stream, { maxCount: 1 });
    await client().deleteStream(others[0]);
    await client().tombstoneStream(others[1]);
    const subscription = client().subscribeToAll({ fromPosition: positions[0] as Position });
    const heard: string[] = [];
    let isCaughtUp = false;
    subscription.on('caughtUp', () => {
      isCaughtUp = true;
    });
    subscription.on('data', ({ event }) => {
      const name = event?.streamId.replace('$$', '') ?? '';
      if ([stream, ...others].includes(name)) heard.push(`${[stream, ...others].indexOf(name)} ${event?.type}`);
    });
    await until(() => isCaughtUp, 'caught up');
    expect(heard).toEqual([
      ...upTo(3).map(() => '0 Counted'),
      ...upTo(2).map(() => '1 Counted'),
      ...upTo(2).map(() => '2 Counted'),
      '0 $metadata',
      '1 $metadata',
      '2 $streamDeleted',
    ]);
    await subscription.unsubscribe();
  });

  it('listeners that come and go are served while they are there', async () => {
    const { stream, positions } = await written();
    const counts = { on: 0, once: 0, off: 0 };
    const off = () => counts.off++;
    const subscription = client().subscribeToAll({ fromPosition: positions[3] as Position });
    subscription.on('data', () => counts.on++);
    subscription.once('data', () => counts.once++);
    subscription.on('data', off).off('data', off);
    const { told } = listen(subscription, stream);
    await client().appendToStream(stream, numbered(6, 'Counted', 4));
    await until(() => told.includes(9), 'the live events');
    expect([counts.on >= 6, counts.once, counts.off]).toEqual([true, 1, 0]);
    await subscription.unsubscribe();
  });

  it('as an async iterator waits for the body of its loop', async () => {
    const { stream, positions } = await written();
    const seen: number[] = [];
    const appending = client().appendToStream(stream, numbered(60, 'Counted', 4));
    for await (const resolved of client().subscribeToAll({ fromPosition: positions[3] as Position })) {
      await wait(2);
      if (resolved.event?.streamId === stream) seen.push(...numbersIn([resolved]));
      if (seen.length === 60) break;
    }
    await appending;
    expect(seen).toEqual(upTo(60, 4));
  });

  it('twenty subscribers over two connections hear the same while appends go on', async () => {
    const { stream, positions } = await written();
    const other = connect();
    const subscriptions = upTo(20).map((n) => (n % 2 === 0 ? client() : other).subscribeToAll({ fromPosition: positions[0] as Position }));
    const heard = subscriptions.map((one) => listen(one, stream).told);
    for (let n = 4; n < 304; n += 10) await client().appendToStream(stream, numbered(10, 'Counted', n));
    await until(() => heard.every((told) => told.includes(303)), 'the last event');
    for (const told of heard) expect(told.filter((each) => typeof each === 'number')).toEqual(upTo(303, 1));
    await Promise.all(subscriptions.map((one) => one.unsubscribe()));
  });

  it('a slow reader misses and repeats nothing, and is caught up in the end', async () => {
    const { stream, positions } = await written();
    const subscription = connect().subscribeToAll({ fromPosition: positions[3] as Position });
    const { told } = listen(subscription, stream);
    await until(() => told.includes('caughtUp'), 'caught up');
    subscription.pause();
    for (let n = 4; n < 3_004; n += 250) await client().appendToStream(stream, numbered(250, 'Counted', n));
    await wait(50);
    subscription.resume();
    await until(() => told.includes(3_003), 'the last event');
    await client().appendToStream(stream, numbered(1, 'Counted', 3_004));
    await until(() => told.includes(3_004), 'the live event');
    expect(told.filter((each) => typeof each === 'number')).toEqual(upTo(3_001, 4));
    expect(told).not.toContain('error');
    await subscription.unsubscribe();
  });
});
