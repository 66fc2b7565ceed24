import { expect, it } from '@jest/globals';
import { inventorySnapshots } from '../../src/commands/snapshotKinds.ts';
import { type SnapshotKind, StreamSnapshots, snapshotStream } from '../../src/commands/snapshots.ts';
import { StreamUnreadable, StreamView } from '../../src/commands/streamView.ts';
import { parseEvent } from '../../src/domain/events.ts';
import { type Inventory, type InventoryEvent, inventoryFold, inventoryStream } from '../../src/domain/inventory.ts';
import { foldAll } from '../../src/domain/kernel.ts';
import {
  type EventStore,
  type NewEvent,
  NO_STREAM,
  type RecordedEvent,
  StoreUnavailable,
} from '../../src/platform/eventStore/eventStore.ts';
import { createMemoryEventStore } from '../../src/platform/eventStore/memoryEventStore.ts';
import { MemoryLog } from '../../src/platform/eventStore/memoryLog.ts';
import { plainOf } from '../support/plainState.ts';
import { until } from '../support/processes.ts';
import { silentLog } from '../support/silentLog.ts';
import { ledgerHistory } from './histories.ts';

const metadata = { commandId: 'c', correlationId: 'c', causationId: 'c', actor: 'test' };
const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const history = ledgerHistory(
  [...Array(3_000)].map((_, i) => i + 8),
  100_000,
);
const events: NewEvent[] = history.map((event, i) => ({ ...event, id: uuid(i), metadata }));
const beside = snapshotStream(inventoryStream);
const all = (store: EventStore, stream: string) => store.readStream(stream, 0n, { maxCount: 100_000 });

/** A ledger of `length` events, and one command process after another over it. */
const shopOf = async (length = events.length, from: readonly NewEvent[] = events) => {
  const log = new MemoryLog();
  const store = createMemoryEventStore({ log });
  await store.append(inventoryStream, from.slice(0, length), NO_STREAM);
  const voided: string[] = [];
  const truncated: (readonly [string, bigint])[] = [];
  const process = (given: EventStore = store, kind: Partial<SnapshotKind<Inventory>> = {}) => {
    const warn = (about: { why?: string }) => void voided.push(about.why ?? 'failed');
    const truncate = async (stream: string, before: bigint) => void truncated.push([stream, before]);
    const ports = { store: given, truncate, log: { ...silentLog, warn } as unknown as typeof silentLog };
    const snapshots = new StreamSnapshots({ ...inventorySnapshots, everyEvents: 1_000, ...kind }, ports);
    const parse = (stored: RecordedEvent) => parseEvent(stored) as InventoryEvent;
    const view = new StreamView(inventoryStream, {
      store: given,
      fold: inventoryFold,
      parse,
      monotonic: () => performance.now(),
      snapshots,
    });
    return { view, snapshots };
  };
  const taken = () => until(async () => (await all(store, beside)).filter(({ type }) => type === 'SnapshotTaken').at(-1));
  /** The first process reads the whole ledger and leaves a snapshot of it. */
  const first = async () => {
    const { view } = process();
    await view.catchUp(new AbortController().signal);
    view.keep();
    return taken();
  };
  return { log, store, process, first, taken, voided, truncated };
};

/** Counts what is read of the ledger itself. */
const counting = (store: EventStore) => {
  const read = { events: 0 };
  const readStream: EventStore['readStream'] = async (stream, from, options) => {
    const page = await store.readStream(stream, from, options);
    if (stream === inventoryStream) read.events += page.length;
    return page;
  };
  return { read, store: Object.assign(Object.create(store) as EventStore, { readStream }) };
};

/** Events of the tests' size that fit into one append. */
const BATCH = 1_000;

/** Another store, with these streams in it. */
const storeOf = async (streams: Readonly<Record<string, readonly RecordedEvent[]>>) => {
  const store = createMemoryEventStore();
  for (const [stream, recorded] of Object.entries(streams)) {
    const events = recorded.map(({ id, type, data }) => ({ id, type, data, metadata }));
    for (let at = 0; at < events.length; at += BATCH) await store.append(stream, events.slice(at, at + BATCH), BigInt(at) - 1n);
  }
  return store;
};

const signal = new AbortController().signal;
const whole = plainOf(foldAll(inventoryFold, inventoryFold.initial, history));

it('begins at the snapshot and reads only what came after it, to the same state (I17)', async () => {
  const { store, process, first } = await shopOf(2_900);
  await first();
  await store.append(inventoryStream, events.slice(2_900), 2_899n);
  const counted = counting(store);
  const { view } = process(counted.store);
  const head = await view.catchUp(signal);
  expect(plainOf(head.state)).toEqual(whole);
  expect(head.revision).toBe(2_999n);
  expect(counted.read.events).toBeLessThanOrEqual(1_000 + 1 + 100); // a page that shows it is long, the proof, the rest
});

it('lets the old ones go once the new one is complete', async () => {
  const { store, process, first, taken, truncated } = await shopOf(1_500);
  const closing = await first();
  await store.append(inventoryStream, events.slice(1_500), 1_499n);
  const { view } = process();
  await view.catchUp(signal);
  view.keep();
  await until(async () => (await taken()).revision > closing.revision && truncated.length > 1);
  expect(truncated.at(-1)).toEqual([beside, closing.revision + 1n]);
});

it('takes none before enough events came, and one at a time', async () => {
  const { store, process, taken } = await shopOf(2_000);
  const { view } = process();
  await view.catchUp(signal);
  for (let i = 0; i < 5; i += 1) view.keep();
  await taken();
  view.keep();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect((await all(store, beside)).filter(({ type }) => type === 'SnapshotTaken')).toHaveLength(1);
});

it('leaves it to another process that takes one at the same moment', async () => {
  const { store, process, voided } = await shopOf();
  const views = [process().view, process().view];
  for (const view of views) await view.catchUp(signal);
  for (const view of views) view.keep();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect((await all(store, beside)).filter(({ type }) => type === 'SnapshotTaken')).toHaveLength(1);
  expect(plainOf((await process().view.catchUp(signal)).state)).toEqual(whole);
  expect(voided).toEqual([]);
});

it('a snapshot that broke off is nothing: the one before it counts (MB10, N01)', async () => {
  const { store, process, first } = await shopOf(1_500);
  const { revision } = await first();
  const torn = { id: uuid(90_000), type: 'SnapshotPart', data: { takenId: 'torn', part: '{}' }, metadata };
  await store.append(beside, [torn], revision);
  await store.append(inventoryStream, events.slice(1_500), 1_499n);
  const counted = counting(store);
  expect(plainOf((await process(counted.store).view.catchUp(signal)).state)).toEqual(whole);
  expect(counted.read.events).toBeLessThan(3_000);
});

const partOf = (recorded: RecordedEvent) => recorded.data as { part: string };
const spoiled: readonly (readonly [string, (snapshot: RecordedEvent[]) => RecordedEvent[], RegExp])[] = [
  [
    'with a flipped byte',
    ([part, ...rest]) => [
      { ...part, data: { ...(part?.data as object), part: partOf(part as RecordedEvent).part.replace('1', '2') } } as RecordedEvent,
      ...rest,
    ],
    /torn/,
  ],
  ['without its first part', ([, ...rest]) => rest, /torn/],
  [
    'whose parts are of another',
    ([part, ...rest]) => [{ ...part, data: { ...(part?.data as object), takenId: 'x' } } as RecordedEvent, ...rest],
    /torn/,
  ],
  [
    'of an older fold',
    (snapshot) => snapshot.map((e) => (e.type === 'SnapshotTaken' ? { ...e, data: { ...(e.data as object), version: 'inventory 0' } } : e)),
    /fold/,
  ],
  [
    'of another history',
    (snapshot) => snapshot.map((e) => (e.type === 'SnapshotTaken' ? { ...e, data: { ...(e.data as object), eventId: uuid(77_777) } } : e)),
    /history/,
  ],
];

it.each(spoiled)('a snapshot %s is void: the ledger is read from its beginning (MB10)', async (_what, spoil, why) => {
  const { store, first, process, voided } = await shopOf();
  await first();
  const snapshot = [...(await all(store, beside))];
  expect(snapshot.length).toBeGreaterThan(1);
  const other = await storeOf({ [inventoryStream]: await all(store, inventoryStream), [beside]: spoil(snapshot) });
  expect(plainOf((await process(other).view.catchUp(signal)).state)).toEqual(whole);
  expect(voided).toEqual([expect.stringMatching(why)]);
});

it.each([0, 500, 2_500])('a ledger of %i events, shorter than its snapshot, is not decided on (MB10)', async (left) => {
  const { store, first, process } = await shopOf();
  await first();
  const cut = (await all(store, inventoryStream)).slice(0, left);
  const other = await storeOf({ [inventoryStream]: cut, [beside]: await all(store, beside) });
  const { view } = process(other);
  expect(view.mustBeRead).toBe(true);
  await expect(view.catchUp(signal)).rejects.toThrow(StreamUnreadable);
});

it('a store that goes away while a snapshot is read costs a try, no fact', async () => {
  const { store, first, process } = await shopOf();
  await first();
  let away = 1;
  const readStream: EventStore['readStream'] = (stream, from, options) =>
    stream === beside && away-- > 0 ? Promise.reject(new StoreUnavailable('away')) : store.readStream(stream, from, options);
  const { view } = process(Object.assign(Object.create(store) as EventStore, { readStream }));
  await expect(view.catchUp(signal)).rejects.toThrow(StoreUnavailable);
  expect(plainOf((await view.catchUp(signal)).state)).toEqual(whole);
});

it('takes the next of a state that keeps all of its history when the stream has grown by a part of it', async () => {
  const { store, process } = await shopOf(1);
  const { snapshots } = process(store, { everyEvents: 100, everyPart: 1 / 4 });
  const at = (revision: bigint) => ({ state: inventoryFold.initial, revision, position: 0n, eventId: uuid(0) });
  const takenAt = async () =>
    (await all(store, beside)).filter(({ type }) => type === 'SnapshotTaken').map(({ data }) => (data as { revision: string }).revision);
  const isTakenAt = (revision: string) => until(async () => (await takenAt()).includes(revision) || undefined);
  snapshots.consider(inventoryStream, at(1_000n));
  await isTakenAt('1000');
  snapshots.consider(inventoryStream, at(1_249n));
  snapshots.consider(inventoryStream, at(1_250n));
  await isTakenAt('1250');
  expect(await takenAt()).toEqual(['1000', '1250']);
});
