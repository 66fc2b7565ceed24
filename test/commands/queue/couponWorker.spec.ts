import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { COUPON_REQUESTS, DEAD_LETTERS, WORKERS } from '../../../src/commands/queue/couponTopics.ts';
import { replayAll, sendAgain } from '../../../src/commands/queue/deadLetters.ts';
import { createMemoryEventStore } from '../../../src/platform/eventStore/memoryEventStore.ts';
import type { FaultPlan } from '../../../src/platform/eventStore/memoryFaults.ts';
import { createStoreQueue } from '../../../src/platform/queue/storeQueue.ts';
import { offsetStream } from '../../../src/platform/queue/storeStreams.ts';
import { until } from '../../support/processes.ts';
import { about } from '../shopInMemory.ts';
import { QueueWorld, workerOver } from './workerInMemory.ts';

let world: QueueWorld;
const stops: (() => Promise<void>)[] = [];
beforeEach(() => {
  world = new QueueWorld();
});
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

/** A worker in a process of its own: connections and memories that nobody shares. */
const start = (faults?: FaultPlan) => {
  const store = createMemoryEventStore({ log: world.log, ...(faults && { faults }) });
  const made = workerOver(createStoreQueue(store), store);
  made.worker.start();
  const stop = (): Promise<void> => made.worker.stop();
  stops.push(stop);
  return { ...made, stop };
};
const drained = async (): Promise<void> => world.drained();
const tx = (n: number): string => `tx-${n}`;

describe('the coupon worker', () => {
  it('decides first come, first served, and records each outcome once (R13, R47, R48)', async () => {
    const policyId = await world.policy({ count: 3 });
    for (let n = 0; n < 8; n += 1) await world.request(policyId, `u${n % 7}`, tx(n));
    const { counted } = start();
    await drained();
    const outcomes = await world.outcomes(policyId);
    expect(outcomes.map(({ transactionId }) => transactionId)).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map(tx));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([...Array(3).fill('issued'), ...Array(5).fill('sold-out')]);
    expect(counted).toEqual({ issued: 3, refused: 5, repeated: 0, deadLetters: 0 });
  });

  it('decides a crowd that waits in a few appends', async () => {
    const policyId = await world.policy({ count: 300 });
    await Promise.all(Array.from({ length: 400 }, (_, n) => world.request(policyId, `u${n}`, tx(n))));
    const before = world.log.length;
    let appends = 0;
    start(({ stream }) => {
      if (stream.startsWith('couponPolicy-')) appends += 1;
      return { kind: 'none' };
    });
    await drained();
    expect(world.log.length).toBeGreaterThan(before + 400);
    expect(appends).toBeLessThanOrEqual(10);
    expect((await world.outcomes(policyId)).filter(({ outcome }) => outcome === 'issued')).toHaveLength(300);
  });

  it('finds every outcome recorded when all is delivered again from the earliest on (KQ1)', async () => {
    const policyId = await world.policy({ count: 10 });
    for (let n = 0; n < 30; n += 1) await world.request(policyId, `u${n % 20}`, tx(n));
    await world.request('nothing', 'ann', 'tx');
    const first = start();
    await drained();
    await first.stop();
    const outcomes = await world.outcomes(policyId);
    for (const { partition } of await world.queue.lag(WORKERS, COUPON_REQUESTS)) {
      const stream = offsetStream(WORKERS, COUPON_REQUESTS, partition);
      const written = await world.store.readStream(stream, 0n, { maxCount: 1_000 });
      const reset = {
        id: crypto.randomUUID(),
        type: 'QueueOffsetCommitted',
        data: { offset: '0', member: null },
        metadata: about('reset'),
      };
      await world.store.append(stream, [reset], BigInt(written.length) - 1n);
    }
    expect((await world.queue.lag(WORKERS, COUPON_REQUESTS)).every(({ committed }) => committed === 0n)).toBe(true);
    const second = start();
    await drained();
    expect(second.counted).toEqual({ issued: 0, refused: 0, repeated: 31, deadLetters: 0 });
    expect(await world.outcomes(policyId)).toEqual(outcomes);
  });

  it('shares a policy with a worker that works through the same messages, and neither doubles anything (KQ2)', async () => {
    const policyId = await world.policy({ count: 50 });
    for (let n = 0; n < 120; n += 1) await world.request(policyId, `u${n}`, tx(n));
    const messages = (await Promise.all([0, 1, 2].map((partition) => world.queue.read(COUPON_REQUESTS, partition, 0n, 200)))).flat();
    const workers = [0, 1].map(() => workerOver(world.queue, createMemoryEventStore({ log: world.log })).worker);
    await Promise.all(workers.map((worker) => worker.handle(messages)));
    const outcomes = await world.outcomes(policyId);
    expect(new Set(outcomes.map(({ transactionId }) => transactionId)).size).toBe(120);
    expect([outcomes.length, outcomes.filter(({ outcome }) => outcome === 'issued').length]).toEqual([120, 50]);
  });

  it('goes on where another left in mid-work, members coming and going (KQ2)', async () => {
    const policyId = await world.policy({ count: 100 });
    for (let n = 0; n < 150; n += 1) await world.request(policyId, `u${n}`, tx(n));
    for (let round = 0; round < 4; round += 1) {
      const [one, two] = [start(), start()];
      await one.stop();
      for (let n = 0; n < 20; n += 1) await world.request(policyId, `v${round}-${n}`, tx(1_000 + round * 20 + n));
      await two.stop();
    }
    start();
    await drained();
    const outcomes = await world.outcomes(policyId);
    expect([outcomes.length, new Set(outcomes.map(({ transactionId }) => transactionId)).size]).toEqual([230, 230]);
    expect(outcomes.filter(({ outcome }) => outcome === 'issued')).toHaveLength(100);
  });

  it('tries for as long as the store gives no answers, and loses nothing (KQ6)', async () => {
    const policyId = await world.policy({ count: 10 });
    for (let n = 0; n < 20; n += 1) await world.request(policyId, `u${n}`, tx(n));
    let failures = 0;
    const { counted } = start(({ stream, number }) => {
      if (!stream.startsWith('couponPolicy-') || failures >= 6) return { kind: 'none' };
      failures += 1;
      return number % 2 ? { kind: 'answer-lost' } : { kind: 'never-landed' };
    });
    await drained();
    expect(failures).toBeGreaterThan(2);
    expect((await world.outcomes(policyId)).filter(({ outcome }) => outcome === 'issued')).toHaveLength(10);
    expect([(await world.outcomes(policyId)).length, counted.deadLetters]).toEqual([20, 0]);
  }, 90_000);

  it('commits nothing before the outcomes are recorded (KQ6)', async () => {
    const policyId = await world.policy();
    await world.request(policyId, 'ann', 'tx');
    let blocked: boolean = true;
    start(({ stream }) => (blocked && stream.startsWith('couponPolicy-') ? { kind: 'never-landed' } : { kind: 'none' }));
    await new Promise((wake) => setTimeout(wake, 400));
    const lag = await world.queue.lag(WORKERS, COUPON_REQUESTS);
    expect(lag.reduce((sum, { committed }) => sum + committed, 0n)).toBe(0n);
    blocked = false;
    await drained();
    expect(await world.outcomes(policyId)).toEqual([{ transactionId: 'tx', userId: 'ann', outcome: 'issued' }]);
  }, 90_000);
});

describe('dead letters (R49, KQ5)', () => {
  const good = { userId: 'ann', policyId: 'cp1-1', transactionId: 'tx', requestedAt: '2026-01-05T00:00:00.000Z' };
  const CORPUS: readonly (readonly [string, string])[] = [
    ['', 'unreadable'],
    ['not { json', 'unreadable'],
    ['\u0000\ufffd', 'unreadable'],
    ['"text"', 'malformed'],
    ['[]', 'malformed'],
    ['null', 'malformed'],
    ['{}', 'malformed'],
    [JSON.stringify({ ...good, userId: 7 }), 'malformed'],
    [JSON.stringify({ ...good, userId: '../../etc' }), 'malformed'],
    [JSON.stringify({ ...good, policyId: 'a b' }), 'malformed'],
    [JSON.stringify({ ...good, transactionId: 'x'.repeat(129) }), 'malformed'],
    [JSON.stringify({ ...good, requestedAt: 'yesterday' }), 'malformed'],
    [JSON.stringify({ ...good, requestedAt: '2026-01-05T00:00:00' }), 'malformed'],
    [`${'['.repeat(20_000)}${']'.repeat(20_000)}`, 'malformed'],
    ['x'.repeat(400_000), 'unreadable'],
  ];

  it('keep every message that cannot be worked through, with reason and original; all others go on', async () => {
    const policyId = await world.policy({ count: null, perUser: null });
    for (const [n, [value]] of CORPUS.entries()) {
      await world.request(policyId, 'ann', tx(n));
      await world.put(policyId, value, { 'a-header': 'kept' });
    }
    const { counted } = start();
    await drained();
    const outcomes = await world.outcomes(policyId);
    expect(outcomes.map(({ transactionId }) => transactionId)).toEqual(CORPUS.map((_, n) => tx(n)));
    const letters = await world.deadLetters();
    expect(letters.map(({ reason, original }) => [original.value, reason])).toEqual(CORPUS);
    for (const { detail, original } of letters) {
      expect(detail).not.toBe('');
      expect(original).toMatchObject({ topic: COUPON_REQUESTS, key: policyId, headers: { 'a-header': 'kept' } });
    }
    expect(counted.deadLetters).toBe(CORPUS.length);
  });

  it("get a request under another user's transaction id; the first outcome stands (R48)", async () => {
    const policyId = await world.policy();
    await world.request(policyId, 'ann', 'tx');
    await world.request(policyId, 'bob', 'tx');
    start();
    await drained();
    expect(await world.outcomes(policyId)).toEqual([{ transactionId: 'tx', userId: 'ann', outcome: 'issued' }]);
    const [letter, ...others] = await world.deadLetters();
    expect([letter?.reason, others]).toEqual(['transaction-id-reused', []]);
    expect(JSON.parse(letter?.original.value ?? '')).toMatchObject({ userId: 'bob', transactionId: 'tx' });
  });

  it('get what fails by itself after three tries, and the policies beside it go on', async () => {
    const [broken, sound] = [await world.policy(), await world.policy()];
    const junk = { id: crypto.randomUUID(), type: 'FromTheFuture', data: {}, metadata: about('x') };
    await world.store.append(`couponPolicy-${broken}`, [junk], 0n);
    await world.request(broken, 'ann', 'tx-1');
    await world.request(sound, 'ann', 'tx-2');
    start();
    await drained();
    expect((await world.deadLetters()).map(({ reason }) => reason)).toEqual(['failed']);
    expect(await world.outcomes(sound)).toHaveLength(1);
  });

  it('are sent again where they came from, each once, and what is wrong still comes back as a new one', async () => {
    const policyId = await world.policy();
    await world.put(policyId, 'junk');
    await world.put(policyId, JSON.stringify({ ...good, policyId, requestedAt: 'now' }));
    start();
    await drained();
    expect(await replayAll(world.queue)).toBe(2);
    await drained();
    expect(await world.deadLetters()).toHaveLength(4);
    expect(await replayAll(world.queue)).toBe(2);
    await until(async () => (await world.deadLetters()).length === 6);
    expect((await world.deadLetters()).map(({ original }) => original.value)).toEqual(
      [0, 1, 2].flatMap(() => ['junk', expect.any(String)]),
    );
  });

  it('change nothing when an original is sent again that meanwhile has its outcome', async () => {
    const policyId = await world.policy();
    await world.request(policyId, 'ann', 'tx');
    await world.request(policyId, 'bob', 'tx');
    const { counted } = start();
    await drained();
    for (const letter of await world.deadLetters()) await sendAgain(world.queue, letter);
    await drained();
    expect(await world.outcomes(policyId)).toHaveLength(1);
    expect(counted).toEqual({ issued: 1, refused: 0, repeated: 0, deadLetters: 2 });
  });

  it('too large to be kept with their reason leave the original where it was', async () => {
    const policyId = await world.policy();
    const large = 'x'.repeat(512 * 1024 - 300);
    await world.put(policyId, large);
    start();
    await drained();
    const [letter] = await world.deadLetters();
    expect([letter?.reason, letter?.original.value === null]).toEqual(['unreadable', true]);
    if (letter) await sendAgain(world.queue, letter);
    await drained();
    const [{ end } = { end: 0n }] = (await world.queue.lag(WORKERS, COUPON_REQUESTS)).filter((lag) => lag.end > 0n);
    expect(end).toBe(2n);
    expect((await world.queue.lag('anyone', DEAD_LETTERS))[0]?.end).toBe(2n);
  });
});
