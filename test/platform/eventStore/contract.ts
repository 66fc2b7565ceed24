import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  APPEND_BYTES_MAX,
  AppendTooLarge,
  type Delivery,
  type EventStore,
  type NewEvent,
  NO_STREAM,
  type Position,
  type RecordedEvent,
  StoreUnavailable,
  type SubscribeOptions,
  WrongRevision,
} from '../../../src/platform/eventStore/eventStore.ts';

/** Two adapters over one store; `close` ends both and, if it was started for them, the store. */
export type StoreUnderTest = Readonly<{ store: EventStore; other: EventStore; close: () => Promise<void> }>;

const metadata = { commandId: 'c-1', correlationId: 'r-1', causationId: 'r-1', actor: 'ann' };

export const event = (type = 'Counted', data: unknown = { by: 1 }, id: string = randomUUID()): NewEvent => ({ id, type, data, metadata });
export const eventsOf = (count: number, type?: string): NewEvent[] => Array.from({ length: count }, (_, i) => event(type, { number: i }));

/** A name nobody has used: the suite also runs over stores that keep everything. */
export const freshStream = (): string => `account-${randomUUID()}`;
const freshType = (): string => `Type${randomUUID().replaceAll('-', '')}`;

/** Reads a subscription until `enough` says so, and leaves it. Fails after 10 s. */
export const collect = async (
  store: EventStore,
  options: Omit<SubscribeOptions, 'signal'>,
  enough: (got: readonly Delivery[]) => boolean | Promise<boolean>,
): Promise<Delivery[]> => {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), 10_000);
  const got: Delivery[] = [];
  try {
    for await (const delivery of store.subscribe({ ...options, signal: limit.signal })) {
      got.push(delivery);
      if (await enough(got)) return got;
    }
  } finally {
    clearTimeout(timer);
  }
  throw new Error(`not enough after 10 s: ${got.map(({ kind }) => kind).join(' ')}`);
};

const eventsIn = (got: readonly Delivery[]): RecordedEvent[] => got.flatMap((d) => (d.kind === 'event' ? [d.event] : []));
const positionsIn = (got: readonly Delivery[]): Position[] =>
  got.flatMap((d) => (d.kind === 'event' ? [d.event.position] : d.kind === 'checkpoint' ? [d.position] : []));
const caughtUp = (got: readonly Delivery[]): boolean => got.at(-1)?.kind === 'caught-up';
const count = (wanted: number) => (got: readonly Delivery[]) => eventsIn(got).length >= wanted;

/** What every implementation of EventStore promises. `makeStore` may give the same store to the whole suite. */
export const eventStoreContract = (name: string, makeStore: () => Promise<StoreUnderTest>): void => {
  describe(`event store contract: ${name}`, () => {
    let under: StoreUnderTest;
    let store: EventStore;
    beforeAll(async () => {
      under = await makeStore();
      store = under.store;
    }, 60_000);
    afterAll(() => under.close());

    const streamOf = async (...batches: NewEvent[][]) => {
      const stream = freshStream();
      let revision = NO_STREAM;
      for (const batch of batches) ({ revision } = await store.append(stream, batch, revision));
      return stream;
    };
    const idsIn = async (stream: string) => (await store.readStream(stream, 0n, { maxCount: 100 })).map(({ id }) => id);

    appendTable({ store: () => store, streamOf, idsIn });
    appending({ store: () => store, other: () => under.other, streamOf, idsIn });
    reading({ store: () => store, streamOf });
    subscribing({ store: () => store, other: () => under.other, streamOf });
    theStoreItself({ store: () => store, other: () => under.other });
  });
};

type Given = Readonly<{
  store: () => EventStore;
  other: () => EventStore;
  streamOf: (...batches: NewEvent[][]) => Promise<string>;
  idsIn: (stream: string) => Promise<string[]>;
}>;

const appendTable = ({ store, streamOf, idsIn }: Omit<Given, 'other'>): void =>
  describe('append table', () => {
    it('row 1: a new stream takes an append at NO_STREAM', async () => {
      expect((await store().append(freshStream(), eventsOf(3), NO_STREAM)).revision).toBe(2n);
    });

    it('row 2: a new stream is at no revision', async () => {
      await expect(store().append(freshStream(), eventsOf(1), 0n)).rejects.toThrow(WrongRevision);
    });

    it('row 3: at the current revision anything is appended, even ids already there', async () => {
      const [one] = [event()];
      const stream = await streamOf([one]);
      expect((await store().append(stream, [one], 0n)).revision).toBe(1n);
      expect(await idsIn(stream)).toEqual([one.id, one.id]);
    });

    it('row 4: a resend at the same revision gets the first answer again and writes nothing', async () => {
      const stream = await streamOf(eventsOf(2));
      const batch = eventsOf(3);
      const first = await store().append(stream, batch, 1n);
      await store().append(stream, eventsOf(1), first.revision);
      expect(await store().append(stream, batch, 1n)).toEqual(first);
      expect(await idsIn(stream)).toHaveLength(6);
    });

    it('row 4: also at NO_STREAM', async () => {
      const batch = eventsOf(2);
      const stream = freshStream();
      const first = await store().append(stream, batch, NO_STREAM);
      expect(await store().append(stream, batch, NO_STREAM)).toEqual(first);
    });

    it('row 5: below the current revision another event is refused', async () => {
      const stream = await streamOf(eventsOf(2));
      await expect(store().append(stream, eventsOf(1), 0n)).rejects.toThrow(WrongRevision);
      await expect(store().append(stream, eventsOf(1), NO_STREAM)).rejects.toThrow(WrongRevision);
    });

    it('row 6: a resend of which a later event differs or is missing is refused', async () => {
      const batch = eventsOf(3);
      const stream = await streamOf(batch);
      const [first, second] = batch as [NewEvent, NewEvent];
      await expect(store().append(stream, [first, event()], NO_STREAM)).rejects.toThrow(WrongRevision);
      await expect(store().append(stream, [...batch, event()], NO_STREAM)).rejects.toThrow(WrongRevision);
      await expect(store().append(stream, [second, first], NO_STREAM)).rejects.toThrow(WrongRevision);
      expect(await idsIn(stream)).toEqual(batch.map(({ id }) => id));
    });

    it('row 7: above the current revision nothing is appended', async () => {
      const stream = await streamOf(eventsOf(1));
      await expect(store().append(stream, eventsOf(1), 1n)).rejects.toThrow(WrongRevision);
    });
  });

const appending = ({ store, other, streamOf, idsIn }: Given): void =>
  describe('appending', () => {
    it('writes all events of an append or none, side by side', async () => {
      const stream = freshStream();
      const batches = Array.from({ length: 8 }, () => eventsOf(5));
      const ends = await Promise.allSettled(batches.map((batch) => store().append(stream, batch, NO_STREAM)));
      const winners = batches.filter((_, i) => ends[i]?.status === 'fulfilled');
      expect(winners).toHaveLength(1);
      expect(await idsIn(stream)).toEqual(winners[0]?.map(({ id }) => id));
    });

    it('lets one of many writers have a revision, through two adapters', async () => {
      const stream = await streamOf(eventsOf(1));
      for (let revision = 0n; revision < 5n; revision += 1n) {
        const tries = Array.from({ length: 20 }, (_, i) => (i % 2 ? store() : other()).append(stream, eventsOf(1), revision));
        const ends = await Promise.allSettled(tries);
        expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        for (const end of ends) if (end.status === 'rejected') expect(end.reason).toBeInstanceOf(WrongRevision);
      }
      expect(await idsIn(stream)).toHaveLength(6);
    });

    it('answers with the place of the last event, and positions only grow', async () => {
      const streams = [freshStream(), freshStream()] as const;
      let last = await store().head();
      for (const [turn, stream] of [...streams, ...streams].entries()) {
        const appended = await store().append(stream, eventsOf(2), turn < 2 ? NO_STREAM : 1n);
        const [before, event] = await store().readStream(stream, appended.revision - 1n, { maxCount: 2 });
        expect(event).toMatchObject({ revision: appended.revision, position: appended.position });
        expect((before?.position ?? 0n) > last && (before?.position ?? 0n) < appended.position).toBe(true);
        last = appended.position;
      }
    });

    it('keeps what was given, and what is done to it afterwards changes nothing', async () => {
      const data = { 이름: '가나다 🛒', empty: '', none: null, list: [1, { deep: true }], text: 'a\u0000b\n"\\' };
      const given = { ...data, list: [...data.list] };
      const stream = `account-${randomUUID()}-ünï가`;
      await store().append(stream, [event('Named', given)], NO_STREAM);
      given.list.length = 0;
      const [read] = await store().readStream(stream, 0n, { maxCount: 1 });
      expect(read).toMatchObject({ stream, type: 'Named', data, metadata, revision: 0n });
      expect(Math.abs((read?.createdAt ?? 0) - Date.now())).toBeLessThan(60_000);
    });

    it('takes 256 events at once and exactly APPEND_BYTES_MAX bytes, not one more', async () => {
      expect((await store().append(freshStream(), eventsOf(256), NO_STREAM)).revision).toBe(255n);
      const around = Buffer.byteLength(JSON.stringify({ text: '' })) + Buffer.byteLength(JSON.stringify(metadata));
      const full = { text: 'x'.repeat(APPEND_BYTES_MAX - around) };
      expect((await store().append(freshStream(), [event('Full', full)], NO_STREAM)).revision).toBe(0n);
      const stream = freshStream();
      const overfull = store().append(stream, [event('Full', { text: `${full.text}x` })], NO_STREAM);
      await expect(overfull).rejects.toThrow(AppendTooLarge);
      expect(await idsIn(stream)).toEqual([]);
    });

    it('refuses what only a bug can ask', async () => {
      await expect(store().append(freshStream(), [], NO_STREAM)).rejects.toThrow(TypeError);
      await expect(store().append(freshStream(), eventsOf(1), -2n)).rejects.toThrow(TypeError);
      await expect(store().append(freshStream(), [event('Counted', {}, 'no-uuid')], NO_STREAM)).rejects.toThrow(TypeError);
      await expect(store().append(freshStream(), [{ ...event(), data: undefined }], NO_STREAM)).rejects.toThrow(TypeError);
      await expect(store().append(freshStream(), [event('Counted', { big: 1n })], NO_STREAM)).rejects.toThrow(TypeError);
    });

    it('sends nothing when the signal is aborted before', async () => {
      const stream = freshStream();
      await expect(store().append(stream, eventsOf(1), NO_STREAM, AbortSignal.abort())).rejects.toThrow(StoreUnavailable);
      expect(await idsIn(stream)).toEqual([]);
    });
  });

const reading = ({ store, streamOf }: Pick<Given, 'store' | 'streamOf'>): void =>
  describe('reading a stream', () => {
    it('has no events when there is no stream', async () => {
      expect(await store().readStream(freshStream(), 0n, { maxCount: 10 })).toEqual([]);
      expect(await store().readStream(freshStream(), 5n, { maxCount: 10 })).toEqual([]);
    });

    it('begins at a revision, that one included, and ends at maxCount', async () => {
      const stream = await streamOf(eventsOf(7), eventsOf(3));
      const revisions = async (from: bigint, maxCount: number) =>
        (await store().readStream(stream, from, { maxCount })).map(({ revision }) => revision);
      expect(await revisions(0n, 100)).toEqual([0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n]);
      expect(await revisions(4n, 3)).toEqual([4n, 5n, 6n]);
      expect(await revisions(9n, 3)).toEqual([9n]);
      expect(await revisions(10n, 3)).toEqual([]);
    });

    it('refuses what only a bug can ask', async () => {
      await expect(store().readStream(freshStream(), -1n, { maxCount: 1 })).rejects.toThrow(TypeError);
      await expect(store().readStream(freshStream(), 0n, { maxCount: 0 })).rejects.toThrow(TypeError);
    });

    it('gives each reader its own copy', async () => {
      const stream = await streamOf([event('Counted', { list: [1] })]);
      const [first] = await store().readStream(stream, 0n, { maxCount: 1 });
      (first as RecordedEvent & { data: { list: number[] } }).data.list.push(2);
      const [second] = await store().readStream(stream, 0n, { maxCount: 1 });
      expect(second?.data).toEqual({ list: [1] });
    });

    it('does not begin when the signal is aborted before', async () => {
      const asked = store().readStream(freshStream(), 0n, { maxCount: 1, signal: AbortSignal.abort() });
      await expect(asked).rejects.toThrow(StoreUnavailable);
    });
  });

const subscribing = ({ store, other, streamOf }: Omit<Given, 'idsIn'>): void =>
  describe('subscribing', () => {
    it('from null delivers the whole log in order, then says caught-up', async () => {
      const stream = await streamOf(eventsOf(2), eventsOf(40));
      const got = await collect(store(), { after: null }, caughtUp);
      const mine = eventsIn(got).filter((each) => each.stream === stream);
      expect(mine).toEqual(await store().readStream(stream, 0n, { maxCount: 100 }));
      const positions = positionsIn(got);
      expect(positions.every((position, i) => i === 0 || position > (positions[i - 1] ?? 0n))).toBe(true);
      expect(eventsIn(got).some(({ type }) => type.startsWith('$'))).toBe(false);
    });

    it('from a position leaves out the event at that position', async () => {
      const stream = await streamOf(eventsOf(3));
      const [first, second, third] = await store().readStream(stream, 0n, { maxCount: 3 });
      const got = await collect(store(), { after: first?.position ?? 0n }, caughtUp);
      expect(eventsIn(got)).toEqual([second, third]);
    });

    it('at the end says caught-up and delivers what comes later, through the other adapter too', async () => {
      const stream = freshStream();
      const got = await collect(store(), { after: await store().head() }, async (sofar) => {
        if (sofar.length === 1) await other().append(stream, eventsOf(2), NO_STREAM);
        return count(2)(sofar);
      });
      expect(got[0]?.kind).toBe('caught-up');
      expect(eventsIn(got)).toEqual(await store().readStream(stream, 0n, { maxCount: 2 }));
    });

    it('delivers only the types asked for, and not those that merely begin alike', async () => {
      const type = freshType();
      const after = await store().head();
      const stream = await streamOf(eventsOf(2, type), eventsOf(2, `${type}Again`), eventsOf(1, `Not${type}`), eventsOf(1, type));
      const got = await collect(store(), { after, types: [type, `${type}More`] }, caughtUp);
      expect(eventsIn(got).map((each) => [each.stream, each.revision])).toEqual([0n, 1n, 5n].map((revision) => [stream, revision]));
    });

    it('moves the checkpoint over events that are not delivered, never above what is', async () => {
      const [wanted, unwanted] = [freshType(), freshType()];
      const after = await store().head();
      await streamOf(eventsOf(100, unwanted), eventsOf(1, wanted), eventsOf(100, unwanted));
      const end = await store().head();
      const got = await collect(store(), { after, types: [wanted] }, caughtUp);
      const positions = positionsIn(got);
      expect(positions.every((position, i) => position > (positions[i - 1] ?? after))).toBe(true);
      expect(positions.at(-1)).toBe(end);
      expect(eventsIn(got)).toHaveLength(1);
    });

    it('moves the checkpoint while it is live', async () => {
      const after = await store().head();
      let appended = false;
      const got = await collect(store(), { after, types: [freshType()] }, async (sofar) => {
        if (!appended && caughtUp(sofar)) {
          appended = true;
          await streamOf(eventsOf(200));
        }
        return appended && sofar.at(-1)?.kind === 'checkpoint';
      });
      expect((positionsIn(got).at(-1) ?? 0n) > after).toBe(true);
    });

    it('ends without an error when it is aborted, waiting or not', async () => {
      for (const abortAt of ['event', 'caught-up']) {
        const stop = new AbortController();
        await streamOf(eventsOf(50));
        for await (const { kind } of store().subscribe({ after: null, signal: stop.signal })) {
          if (kind === abortAt) setTimeout(() => stop.abort(), 5);
        }
        expect(stop.signal.aborted).toBe(true);
      }
    }, 15_000);

    it('refuses what only a bug can ask', async () => {
      const limit = async () => true;
      await expect(collect(store(), { after: -1n }, limit)).rejects.toThrow(TypeError);
      await expect(collect(store(), { after: 2n ** 63n }, limit)).rejects.toThrow(TypeError);
      await expect(collect(store(), { after: null, types: [] }, limit)).rejects.toThrow(TypeError);
    });

    it('does not begin when the signal is aborted before', async () => {
      const got: Delivery[] = [];
      for await (const each of store().subscribe({ after: null, signal: AbortSignal.abort() })) got.push(each);
      expect(got).toEqual([]);
    });

    it('waits for a slow reader and loses nothing', async () => {
      const type = freshType();
      const after = await store().head();
      await streamOf(...Array.from({ length: 10 }, () => eventsOf(200, type)));
      const got = await collect(store(), { after, types: [type] }, async (sofar) => {
        if (sofar.length % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
        return count(2_000)(sofar);
      });
      expect(eventsIn(got).map(({ revision }) => revision)).toEqual(Array.from({ length: 2_000 }, (_, i) => BigInt(i)));
    }, 30_000);
  });

const theStoreItself = ({ store, other }: Pick<Given, 'store' | 'other'>): void =>
  describe('the store itself', () => {
    it('has a head that an append moves, seen by both adapters', async () => {
      const before = await store().head();
      const { position } = await store().append(freshStream(), eventsOf(2), NO_STREAM);
      expect(position > before).toBe(true);
      expect((await store().head()) >= position).toBe(true);
      expect((await other().head()) >= position).toBe(true);
    });

    it('has one identity, the same for two who ask at once', async () => {
      const ids = await Promise.all([store().identity(), other().identity(), store().identity()]);
      expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
      expect(new Set([...ids, await other().identity()]).size).toBe(1);
    });

    it('shows each adapter what the other wrote', async () => {
      const stream = freshStream();
      const { position } = await store().append(stream, eventsOf(1), NO_STREAM);
      expect(await other().readStream(stream, 0n, { maxCount: 5 })).toMatchObject([{ position }]);
      await expect(other().append(stream, eventsOf(1), NO_STREAM)).rejects.toThrow(WrongRevision);
    });
  });
