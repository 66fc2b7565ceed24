import { describe, expect, it } from '@jest/globals';
import {
  AppendInDoubt,
  NO_STREAM,
  StoreUnavailable,
  SubscriptionLost,
  WrongRevision,
} from '../../../src/platform/eventStore/eventStore.ts';
import { createMemoryEventStore } from '../../../src/platform/eventStore/memoryEventStore.ts';
import { type AppendFault, randomFaults } from '../../../src/platform/eventStore/memoryFaults.ts';
import { MemoryLog } from '../../../src/platform/eventStore/memoryLog.ts';
import { event, eventStoreContract, eventsOf } from './contract.ts';

eventStoreContract('in memory', async () => {
  const log = new MemoryLog();
  const [store, other] = [createMemoryEventStore({ log }), createMemoryEventStore({ log })];
  return { store, other, close: async () => void (await Promise.all([store.close(), other.close()])) };
});

const stream = 'account-ann';
const failing = (...faults: AppendFault[]) => createMemoryEventStore({ faults: ({ number }) => faults[number] ?? { kind: 'none' } });

/** Waits that end in the order of their times, when told. */
const handClock = () => {
  let now = 0;
  let waits: { at: number; resolve: () => void }[] = [];
  const delay = (ms: number) => new Promise<void>((resolve) => void waits.push({ at: now + ms, resolve }));
  const advance = async (ms: number) => {
    now += ms;
    const due = waits.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at);
    waits = waits.filter(({ at }) => at > now);
    for (const { resolve } of due) {
      resolve();
      await new Promise(setImmediate);
    }
  };
  return { delay, advance };
};

describe('faults on demand', () => {
  it('never landed: in doubt, and nothing is there', async () => {
    const store = failing({ kind: 'never-landed' });
    await expect(store.append(stream, eventsOf(1), NO_STREAM)).rejects.toThrow(AppendInDoubt);
    expect(store.log.length).toBe(0);
  });

  it('answer lost: in doubt, and everything is there; the resend finds it', async () => {
    const store = failing({ kind: 'answer-lost' });
    const batch = eventsOf(2);
    await expect(store.append(stream, batch, NO_STREAM)).rejects.toThrow(AppendInDoubt);
    expect(store.log.length).toBe(2);
    expect((await store.append(stream, batch, NO_STREAM)).revision).toBe(1n);
    expect(store.log.length).toBe(2);
  });

  it('answer lost: even a wrong revision is nothing but doubt', async () => {
    const store = failing({ kind: 'none' }, { kind: 'answer-lost' });
    await store.append(stream, eventsOf(1), NO_STREAM);
    await expect(store.append(stream, eventsOf(1), NO_STREAM)).rejects.toThrow(AppendInDoubt);
    expect(store.log.length).toBe(1);
  });

  it('lands late when told: against the stream as it is then', async () => {
    const store = failing({ kind: 'lands-late' }, { kind: 'lands-late' });
    const [late, later] = [event(), event()];
    await expect(store.append(stream, [late], NO_STREAM)).rejects.toThrow(AppendInDoubt);
    await expect(store.append(stream, [later], NO_STREAM)).rejects.toThrow(AppendInDoubt);
    expect(store.log.length).toBe(0);
    expect(store.landLate()).toBe(1);
    expect((await store.readStream(stream, 0n, { maxCount: 5 })).map(({ id }) => id)).toEqual([late.id]);
    await expect(store.append(stream, eventsOf(1), NO_STREAM)).rejects.toThrow(WrongRevision);
  });

  it('lands late after a time of the given clock', async () => {
    const { delay, advance } = handClock();
    const store = createMemoryEventStore({ delay, faults: () => ({ kind: 'lands-late', afterMs: 500 }) });
    await expect(store.append(stream, eventsOf(1), NO_STREAM)).rejects.toThrow(AppendInDoubt);
    await advance(499);
    expect(store.log.length).toBe(0);
    await advance(1);
    expect(store.log.length).toBe(1);
  });

  it('reorders appends and their answers', async () => {
    const { delay, advance } = handClock();
    const faults: AppendFault[] = [
      { kind: 'slow', landMs: 20, answerMs: 10 },
      { kind: 'slow', landMs: 10, answerMs: 60 },
    ];
    const store = createMemoryEventStore({ delay, faults: ({ number }) => faults[number] ?? { kind: 'none' } });
    const answered: string[] = [];
    const first = store.append('account-a', eventsOf(1), NO_STREAM).then(() => answered.push('a'));
    const second = store.append('account-b', eventsOf(1), NO_STREAM).then(() => answered.push('b'));
    for (let time = 0; time < 100; time += 10) await advance(10);
    await Promise.all([first, second]);
    expect([store.log.at(0).stream, store.log.at(1).stream]).toEqual(['account-b', 'account-a']);
    expect(answered).toEqual(['a', 'b']);
  });

  it('an append cut short in flight is in doubt and still lands', async () => {
    const { delay, advance } = handClock();
    const store = createMemoryEventStore({ delay, faults: () => ({ kind: 'slow', landMs: 10, answerMs: 0 }) });
    const budget = new AbortController();
    const asked = store.append(stream, eventsOf(1), NO_STREAM, budget.signal);
    budget.abort();
    await expect(asked).rejects.toThrow(AppendInDoubt);
    await advance(10);
    expect(store.log.length).toBe(1);
  });

  it('breaks subscriptions, which begin again where they were', async () => {
    const store = createMemoryEventStore();
    await store.append(stream, eventsOf(3), NO_STREAM);
    const seen: bigint[] = [];
    const follow = async (after: bigint | null) => {
      for await (const each of store.subscribe({ after, signal: new AbortController().signal })) {
        if (each.kind === 'event') seen.push(each.event.position);
        if (each.kind === 'caught-up') store.breakSubscriptions();
      }
    };
    await expect(follow(null)).rejects.toThrow(SubscriptionLost);
    await store.append(stream, eventsOf(1), 2n);
    await expect(follow(seen.at(-1) ?? null)).rejects.toThrow(SubscriptionLost);
    expect(new Set(seen).size).toBe(4);
    expect(seen).toHaveLength(4);
  });

  it('repeats itself for the same seed, and has every fault', () => {
    const seeded = (seed: number) => () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed / 2_147_483_648;
    };
    const rates = { neverLanded: 0.2, answerLost: 0.2, landsLate: 0.2, slow: 0.2, waitMaxMs: 100 };
    const run = (seed: number) => {
      const plan = randomFaults(seeded(seed), rates);
      return Array.from({ length: 200 }, (_, number) => plan({ stream, events: [], expected: NO_STREAM, number }));
    };
    expect(run(7)).toEqual(run(7));
    expect(run(7)).not.toEqual(run(8));
    expect(new Set(run(7).map(({ kind }) => kind)).size).toBe(5);
  });

  it('answers nothing once it is closed, and ends what waits', async () => {
    const store = createMemoryEventStore({ delay: () => new Promise(() => {}), faults: () => ({ kind: 'slow', landMs: 1, answerMs: 1 }) });
    const waiting = store.append(stream, eventsOf(1), NO_STREAM);
    const following = (async () => {
      for await (const _ of store.subscribe({ after: null, signal: new AbortController().signal }));
    })();
    setImmediate(() => void store.close());
    await expect(waiting).rejects.toThrow(AppendInDoubt);
    await expect(following).rejects.toThrow(SubscriptionLost);
    await expect(store.head()).rejects.toThrow(StoreUnavailable);
  });
});
