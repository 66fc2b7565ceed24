import { describe, expect, it } from '@jest/globals';
import { type Delivery, NO_STREAM } from '../../../src/platform/eventStore/eventStore.ts';
import { caughtUp, collect, count, eventsIn, eventsOf, freshStream, freshType, type Given, positionsIn } from './contractSupport.ts';

export const subscribing = ({ store, other, streamOf }: Omit<Given, 'idsIn'>): void =>
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

    it('delivers types whose names are beyond ASCII or mean something to a regular expression', async () => {
      const types = [`${freshType()}주문됨🛒`, `${freshType()}.*`, `${freshType()}^$(a|b)`];
      const after = await store().head();
      const stream = await streamOf(...types.map((type) => eventsOf(1, type)), eventsOf(1));
      const got = await collect(store(), { after, types }, caughtUp);
      expect(eventsIn(got).map(({ type }) => type)).toEqual(types);
      expect(eventsIn(got)).toEqual((await store().readStream(stream, 0n, { maxCount: 5 })).slice(0, 3));
    });

    it('goes on from any place it has told, event or checkpoint, without a gap and without a repeat', async () => {
      const type = freshType();
      const after = await store().head();
      await streamOf(...Array.from({ length: 6 }, () => [...eventsOf(2, type), ...eventsOf(30)]));
      const whole = await collect(store(), { after, types: [type] }, caughtUp);
      const ids = eventsIn(whole).map(({ id }) => id);
      expect(ids).toHaveLength(12);
      for (const place of positionsIn(whole)) {
        const rest = await collect(store(), { after: place, types: [type] }, caughtUp);
        const before = eventsIn(whole).filter(({ position }) => position <= place).length;
        expect(eventsIn(rest).map(({ id }) => id)).toEqual(ids.slice(before));
      }
    });

    it('tells two readers the same while appends of two adapters race', async () => {
      const type = freshType();
      const after = await store().head();
      const readers = [store(), other()].map((reader) => collect(reader, { after, types: [type] }, count(120)));
      const writers = [store(), other()].map(async (writer) => {
        const stream = freshStream();
        for (let revision = NO_STREAM; revision < 59n; revision += 3n) await writer.append(stream, eventsOf(3, type), revision);
      });
      await Promise.all(writers);
      const [mine, others] = (await Promise.all(readers)).map(eventsIn);
      expect(mine).toEqual(others);
      const positions = positionsIn((mine ?? []).map((each) => ({ kind: 'event', event: each })));
      expect(positions.every((position, i) => i === 0 || position > (positions[i - 1] ?? 0n))).toBe(true);
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
