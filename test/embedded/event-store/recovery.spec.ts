import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { logPath } from '../../../src/embedded/event-store/storage/folder.ts';
import { DamagedLog } from '../../../src/embedded/event-store/storage/recovery.ts';
import { openStorage } from '../../../src/embedded/event-store/storage/storage.ts';
import { openStored, streamStored, wholeStored, write } from './storing.ts';
import { newFolder } from './support.ts';

/** A log of three writes, and where each of them begins and ends. */
const threeWrites = async () => {
  const folder = newFolder();
  const storage = openStored(folder);
  const positions = [];
  const ends = [];
  for (const streams of [
    ['a', 'b'],
    ['a', 'a', 'b'],
    ['b', 'a', 'c'],
  ]) {
    positions.push(...(await write(storage, streams)));
    ends.push(storage.nextPosition());
  }
  await storage.end();
  return { log: readFileSync(logPath(folder)).subarray(0, ends[2]), positions, ends };
};

/** A folder with this log and no index. */
const folderWith = (log: Buffer): string => {
  const folder = newFolder();
  writeFileSync(logPath(folder), log);
  return folder;
};

describe('recovery', () => {
  it('drops a write cut short at any byte, whole, and goes on from there', async () => {
    const { log, positions, ends } = await threeWrites();
    const [, before = 0, end = 0] = ends;
    for (let length = before; length < end; length += length < before + 40 || length > end - 40 ? 1 : 37) {
      for (const rest of [Buffer.alloc(0), Buffer.alloc(500)]) {
        const storage = openStored(folderWith(Buffer.concat([log.subarray(0, length), rest])));
        expect(wholeStored(storage)).toEqual(positions.slice(0, 5));
        const [next] = await write(storage, ['a']);
        expect(next).toBe(before);
        expect(streamStored(storage, 'a')).toEqual([positions[0], positions[2], positions[3], next]);
        expect(storage.head('c')).toBeUndefined();
        await storage.end();
      }
    }
  });

  it('drops a last write of which any byte is wrong', async () => {
    const { log, positions, ends } = await threeWrites();
    const [, before = 0, end = 0] = ends;
    for (let at = before; at < end; at += 13) {
      const torn = Buffer.from(log);
      torn.writeUInt8(torn.readUInt8(at) ^ 0x10, at);
      const storage = openStored(folderWith(torn));
      expect(wholeStored(storage)).toEqual(positions.slice(0, 5));
      await storage.end();
    }
  });

  it('refuses to start where a write is damaged behind which others came, and changes nothing', async () => {
    const { log, ends } = await threeWrites();
    const [first = 0, second = 0] = ends;
    for (let at = first; at < second; at += 13) {
      const damaged = Buffer.from(log);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0x10, at);
      const folder = folderWith(damaged);
      expect(() => openStorage(folder, true)).toThrow(DamagedLog);
      expect(readFileSync(logPath(folder)).equals(damaged)).toBe(true);
    }
  });

  it('keeps nothing of an older write behind a shorter new one', async () => {
    const { log, ends } = await threeWrites();
    const [first = 0, second = 0] = ends;
    // The second write lost its beginning; the third follows no write that was ever finished.
    const torn = Buffer.concat([log.subarray(0, first), Buffer.alloc(10), log.subarray(first + 10, second)]);
    const folder = folderWith(torn);
    const storage = openStored(folder);
    const [next] = await write(storage, ['c']);
    expect(next).toBe(first);
    await storage.end();
    const again = openStored(folder);
    expect(wholeStored(again)).toHaveLength(3);
  });

  it('refuses a log that ends before its index', async () => {
    const folder = newFolder();
    const storage = openStored(folder);
    await write(storage, ['a', 'b']);
    await storage.end();
    const shorter = newFolder();
    copyFileSync(logPath(folder), logPath(shorter));
    truncateSync(logPath(folder), 200);
    expect(() => openStorage(folder, true)).toThrow('the log ends at 200');
  });
});
