import { describe, expect, it } from '@jest/globals';
import { type RecordedEvent, StoreUnavailable } from '../../../src/platform/eventStore/eventStore.ts';
import { event, eventsOf, freshStream, type Given } from './contractSupport.ts';

export const reading = ({ store, streamOf }: Pick<Given, 'store' | 'streamOf'>): void =>
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
