import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { Deletion } from '../../../src/embedded/event-store/appends/append.ts';
import { type AppendResult, Log } from '../../../src/embedded/event-store/appends/log.ts';
import { type Placed, RecentIds } from '../../../src/embedded/event-store/appends/recentIds.ts';
import {
  CorruptRecord,
  checkRecord,
  encodeRecord,
  type ProposedEvent,
  recordId,
  recordStream,
  recordType,
  sealRecord,
  TOMBSTONE_REVISION,
} from '../../../src/embedded/event-store/storage/record.ts';
import { recordFields } from '../../../src/embedded/event-store/storage/recordFields.ts';
import { openStored } from './storing.ts';
import { newFolder } from './support.ts';

const NOW = 1_000_000;

const proposed = (type = 'Counted'): ProposedEvent => ({
  id: randomUUID(),
  type,
  isJson: true,
  metadata: Buffer.alloc(0),
  data: Buffer.from('{}'),
});

/** A log on a real disk. `seen` is what happened, in its order: answers, growth, and how many events a reader found at that moment. */
const startLog = () => {
  const disk = openStored(newFolder());
  const fatal: Error[] = [];
  const log = new Log(
    disk,
    () => NOW,
    (error) => fatal.push(error),
  );
  const seen: unknown[] = [];
  const stored = (): number => disk.upwards(0)(1_000, () => undefined);
  const note = (result: AppendResult): void => {
    seen.push([result.kind, 'revision' in result ? result.revision : undefined, stored()]);
  };
  log.onGrowth((events) => seen.push(['grown', events, stored()]));
  const append = (stream: string, expected: number, deadlineMs = Number.POSITIVE_INFINITY): void => {
    const expectation = expected < 0 ? ({ kind: 'no-stream' } as const) : ({ kind: 'revision', revision: expected } as const);
    log.append({ stream, expected: expectation, events: [proposed()], deadlineMs }, note);
  };
  const remove = (deletion: Deletion, deadlineMs = Number.POSITIVE_INFINITY): void =>
    log.delete({ stream: 's', expected: { kind: 'any' }, deletion, deadlineMs }, note);
  return { disk, log, append, remove, seen, fatal, stored };
};

describe('the log', () => {
  it('writes what a turn brings as one, then answers it in order, refusals included, then tells readers', async () => {
    const { log, append, seen, stored } = startLog();
    append('s', -1);
    append('s', 0);
    append('s', 0);
    append('s', 1);
    expect({ seen, stored: stored(), waiting: log.stagedBytes }).toEqual({ seen: [], stored: 0, waiting: 8 });
    await log.settled();
    expect(seen).toEqual([
      ['appended', 0, 3],
      ['appended', 1, 3],
      ['wrong', undefined, 3],
      ['appended', 2, 3],
      ['grown', 3, 3],
    ]);
    expect(log.stagedBytes).toBe(0);
  });

  it('refuses without a write what is wrong already', async () => {
    const { log, append, seen } = startLog();
    append('s', 5);
    await log.settled();
    expect(seen).toEqual([['wrong', undefined, 0]]);
  });

  it('does nothing for whoever no longer waits', async () => {
    const { log, append, remove, seen } = startLog();
    append('s', -1, NOW);
    remove('tombstone', NOW - 1);
    append('s', -1, NOW + 1);
    await log.settled();
    expect(seen).toEqual([
      ['timeout', undefined, 0],
      ['timeout', undefined, 0],
      ['appended', 0, 1],
      ['grown', 1, 1],
    ]);
  });

  it('answers deletions by the same rules', async () => {
    const { log, append, remove, seen } = startLog();
    append('s', -1);
    remove('soft');
    remove('tombstone');
    append('s', 0);
    await log.settled();
    expect(seen).toEqual([
      ['appended', 0, 3],
      ['appended', 0, 3],
      ['appended', TOMBSTONE_REVISION, 3],
      ['deleted', undefined, 3],
      ['grown', 3, 3],
    ]);
  });

  it('stops for good at a failed write: nothing is answered any more', async () => {
    const { disk, log, append, seen, fatal } = startLog();
    append('s', -1);
    await log.settled();
    seen.length = 0;
    append('s', 0);
    await disk.end();
    await log.settled();
    append('s', 0);
    await log.settled();
    expect(fatal.map((error) => error.message)).toEqual([expect.stringContaining('EBADF')]);
    expect(seen).toEqual([]);
  });
});

describe('a record', () => {
  it.each([
    ['s', 'T'],
    ['계좌-1', '이름'.repeat(300)],
    ['x'.repeat(1_024), 'y'.repeat(32 * 1_024)],
  ])('finds its stream and type again', (stream, type) => {
    const event = proposed(type);
    const record = encodeRecord(event, { stream, revision: 300, position: 2 ** 40, createdAtMs: 1_700_000_000_000 }, 2 ** 40);
    sealRecord(record, 2 ** 40, true);
    checkRecord(record, 2 ** 40);
    expect([recordStream(record).toString(), recordType(record).toString(), recordId(record)]).toEqual([stream, type, event.id]);
    expect(recordFields(record)).toEqual({ data: event.data, isJson: true, createdAtMs: 1_700_000_000_000 });
  });

  it('shows every flipped bit', () => {
    const record = encodeRecord(proposed(), { stream: 's', revision: 0, position: 77, createdAtMs: 0 }, 77);
    sealRecord(record, 77, true);
    for (let at = 0; at < record.length; at++) {
      const torn = Buffer.from(record);
      torn.writeUInt8(torn.readUInt8(at) ^ (1 << (at % 8)), at);
      expect(() => checkRecord(torn, 77)).toThrow(CorruptRecord);
    }
    expect(() => checkRecord(record.subarray(0, 20), 77)).toThrow('position 77');
  });
});

describe('the memory of recent ids', () => {
  it('keeps at least half of its limit, and not more than all of it', () => {
    const recent = new RecentIds(10, (position) => ({ id: `id-${position / 10}`, stream: 's', revision: position / 10 }));
    for (let n = 0; n < 100; n++) recent.remember(`id-${n}`, n * 10);
    const remembered = Array.from({ length: 100 }, (_, n) => recent.find(`id-${n}`, 's')).filter((place) => place !== undefined);
    expect(remembered.length).toBeGreaterThanOrEqual(5);
    expect(remembered.length).toBeLessThanOrEqual(10);
    expect(recent.find('id-99', 's')).toMatchObject({ revision: 99, position: 990 });
    expect(recent.find('id-99', 'other')).toBeUndefined();
  });

  it('knows of an id that was stored twice the later place only', () => {
    const places = [
      { id: 'twice', stream: 'a', revision: 4 },
      { id: 'once', stream: 'a', revision: 5 },
      { id: 'twice', stream: 'b', revision: 6 },
    ];
    const recent = new RecentIds(10, (position) => places[position] as Placed);
    for (const [position, { id }] of places.entries()) recent.remember(id, position);
    expect(recent.find('twice', 'b')).toEqual({ revision: 6, position: 2 });
    expect(recent.find('twice', 'a')).toBeUndefined();
    expect(recent.find('once', 'a')).toEqual({ revision: 5, position: 1 });
    expect(recent.find('never', 'a')).toBeUndefined();
  });
});
