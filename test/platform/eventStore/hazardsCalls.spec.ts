import { setTimeout as sleep } from 'node:timers/promises';
import { EventStoreDBClient, START } from '@eventstore/db-client';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { NO_STREAM } from '../../../src/platform/eventStore/eventStore.ts';
import { eventsOf, freshStream } from './contract.ts';
import { failureOf, follow, forever, server, serving, store } from './hazards.ts';
import { message, type ReadCall } from './scriptedServer.ts';

// Other test files keep the machine's cores busy at the same time.
jest.setTimeout(20_000);

/** More than the client takes before it is read from. */
const MANY = 1_000;

const manyEvents = (call: ReadCall): void => {
  for (let i = 1; i <= MANY; i += 1) call.write(message.event('account-a', String(i), String(i * 100)));
};
const openReadsAre = async (count: number): Promise<void> => {
  for (let waited = 0; server.seen.openReads !== count && waited < 2_000; waited += 20) await sleep(20);
  expect(server.seen.openReads).toBe(count);
};

/** How the client itself behaves: the reason for what the adapter does. */
describe('the client of npm', () => {
  let client: EventStoreDBClient;

  beforeEach(() => {
    client = EventStoreDBClient.connectionString(server.url);
  });
  // The calls it leaves behind go with their connection.
  afterEach(() => server.crash());

  it('CL9: keeps the call of a read that is left early', async () => {
    serving((call) => {
      manyEvents(call);
      call.end();
    });
    for (let i = 0; i < 10; i += 1) for await (const _ of client.readStream('account-a', { maxCount: MANY })) break;
    await sleep(300);
    expect(server.seen.openReads).toBe(10);
  });

  it('CL9: keeps the call of a subscription that is left early', async () => {
    serving((call) => {
      call.write(message.confirmation());
      manyEvents(call);
    });
    for (let i = 0; i < 5; i += 1) for await (const _ of client.subscribeToAll({ fromPosition: START }) as AsyncIterable<unknown>) break;
    await sleep(300);
    expect(server.seen.openReads).toBe(5);
  });

  it('CL10: loses its connection, and all calls on it, to a thousand cancelled reads', async () => {
    serving((call) => void call.write(message.confirmation()));
    const subscription = client.subscribeToAll({ fromPosition: START });
    const lost = new Promise<Error>((resolve) => subscription.on('error', resolve));
    await new Promise((resolve) => subscription.on('confirmation', () => resolve(undefined)));
    let isLost = false;
    void lost.then(() => {
      isLost = true;
    });
    for (let i = 0; i < 3_000 && !isLost; i += 1) {
      const reading = client.readStream('account-a', { maxCount: 1 });
      reading.on('error', () => {});
      reading.resume();
      if (i % 50 === 0) await sleep(5);
      void reading.cancel().catch(() => {});
    }
    expect((await lost).message).toMatch(/UNAVAILABLE|INTERNAL|CANCELLED|RESOURCE_EXHAUSTED/);
  });
});

describe('the adapter', () => {
  it('CL9: a read says how many it wants, and is read to the end', async () => {
    const wanted: string[] = [];
    server.script.read = (call) => {
      wanted.push(call.request.getOptions()?.getCount() ?? '');
      return false;
    };
    const stream = freshStream();
    await store.append(stream, eventsOf(3), NO_STREAM);
    expect(await store.readStream(stream, 0n, { maxCount: 500 })).toHaveLength(3);
    await store.head();
    expect(wanted).toEqual(['500', '1']);
  });

  it('CL9, CL10: more than a thousand reads leave no call open, cancel none, and lose no subscription beside them', async () => {
    const stream = freshStream();
    await store.append(stream, eventsOf(3), NO_STREAM);
    let nth = 0;
    server.script.read = (call) => {
      nth += 1;
      if (nth === 1) call.write(message.confirmation());
      return nth === 1;
    };
    const following = new AbortController();
    let isLost = false;
    const subscription = store.subscribe({ after: null, signal: following.signal })[Symbol.asyncIterator]();
    const ended = subscription.next().catch(() => {
      isLost = true;
    });
    for (let round = 0; round < 12; round += 1) {
      const reads = Array.from({ length: 100 }, (_, i) => store.readStream(i % 2 ? stream : freshStream(), 0n, { maxCount: 10 }));
      await Promise.all(reads);
    }
    await openReadsAre(1);
    expect(server.seen).toMatchObject({ cancelledReads: 0, reads: 1_201 });
    expect(isLost).toBe(false);
    following.abort();
    await ended;
    await openReadsAre(0);
  });

  it('CL9: a read of very many events ends its call, also one that nobody waits for any more', async () => {
    serving((call) => {
      manyEvents(call);
      call.end();
    });
    expect(await store.readStream('account-a', 0n, { maxCount: MANY })).toHaveLength(MANY);
    await openReadsAre(0);
    serving(manyEvents);
    for (let i = 0; i < 5; i += 1) await failureOf(store.readStream('account-a', 0n, { maxCount: MANY, signal: AbortSignal.timeout(30) }));
    await openReadsAre(0);
  });

  it('CL9: leaving subscriptions ends their calls, also with much unread, and closing does not hang', async () => {
    serving((call) => {
      call.write(message.confirmation());
      manyEvents(call);
    });
    for (let i = 0; i < 20; i += 1) await follow((got) => got.length === 3);
    const unread = store.subscribe({ after: null, signal: forever })[Symbol.asyncIterator]();
    await unread.next();
    await openReadsAre(1);
    const begun = performance.now();
    await store.close();
    expect(performance.now() - begun).toBeLessThan(500);
    await openReadsAre(0);
  });
});
