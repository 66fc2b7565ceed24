import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NO_STREAM } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { backupFolder } from '../../../src/embedded/event-store/storage/backup.ts';
import { indexPath, logPath } from '../../../src/embedded/event-store/storage/folder.ts';
import { StreamIndex } from '../../../src/embedded/event-store/storage/streamIndex.ts';
import { verifyFolder } from '../../../src/embedded/event-store/storage/verify.ts';
import { openStored, write } from './storing.ts';
import { append, connect, events, newFolder, startPair, startServer, wholeLog } from './support.ts';

const stored = async () => {
  const folder = newFolder();
  const storage = openStored(folder);
  const positions = await write(storage, ['a', 'b', 'a']);
  positions.push(...(await write(storage, ['b', 'a'])));
  const end = storage.nextPosition();
  await storage.end();
  return { folder, positions, end };
};

describe('verifying a folder', () => {
  it('finds nothing wrong with a sound one, in use or not', async () => {
    const { folder, end } = await stored();
    expect(await verifyFolder(folder)).toEqual({ events: 5, streams: 2, end, indexedUpTo: end, problems: [] });
    const storage = openStored(folder);
    await write(storage, ['c']);
    expect(await verifyFolder(folder)).toEqual({ events: 6, streams: 3, end: storage.nextPosition(), indexedUpTo: end, problems: [] });
  });

  it('names a damaged record', async () => {
    const { folder, positions } = await stored();
    const log = readFileSync(logPath(folder));
    log.writeUInt8(log.readUInt8((positions[1] ?? 0) + 60) ^ 1, (positions[1] ?? 0) + 60);
    writeFileSync(logPath(folder), log);
    expect((await verifyFolder(folder)).problems.join()).toContain('damaged at position 16');
  });

  it('names what the index has lost, made up or misplaced', async () => {
    const { folder, positions, end } = await stored();
    const copies = ['lost', 'made up', 'misplaced'].map((name) => {
      const copy = join(newFolder(), name);
      cpSync(folder, copy, { recursive: true });
      return copy;
    });
    const [lost = '', madeUp = '', misplaced = ''] = copies;
    const indexed = async (at: string, entry: { stream: string; ordinal: number; revision: number; position: number }, upTo: number) => {
      const index = new StreamIndex(indexPath(at), false);
      index.add(entry);
      await index.settle(upTo);
      await index.close();
    };
    const [ordinal = 0] = positions;
    await indexed(lost, { stream: 'a', ordinal, revision: 2, position: positions[4] ?? 0 }, end + 4);
    await indexed(madeUp, { stream: 'x', ordinal: 7, revision: 0, position: ordinal }, end);
    await indexed(misplaced, { stream: 'a', ordinal, revision: 2, position: ordinal }, end);
    expect((await verifyFolder(lost)).problems).toEqual([`the index goes up to ${end + 4}, the log ends at ${end}`]);
    expect((await verifyFolder(madeUp)).problems).toHaveLength(2);
    expect((await verifyFolder(misplaced)).problems).toEqual([`position ${positions[4]}: the index has a@2 at ${ordinal}`]);
  });

  it('needs a log', async () => {
    await expect(verifyFolder(newFolder())).rejects.toThrow('holds no event store');
  });
});

describe('copying a folder in use', () => {
  it('has everything acknowledged before, and starts as a store of its own', async () => {
    const dataDir = newFolder();
    const { client } = await startPair({ dataDir });
    const target = join(newFolder(), 'copy');
    const stop = new AbortController();
    let acknowledged = 0;
    const writing = Array.from({ length: 8 }, async (_, n) => {
      await append(client, `s-${n}`, events(3), NO_STREAM);
      for (let revision = 2n; !stop.signal.aborted; revision += 3n) {
        await append(client, `s-${n}`, events(3), revision);
        acknowledged += 3;
      }
    });
    while (acknowledged < 2_000) await new Promise((resolve) => setTimeout(resolve, 5));
    const before = acknowledged;
    const copied = backupFolder(dataDir, target);
    stop.abort();
    await Promise.all(writing);
    expect(await verifyFolder(target)).toMatchObject({ events: copied.events, end: copied.bytes, indexedUpTo: 0, problems: [] });
    const original = await wholeLog(client);
    const copy = await wholeLog(connect(await startServer({ dataDir: target })));
    expect(copy.length).toBeGreaterThanOrEqual(before);
    expect(copy).toEqual(original.slice(0, copy.length));
    expect(copy.length % 3).toBe(0);
  });

  it('also works by a plain copy of the log file', async () => {
    const { folder } = await stored();
    const storage = openStored(folder);
    const target = newFolder();
    mkdirSync(target, { recursive: true });
    copyFileSync(logPath(folder), logPath(target));
    expect(openStored(target).nextPosition()).toBe(storage.nextPosition());
  });

  it('does not write into a folder that holds anything', async () => {
    const { folder } = await stored();
    expect(() => backupFolder(folder, folder)).toThrow('is not empty');
  });
});
