import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { READ_WINDOW_BYTES } from '../../../src/embedded/event-store/limits.ts';
import { indexPath, logPath } from '../../../src/embedded/event-store/storage/folder.ts';
import { openStorage, type Storage } from '../../../src/embedded/event-store/storage/storage.ts';
import { openStored, streamStored, visited, wholeStored, write } from './storing.ts';
import { newFolder } from './support.ts';

const names = (count: number, of = 3): string[] => Array.from({ length: count }, (_, n) => `s-${n % of}`);
const byStream = (positions: readonly number[], stream: number, of = 3): number[] => positions.filter((_, n) => n % of === stream);

describe('the storage', () => {
  it('has every event at its position and in its stream, both ways, while the index goes to disk', async () => {
    const storage = openStored(newFolder());
    const positions: number[] = [];
    for (let turn = 0; turn < 8; turn++) positions.push(...(await write(storage, names(900))));
    expect(wholeStored(storage)).toEqual(positions);
    expect(visited((visit) => storage.downwards(Number.MAX_SAFE_INTEGER)(10_000, visit))).toEqual(positions.toReversed());
    for (const stream of [0, 1, 2]) {
      const expected = byStream(positions, stream);
      const head = storage.head(`s-${stream}`);
      expect(head).toEqual({ ordinal: expected[0], last: expected.length - 1 });
      for (let from = 0; from < expected.length; from += 97) {
        const upwards = visited((visit) => storage.streamForwards(head?.ordinal ?? -1, from - 1, 50, visit));
        expect(upwards).toEqual(expected.slice(from, from + 50));
        const downwards = visited((visit) => storage.streamBackwards(head?.ordinal ?? -1, from + 1, 50, visit));
        expect(downwards).toEqual(expected.slice(Math.max(0, from - 49), from + 1).toReversed());
      }
    }
  });

  it('is the same after a restart, and with its index made anew from the log', async () => {
    const folder = newFolder();
    const first = openStored(folder);
    const positions = await write(first, names(4_998));
    await first.end();
    for (const loss of ['nothing', 'index']) {
      if (loss === 'index') rmSync(indexPath(folder), { recursive: true });
      const again = openStored(folder);
      expect(wholeStored(again)).toEqual(positions);
      expect(streamStored(again, 's-1')).toEqual(byStream(positions, 1));
      positions.push(...(await write(again, ['s-0', 's-1', 's-2', 's-0', 's-1', 's-2'])));
      await again.end();
    }
  });

  it('reads records that are larger than its window, both ways', async () => {
    const storage = openStored(newFolder());
    const positions = [...(await write(storage, ['a', 'b'])), ...(await write(storage, ['a'], 'x'.repeat(5 * READ_WINDOW_BYTES)))];
    positions.push(...(await write(storage, ['b'])));
    expect(wholeStored(storage)).toEqual(positions);
    expect(visited((visit) => storage.downwards(Number.MAX_SAFE_INTEGER)(10, visit))).toEqual(positions.toReversed());
    expect(streamStored(storage, 'a')).toEqual([positions[0], positions[2]]);
  });

  it('shows of the last write, which it has in memory, what a restart finds on disk', async () => {
    const folder = newFolder();
    const storage = openStored(folder);
    const positions = [...(await write(storage, names(3))), ...(await write(storage, names(5)))];
    const shown = (from: Storage, at: number, limit: number): string[] => {
      const records: string[] = [];
      from.upwards(at)(limit, (record, position) => records.push(`${position} ${record.toString('hex')}`));
      return records;
    };
    const pages = positions.flatMap((position) => [1, 2, 10].map((limit) => [position, limit] as const));
    const before = pages.map(([position, limit]) => shown(storage, position, limit));
    expect(before.map((page) => page.length)).toEqual(pages.map(([at, limit]) => Math.min(limit, 8 - positions.indexOf(at))));
    expect(shown(storage, storage.nextPosition(), 10)).toEqual([]);
    await storage.end();
    const again = openStored(folder);
    expect(pages.map(([position, limit]) => shown(again, position, limit))).toEqual(before);
  });

  it('lets a visitor read on its own without losing its record', async () => {
    const storage = openStored(newFolder());
    await write(storage, names(6), 'y'.repeat(2_000));
    const ids: string[] = [];
    storage.upwards(0)(10, (record, position) => {
      const before = Buffer.from(record);
      expect(storage.upwards(0)(10, () => undefined)).toBe(6);
      expect(record.equals(before)).toBe(true);
      ids.push(`${position}`);
    });
    expect(ids).toHaveLength(6);
  });

  it('reads from events only: no other position is a place to begin', async () => {
    const storage = openStored(newFolder());
    const [first = 0, second = 0] = await write(storage, ['a', 'a']);
    expect(visited((visit) => storage.upwards(second)(10, visit))).toEqual([second]);
    expect(visited((visit) => storage.upwards(storage.behind(first))(10, visit))).toEqual([second]);
    expect(visited((visit) => storage.downwards(second)(10, visit))).toEqual([first]);
    for (const wrong of [first + 1, second - 1, second + 7]) {
      const message = `no event stands at position ${wrong}`;
      expect(() => storage.upwards(wrong)).toThrow(message);
      expect(() => storage.behind(wrong)).toThrow(message);
      expect(() => storage.downwards(wrong)).toThrow(message);
    }
  });

  it('shows nothing below a place behind the end, and what comes above it later', async () => {
    const storage = openStored(newFolder());
    await write(storage, ['a']);
    const beyond = storage.nextPosition() + 1;
    const page = storage.upwards(storage.behind(beyond));
    const [below = 0, above = 0] = await write(storage, ['a', 'b']);
    expect(below).toBeLessThan(beyond);
    expect(visited((visit) => page(10, visit))).toEqual([above]);
  });

  it('refuses a folder that holds something else', () => {
    const foreign = newFolder();
    writeFileSync(logPath(foreign), 'some text that is no log at all');
    expect(() => openStorage(foreign, true)).toThrow('is no log of this event store');
    const older = newFolder();
    writeFileSync(join(older, 'data.mdb'), '');
    expect(() => openStorage(older, true)).toThrow('older format');
  });
});
