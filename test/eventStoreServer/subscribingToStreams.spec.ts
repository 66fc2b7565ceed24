import { pipeline, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { END, type ResolvedEvent, START, type StreamSubscription, type SubscribeToStreamOptions } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { appendWays } from './appendWays.ts';
import { freshName, idsOf, numbered, numbersIn, serverContract, until, upTo, wait } from './support.ts';

type Told = string | number;

/** Everything a subscription says, in order. */
const listen = (subscription: StreamSubscription): Told[] => {
  const told: Told[] = [];
  subscription.on('confirmation', () => told.push('confirmation'));
  subscription.on('caughtUp', () => told.push('caughtUp'));
  subscription.on('error', () => told.push('error'));
  subscription.on('end', () => told.push('end'));
  subscription.on('data', (resolved) => told.push(...numbersIn([resolved])));
  return told;
};

serverContract('subscribing to a stream', ({ client, connect }) => {
  const streamOf = async (count: number) => {
    const stream = freshName();
    await client().appendToStream(stream, numbered(count));
    return stream;
  };

  it.each<[string, SubscribeToStreamOptions, number[]]>([
    ['the start, unless told otherwise', {}, [0, 1, 2, 3]],
    ['the start', { fromRevision: START }, [0, 1, 2, 3]],
    ['revision 0, that one excluded', { fromRevision: 0n }, [1, 2, 3]],
    ['a revision, that one excluded', { fromRevision: 2n }, [3]],
    ['the last revision', { fromRevision: 3n }, []],
    ['the end', { fromRevision: END }, []],
  ])('from %s: confirmation, stored events, caught up, live events', async (_from, options, stored) => {
    const stream = await streamOf(4);
    const subscription = client().subscribeToStream(stream, options);
    const told = listen(subscription);
    await until(() => told.includes('caughtUp'), 'caught up');
    await client().appendToStream(stream, numbered(3, 'Counted', 4));
    await until(() => told.includes(6), 'the live events');
    await subscription.unsubscribe();
    await until(() => told.includes('end'), 'the end');
    expect(told).toEqual(['confirmation', ...stored, 'caughtUp', 4, 5, 6, 'end']);
  });

  it('gives each subscription an id', async () => {
    const subscriptions = [client().subscribeToStream(freshName()), client().subscribeToStream(freshName())];
    await Promise.all(subscriptions.map((one) => new Promise((resolve) => one.once('confirmation', () => resolve(undefined)))));
    const ids = subscriptions.map(({ id }) => id);
    expect(new Set(ids).size).toBe(2);
    expect(ids.every((id) => typeof id === 'string' && id !== '')).toBe(true);
    await Promise.all(subscriptions.map((one) => one.unsubscribe()));
  });

  it('to a stream that is not there waits for it', async () => {
    const stream = freshName();
    const subscription = client().subscribeToStream(stream);
    const told = listen(subscription);
    await until(() => told.includes('caughtUp'), 'caught up');
    await client().appendToStream(stream, numbered(2));
    await until(() => told.includes(1), 'the first events');
    expect(told).toEqual(['confirmation', 'caughtUp', 0, 1]);
    await subscription.unsubscribe();
  });

  it('from a revision that is not there yet hears what comes behind it', async () => {
    const stream = await streamOf(4);
    const subscription = client().subscribeToStream(stream, { fromRevision: 5n });
    const told = listen(subscription);
    await until(() => told.includes('caughtUp'), 'caught up');
    await client().appendToStream(stream, numbered(5, 'Counted', 4));
    await until(() => told.includes(8), 'the live events');
    expect(told).toEqual(['confirmation', 'caughtUp', 6, 7, 8]);
    await subscription.unsubscribe();
  });

  it('hears nothing of other streams', async () => {
    const stream = await streamOf(1);
    const subscription = client().subscribeToStream(stream);
    const told = listen(subscription);
    await until(() => told.includes('caughtUp'), 'caught up');
    for (const other of [`${stream}-`, `$$${stream}`, freshName()]) await client().appendToStream(other, numbered(1, 'Counted', 100));
    await client().appendToStream(stream, numbered(1, 'Counted', 1));
    await until(() => told.includes(1), 'the live event');
    expect(told).toEqual(['confirmation', 0, 'caughtUp', 1]);
    await subscription.unsubscribe();
  });

  it('after it was left says nothing more, and no error', async () => {
    const stream = await streamOf(1);
    const subscription = client().subscribeToStream(stream);
    const told = listen(subscription);
    await until(() => told.includes('caughtUp'), 'caught up');
    await subscription.unsubscribe();
    await until(() => told.includes('end'), 'the end');
    await client().appendToStream(stream, numbered(3, 'Counted', 1));
    await wait(50);
    expect(told).toEqual(['confirmation', 0, 'caughtUp', 'end']);
  });

  it('is an async iterator that ends when the loop is left', async () => {
    const stream = await streamOf(9);
    const seen: ResolvedEvent[] = [];
    for await (const resolved of client().subscribeToStream(stream)) {
      seen.push(resolved);
      if (resolved.event?.revision === 8n) break;
    }
    expect(numbersIn(seen)).toEqual(upTo(9));
  });

  it('waits for the body of the loop before it goes on', async () => {
    const stream = await streamOf(5);
    const subscription = client().subscribeToStream(stream);
    const seen: ResolvedEvent[] = [];
    for await (const resolved of subscription) {
      seen.push(resolved);
      await wait(3);
      if (seen.length === 2) await client().appendToStream(stream, numbered(60, 'Counted', 5));
      if (seen.length === 65) break;
    }
    expect(numbersIn(seen)).toEqual(upTo(65));
  });

  it('may be piped', async () => {
    const stream = await streamOf(9);
    const subscription = client().subscribeToStream(stream);
    const ids: string[] = [];
    const sink = new Writable({
      objectMode: true,
      write: ({ event }: ResolvedEvent, _encoding, done) => {
        ids.push(event?.id ?? '');
        if (ids.length === 9) subscription.unsubscribe().then(() => done(), done);
        else done();
      },
    });
    await promisify(pipeline)(subscription as unknown as NodeJS.ReadableStream, sink);
    expect(ids).toHaveLength(9);
  });

  it('thirty subscribers over two connections all hear the same', async () => {
    const stream = await streamOf(10);
    const other = connect();
    const subscriptions = upTo(30).map((n) => (n % 2 === 0 ? client() : other).subscribeToStream(stream));
    const told = subscriptions.map(listen);
    await until(() => told.every((one) => one.includes('caughtUp')), 'caught up');
    await client().appendToStream(stream, numbered(10, 'Counted', 10));
    await until(() => told.every((one) => one.includes(19)), 'the live events');
    for (const one of told) expect(one).toEqual(['confirmation', ...upTo(10), 'caughtUp', ...upTo(10, 10)]);
    await Promise.all(subscriptions.map((one) => one.unsubscribe()));
  });

  it('misses and repeats nothing of what is written while it catches up', async () => {
    const stream = await streamOf(500);
    const writing = (async () => {
      for (let n = 500; n < 1_500; n += 20) await client().appendToStream(stream, numbered(20, 'Counted', n));
    })();
    const subscriptions = upTo(5).map(() => client().subscribeToStream(stream));
    const told = subscriptions.map(listen);
    await writing;
    await until(() => told.every((one) => one.includes(1_499)), 'the last event');
    for (const one of told) expect(one.filter((each) => typeof each === 'number')).toEqual(upTo(1_500));
    await Promise.all(subscriptions.map((one) => one.unsubscribe()));
  });

  describe.each(appendWays)('%s append', (_name, append) => {
    it('forty subscriptions one after another each hear what was there and what comes', async () => {
      for (let turn = 0; turn < 40; turn++) {
        const [stream, prior, later] = [freshName(), numbered(3), numbered(7, 'Counted', 3)];
        await append(client(), stream, prior, 'no_stream');
        const ids: string[] = [];
        const subscription = client().subscribeToStream(stream, { fromRevision: START });
        subscription.on('error', (error) => ids.push(error.message));
        subscription.on('data', ({ event }) => ids.push(event?.id ?? ''));
        await until(() => ids.length >= 3, 'the stored events');
        await append(client(), stream, later, 2n);
        await until(() => ids.length >= 10, 'the live events');
        expect(ids).toEqual([...idsOf(prior), ...idsOf(later)]);
        await subscription.unsubscribe();
      }
    });
  });
});
