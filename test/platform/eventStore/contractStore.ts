import { describe, expect, it } from '@jest/globals';
import { NO_STREAM, WrongRevision } from '../../../src/platform/eventStore/eventStore.ts';
import { eventsOf, freshStream, type Given } from './contractSupport.ts';

export const theStoreItself = ({ store, other }: Pick<Given, 'store' | 'other'>): void =>
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
