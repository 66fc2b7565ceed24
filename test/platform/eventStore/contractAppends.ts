import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  APPEND_BYTES_MAX,
  AppendTooLarge,
  type NewEvent,
  NO_STREAM,
  StoreUnavailable,
  WrongRevision,
} from '../../../src/platform/eventStore/eventStore.ts';
import { event, eventsOf, freshStream, type Given, metadata } from './contractSupport.ts';

export const appendTable = ({ store, streamOf, idsIn }: Omit<Given, 'other'>): void =>
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

export const appending = ({ store, other, streamOf, idsIn }: Given): void =>
  describe('appending', () => {
    it('writes all events of an append or none, side by side', async () => {
      const stream = freshStream();
      const batches = Array.from({ length: 8 }, () => eventsOf(5));
      const ends = await Promise.allSettled(batches.map((batch) => store().append(stream, batch, NO_STREAM)));
      const winners = batches.filter((_, i) => ends[i]?.status === 'fulfilled');
      expect(winners).toHaveLength(1);
      expect(await idsIn(stream)).toEqual(winners[0]?.map(({ id }) => id));
    });

    it('shows readers all events of an append or none', async () => {
      const stream = await streamOf(eventsOf(10));
      const lengths: number[] = [];
      for (let revision = 9n; revision < 99n; revision += 10n) {
        const appended = store().append(stream, eventsOf(10), revision);
        const read = other().readStream(stream, 0n, { maxCount: 200 });
        lengths.push((await read).length);
        await appended;
      }
      expect(lengths.filter((length) => length % 10 !== 0)).toEqual([]);
      expect(await idsIn(stream)).toHaveLength(100);
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

    it.each(['계좌-🛒', 'with space', 'a/b?c=d%20#\'"@', '--', 'x'.repeat(400)])('takes a stream named %s…', async (name) => {
      const stream = `${freshStream()}${name}`;
      const batch = eventsOf(2, '주문됨-🛒');
      const { position } = await store().append(stream, batch, NO_STREAM);
      await expect(store().append(stream, eventsOf(1), NO_STREAM)).rejects.toThrow(WrongRevision);
      const [, last] = await other().readStream(stream, 0n, { maxCount: 5 });
      expect(last).toMatchObject({ id: batch[1]?.id, stream, type: '주문됨-🛒', revision: 1n, position });
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
