import { describe, expect, it } from '@jest/globals';
import { Contended, Mailbox, type MailboxOptions, mailboxDefaults, Overloaded, StreamUnreadable } from '../../src/commands/mailbox.ts';
import { type Decision, type Fold, recall, record, refuse, refuseAsOfRecently } from '../../src/domain/kernel.ts';
import { AppendInDoubt, type Metadata, type NewEvent, StoreUnavailable } from '../../src/platform/eventStore/eventStore.ts';
import { createMemoryEventStore, type MemoryEventStoreOptions } from '../../src/platform/eventStore/memoryEventStore.ts';
import type { AttemptedAppend, FaultPlan } from '../../src/platform/eventStore/memoryFaults.ts';
import { MemoryLog } from '../../src/platform/eventStore/memoryLog.ts';

// A counter that remembers who added what: the smallest aggregate with idempotent commands and refusals.
type Added = Readonly<{ type: 'Added'; data: { id: string; by: number; padding?: string } }>;
type Counter = Readonly<{ sum: number; seen: ReadonlySet<string> }>;
const fold: Fold<Counter, Added> = {
  initial: { sum: 0, seen: new Set() },
  evolve: (counter, { data }) => ({ sum: counter.sum + data.by, seen: new Set(counter.seen).add(data.id) }),
};
const add =
  (id: string, by: number, padding?: string) =>
  (counter: Counter): Decision<Added, number> =>
    counter.seen.has(id)
      ? recall(counter.sum)
      : record([{ type: 'Added', data: { id, by, ...(padding ? { padding } : {}) } }], counter.sum + by);
const spend =
  (id: string, by: number) =>
  (counter: Counter): Decision<Added, 'spent' | 'too-little'> =>
    counter.sum < by ? refuse('too-little') : record([{ type: 'Added', data: { id, by: -by } }], 'spent');

const about = (commandId: string): Metadata => ({ commandId, correlationId: 'c', causationId: 'c', actor: 'test' });
const boxOver = (store: ReturnType<typeof createMemoryEventStore>, options: Partial<MailboxOptions> = {}) =>
  new Mailbox<Counter, Added>('account-x', {
    store,
    fold,
    parse: ({ type, data }) => {
      if (type !== 'Added') throw new Error(`unknown type ${type}`);
      return { type, data } as Added;
    },
    monotonic: () => performance.now(),
    snapshots: null,
    options: { ...mailboxDefaults, ...options },
  });
const setUp = (options: Partial<MailboxOptions> = {}, store: MemoryEventStoreOptions = {}) => {
  const log = new MemoryLog();
  const open = () => boxOver(createMemoryEventStore({ ...store, log }), options);
  return { log, open, events: () => createMemoryEventStore({ log }).readStream('account-x', 0n, { maxCount: 100_000 }) };
};
/** Nothing fails; `note` is told of each append. */
const noting =
  (note: (append: AttemptedAppend) => void): FaultPlan =>
  (append) => {
    note(append);
    return { kind: 'none' };
  };
const never = { kind: 'never-landed' } as const;

describe('a mailbox', () => {
  it('decides each command on what the one before left behind, in one append', async () => {
    const appends: number[] = [];
    const { open } = setUp({}, { faults: noting(({ events }) => appends.push(events.length)) });
    const box = open();
    await box.ask(add('first', 1), about('first'));
    const told = await Promise.all(Array.from({ length: 100 }, (_, i) => box.ask(add(`a${i}`, 1), about(`a${i}`))));
    expect(told.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 100 }, (_, i) => i + 2));
    expect(appends.length).toBeLessThanOrEqual(3);
    expect(told.every(({ position }) => position >= 0n)).toBe(true);
  });

  it('answers a repeat from what is recorded', async () => {
    const { open, events } = setUp();
    const box = open();
    await Promise.all([box.ask(add('a', 5), about('a')), box.ask(add('a', 5), about('a'))]);
    expect(await events()).toHaveLength(1);
  });

  it('never refuses from an old view: what one process adds, another can spend (MB4)', async () => {
    const { open } = setUp();
    const [east, west] = [open(), open()];
    await west.ask(add('a', 1), about('a'));
    await east.ask(add('b', 9), about('b'));
    expect((await west.ask(spend('c', 10), about('c'))).outcome).toBe('spent');
  });

  it('takes a stream it never read for empty, and is corrected by the append (ES1)', async () => {
    const { open, events } = setUp();
    await open().ask(add('a', 1), about('a'));
    expect((await open().ask(add('b', 9), about('b'))).outcome).toBe(10);
    const resent = await open().ask(add('a', 1), about('a'));
    expect(resent.outcome).toBe(1); // the very same event: the store knows it, and answers as it did then
    expect((await open().ask(spend('c', 10), about('c'))).outcome).toBe('spent');
    expect(await events()).toHaveLength(3);
  });

  it('does not take half of a stream for its end: a cold start that was cut off refuses nothing (MB4, MB11)', async () => {
    const { open, log } = setUp();
    const earned: NewEvent[] = Array.from({ length: 1_500 }, (_, i) => ({
      id: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
      type: 'Added',
      data: { id: `e${i}`, by: 1 },
      metadata: about('e'),
    }));
    const store = createMemoryEventStore({ log });
    await store.append('account-x', earned, -1n);
    const read = store.readStream.bind(store);
    let away: boolean = true;
    store.readStream = (stream, from, options) => {
      if (from < 1_000n || !away) return read(stream, from, options);
      away = false;
      return Promise.reject(new StoreUnavailable('away'));
    };
    expect((await boxOver(store).ask(spend('a', 1_500), about('a'))).outcome).toBe('spent');
    expect(away).toBe(false);
    expect((await open().ask(spend('b', 1), about('b'))).outcome).toBe('too-little');
  });

  it('a sleeper that wakes with a decision of long ago loses on its revision, and decides again (MB8)', async () => {
    const { log, open, events } = setUp();
    let wake = (): void => undefined;
    const asleep = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const awake = open();
    await awake.ask(add('a', 10), about('a'));
    const store = createMemoryEventStore({ log });
    const append = store.append.bind(store);
    store.append = async (...given) => {
      await asleep;
      return append(...given);
    };
    const sleeper = boxOver(store);
    const spent = sleeper.ask(spend('b', 10), about('b'));
    expect((await awake.ask(spend('c', 10), about('c'))).outcome).toBe('spent');
    wake();
    expect((await spent).outcome).toBe('too-little');
    expect(await events()).toHaveLength(2);
  });

  it('measures ages by the time that passed, whatever the wall clock says (MB5)', async () => {
    const { open } = setUp({ freshForMs: 50 });
    const [east, west] = [open(), open()];
    await west.ask(add('a', 1), about('a'));
    await east.ask(add('b', 9), about('b'));
    const now = Date.now;
    Date.now = () => now() - 3_600_000;
    try {
      await new Promise((resolve) => setTimeout(resolve, 60));
      const soldOut = (counter: Counter): Decision<Added, 'sold-out' | 'there'> =>
        counter.sum < 10 ? refuseAsOfRecently('sold-out') : recall('there');
      expect((await west.ask(soldOut, about('c'))).outcome).toBe('there');
    } finally {
      Date.now = now;
    }
  });

  it('refuses from a view of freshForMs only what may rest on a recent one (R13)', async () => {
    const { open } = setUp({ freshForMs: 60_000 });
    const [east, west] = [open(), open()];
    await west.ask(add('a', 1), about('a'));
    await east.ask(add('b', 9), about('b'));
    const soldOut = (counter: Counter): Decision<Added, 'sold-out' | 'there'> =>
      counter.sum < 10 ? refuseAsOfRecently('sold-out') : recall('there');
    expect((await west.ask(soldOut, about('c'))).outcome).toBe('sold-out');
    expect((await west.ask(spend('d', 10), about('d'))).outcome).toBe('spent');
  });

  it('fails one bad command and none of its batch (MB3)', async () => {
    const { open } = setUp();
    const box = open();
    const bad = box.ask(() => {
      throw new Error('a bug');
    }, about('bad'));
    const good = box.ask(add('a', 1), about('a'));
    await expect(bad).rejects.toThrow('a bug');
    expect((await good).outcome).toBe(1);
  });

  it('loses races and decides again: many writers, nothing lost, nothing twice (MB1)', async () => {
    const { open, events } = setUp({ attemptsMax: 1_000 }, { faults: () => ({ kind: 'slow', landMs: 1, answerMs: 1 }) });
    const boxes = Array.from({ length: 4 }, open);
    await Promise.all(Array.from({ length: 200 }, (_, i) => boxes[i % 4]?.ask(add(`a${i}`, 1), about(`a${i}`))));
    const ids = (await events()).map(({ data }) => (data as Added['data']).id);
    expect(ids).toHaveLength(200);
    expect(new Set(ids).size).toBe(200);
  });

  it.each(['never-landed', 'answer-lost', 'lands-late'] as const)('finds the truth after an append that is %s (ES1, ES3)', async (kind) => {
    const fault = kind === 'lands-late' ? { kind, afterMs: 5 } : { kind };
    const plan: FaultPlan = ({ number }) => (number === 0 ? fault : { kind: 'none' });
    const { open, events } = setUp({}, { faults: plan });
    expect((await open().ask(add('a', 5), about('a'))).outcome).toBe(5);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await events()).toHaveLength(1);
  });

  it('gives back a batch that loses every append, and forgets what it held (MB7)', async () => {
    const { open } = setUp({ attemptsMax: 3 }, { faults: () => never });
    await expect(open().ask(add('a', 1), about('a'))).rejects.toThrow(Contended);
  });

  it('turns away at once what is too much, and what waited too long, undone (MB6)', async () => {
    const { open, events } = setUp(
      { waitingMax: 2, waitMsMax: 5, batchMax: 1 },
      { faults: () => ({ kind: 'slow', landMs: 20, answerMs: 0 }) },
    );
    const box = open();
    const first = box.ask(add('a', 1), about('a'));
    const [late, later, over] = ['b', 'c', 'd'].map((id) => box.ask(add(id, 1), about(id)).catch((error: unknown) => error));
    expect(await over).toBeInstanceOf(Overloaded);
    expect((await first).outcome).toBe(1);
    expect([await late, await later].every((error) => error instanceof Overloaded)).toBe(true);
    expect(await events()).toHaveLength(1);
  });

  it('ends within its budget when nothing ever answers (ES2)', async () => {
    const { open } = setUp(
      { settleMsMax: 50 },
      { faults: () => ({ kind: 'slow', landMs: 60_000, answerMs: 0 }), delay: () => new Promise(() => {}) },
    );
    const begun = performance.now();
    await expect(open().ask(add('a', 1), about('a'))).rejects.toThrow(AppendInDoubt);
    expect(performance.now() - begun).toBeLessThan(1_000);
  });

  it('waits out a short absence of the store', async () => {
    const log = new MemoryLog();
    const store = createMemoryEventStore({ log });
    const read = store.readStream.bind(store);
    let away = 3;
    store.readStream = (...given) => (away-- > 0 ? Promise.reject(new StoreUnavailable('away')) : read(...given));
    expect((await boxOver(store).ask(add('a', 1), about('a'))).outcome).toBe(1);
  });

  it('cuts a batch that would be too large for one append, and loses none of it (ES8)', async () => {
    const sizes: number[] = [];
    const { open, events } = setUp({}, { faults: noting(({ events }) => sizes.push(bytesOf(events))) });
    const box = open();
    const padding = 'x'.repeat(40_000);
    await Promise.all(Array.from({ length: 60 }, (_, i) => box.ask(add(`a${i}`, 1, padding), about(`a${i}`))));
    expect(await events()).toHaveLength(60);
    expect(sizes.length).toBeGreaterThan(2);
    expect(Math.max(...sizes)).toBeLessThan(1_048_576);
  });

  it('refuses to decide on a stream it cannot read (ES12)', async () => {
    const { open, log } = setUp();
    const junk: NewEvent = { id: 'f7c1d9f6-9d0e-4a6e-8a35-6f2f1f3a0001', type: 'Subtracted', data: {}, metadata: about('x') };
    await createMemoryEventStore({ log }).append('account-x', [junk], -1n);
    await expect(open().ask(add('a', 1), about('a'))).rejects.toThrow(StreamUnreadable);
  });

  it('shows what it knows without waiting in line', async () => {
    const { open } = setUp();
    const box = open();
    expect(box.glance(({ sum }) => sum)).toBe(0);
    await box.ask(add('a', 5), about('a'));
    expect(box.glance(({ sum }) => sum)).toBe(5);
  });
});

const bytesOf = (events: readonly NewEvent[]): number => Buffer.byteLength(JSON.stringify(events));
