import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Mailbox, mailboxDefaults } from '../../src/commands/mailbox.ts';
import { Rivals } from '../../src/commands/rivals.ts';
import { type Decision, recall, record } from '../../src/domain/kernel.ts';
import { RewindableMap } from '../../src/domain/rewindable.ts';
import { type EventStore, WrongRevision } from '../../src/platform/eventStore/eventStore.ts';
import { createMemoryEventStore } from '../../src/platform/eventStore/memoryEventStore.ts';
import { MemoryLog } from '../../src/platform/eventStore/memoryLog.ts';

type Added = Readonly<{ type: 'Added'; data: { id: string } }>;
type Seen = RewindableMap<string, true>;
const add =
  (id: string) =>
  (seen: Seen): Decision<Added, number> =>
    seen.has(id) ? recall(seen.size) : record([{ type: 'Added', data: { id } }], seen.size + 1);
const about = (commandId: string) => ({ commandId, correlationId: 'c', causationId: 'c', actor: 'test' });
const pause = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms));

/** One way of a request to the store, or of its answer, in milliseconds. */
const LATENCY_MS = 1;

/** A command process at a store that is `LATENCY_MS` away; counts what became of its appends. */
const processAt = (log: MemoryLog, lingerMs: number) => {
  const store = createMemoryEventStore({ log, faults: () => ({ kind: 'slow', landMs: LATENCY_MS, answerMs: LATENCY_MS }) });
  const counts = { won: 0, lost: 0, reads: 0 };
  const distant: EventStore = Object.assign(Object.create(store) as EventStore, {
    append: (async (...asked) => {
      try {
        const appended = await store.append(...asked);
        counts.won += 1;
        return appended;
      } catch (error) {
        if (error instanceof WrongRevision) counts.lost += 1;
        throw error;
      }
    }) satisfies EventStore['append'],
    readStream: (async (...asked) => {
      counts.reads += 1;
      await pause(LATENCY_MS);
      const page = await store.readStream(...asked);
      await pause(LATENCY_MS);
      return page;
    }) satisfies EventStore['readStream'],
  });
  const box = new Mailbox<Seen, Added>('inventory-x', {
    store: distant,
    fold: { initial: RewindableMap.empty(), evolve: (seen, { data }) => seen.set(data.id, true) },
    parse: ({ type, data }) => ({ type, data }) as Added,
    monotonic: () => performance.now(),
    snapshots: null,
    options: { ...mailboxDefaults, lingerMs },
  });
  return { box, counts };
};

/** Every millisecond one command through each process; how long each took, by process. Time is the test's own. */
const load = async (processes: readonly ReturnType<typeof processAt>[], ms: number, name = '') => {
  const times = processes.map((): number[] => []);
  const asks: Promise<void>[] = [];
  for (let n = 0; n < ms; n += 1) {
    processes.forEach(({ box }, p) => {
      const askedAt = performance.now();
      const id = `${name}${p}-${n}`;
      asks.push(box.ask(add(id), about(id)).then(() => void times[p]?.push(performance.now() - askedAt)));
    });
    await jest.advanceTimersByTimeAsync(1);
  }
  const all = Promise.all(asks);
  await jest.advanceTimersByTimeAsync(5_000);
  await all;
  return times.map((of) => of.sort((a, b) => a - b));
};
const p99 = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length * 0.99)] ?? Number.POSITIVE_INFINITY;

beforeAll(() => {
  jest.useFakeTimers();
});
afterAll(() => {
  jest.useRealTimers();
});

describe('several processes on one stream', () => {
  it.each([2, 4])('%i of them: none starves, nothing is lost, nothing stands twice (MB1, MB9)', async (n) => {
    const log = new MemoryLog();
    const processes = Array.from({ length: n }, () => processAt(log, mailboxDefaults.lingerMs));
    const meeting = await load(processes, 500, 'meeting-');
    for (const of of meeting) expect(of.at(-1)).toBeLessThan(1_500); // nobody knows of the others yet
    const times = await load(processes, 1_500);
    for (const of of times) expect(p99(of)).toBeLessThanOrEqual(50); // 250 ms is what is promised
    const events = await createMemoryEventStore({ log }).readStream('inventory-x', 0n, { maxCount: 100_000 });
    const ids = events.map(({ data }) => (data as Added['data']).id);
    expect(ids).toHaveLength([...meeting, ...times].flat().length);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('alone, a process loses no append and reads nothing', async () => {
    const lone = processAt(new MemoryLog(), mailboxDefaults.lingerMs);
    await load([lone], 500);
    expect(lone.counts.lost + lone.counts.reads).toBe(0);
  });
});

describe('a mailbox leaves others their turn', () => {
  it('after each append it won, for 10 s after their last event', () => {
    const rivals = new Rivals();
    rivals.seen(1_000);
    rivals.won(1_001);
    expect(rivals.pauseMs(1_002, 4)).toBe(3);
    expect(rivals.pauseMs(1_010, 4)).toBe(0);
    expect([rivals.areNear(10_999), rivals.areNear(11_000)]).toEqual([true, false]);
  });

  it('once in 250 ms without a gap, when it knows of nobody', () => {
    const rivals = new Rivals();
    const pauses: number[] = [];
    for (let now = 1_000; now < 2_000; now += 2) {
      rivals.won(now - 1);
      const pauseMs = rivals.pauseMs(now, 4);
      if (pauseMs > 0) pauses.push(pauseMs);
      now += pauseMs;
    }
    expect(pauses).toEqual([7, 7, 7, 7]);
  });

  it('not at all where its own load leaves gaps', () => {
    const rivals = new Rivals();
    for (let now = 1_000; now < 3_000; now += 10) {
      expect(rivals.pauseMs(now, 4)).toBe(0);
      rivals.won(now + 1);
    }
  });
});
