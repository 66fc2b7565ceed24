import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { type AppendResult, Log } from '../../../src/embedded/event-store/log.ts';
import { RecentIds } from '../../../src/embedded/event-store/recentIds.ts';
import {
  CorruptRecord,
  checkRecord,
  encodeRecord,
  type ProposedEvent,
  recordId,
  recordStream,
  recordType,
} from '../../../src/embedded/event-store/record.ts';
import { openStorage, type Storage } from '../../../src/embedded/event-store/storage.ts';
import { atEnd, newFolder, until } from './support.ts';

const proposed = (type = 'Counted'): ProposedEvent => ({
  id: randomUUID(),
  type,
  isJson: true,
  metadata: Buffer.alloc(0),
  data: Buffer.from('{}'),
});

/** A log on a real disk whose writes wait until they are let through, or fail. */
const slowDisk = () => {
  const disk = openStorage(newFolder(), true);
  atEnd(() => disk.close());
  const gates: { open: () => void; fail: (error: Error) => void }[] = [];
  const write: Storage['write'] = async (records, heads) => {
    await new Promise<void>((open, fail) => gates.push({ open, fail }));
    await disk.write(records, heads);
  };
  const fatal: Error[] = [];
  let now = 1_000_000;
  const log = new Log(
    { ...disk, write },
    () => now,
    (error) => fatal.push(error),
  );
  const results: AppendResult[] = [];
  const append = (stream: string, expected: number): void => {
    const expectation = expected < 0 ? ({ kind: 'no-stream' } as const) : ({ kind: 'revision', revision: expected } as const);
    log.append({ stream, expected: expectation, events: [proposed()], deadlineMs: Number.POSITIVE_INFINITY }, (result) =>
      results.push(result),
    );
  };
  const stored = (): number => disk.forwards(-1, 1_000, () => undefined);
  const pass = (ms: number): void => {
    now += ms;
  };
  return { log, append, results, gates, fatal, stored, pass };
};

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('the log', () => {
  it('answers, and tells readers, only what is on disk; refusals included', async () => {
    const { log, append, results, gates, stored } = slowDisk();
    let grown = 0;
    log.onGrowth((events) => {
      grown += events;
    });
    append('s', -1);
    append('s', 0);
    await until(() => gates.length === 1, 'the write');
    append('s', 0);
    append('s', 1);
    await turn();
    expect({ results, grown, stored: stored() }).toEqual({ results: [], grown: 0, stored: 0 });
    gates[0]?.open();
    await until(() => gates.length === 2, 'the second write');
    expect(results).toMatchObject([
      { kind: 'appended', revision: 0 },
      { kind: 'appended', revision: 1 },
    ]);
    expect({ grown, stored: stored() }).toEqual({ grown: 2, stored: 2 });
    gates[1]?.open();
    await log.settled();
    expect(results.slice(2)).toMatchObject([
      { kind: 'wrong', current: 1 },
      { kind: 'appended', revision: 2 },
    ]);
    expect({ grown, stored: stored(), bytes: log.stagedBytes }).toEqual({ grown: 3, stored: 3, bytes: 0 });
  });

  it('answers an append that a hanging disk holds up with a time-out, once', async () => {
    const { log, append, results, gates, pass } = slowDisk();
    append('s', -1);
    await until(() => gates.length === 1, 'the write');
    pass(1_999);
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(results).toEqual([]);
    pass(1);
    await until(() => results.length === 1, 'the time-out');
    expect(results).toEqual([{ kind: 'timeout' }]);
    gates[0]?.open();
    await log.settled();
    expect(results).toHaveLength(1);
  });

  it('stops for good at a failed write: nothing is answered any more', async () => {
    const { log, append, results, gates, fatal, stored } = slowDisk();
    append('s', -1);
    await until(() => gates.length === 1, 'the write');
    append('s', 0);
    gates[0]?.fail(new Error('no space left'));
    await log.settled();
    append('s', -1);
    await turn();
    expect(fatal.map((error) => error.message)).toEqual(['no space left']);
    expect({ results, stored: stored() }).toEqual({ results: [], stored: 0 });
  });
});

describe('a record', () => {
  it.each([
    ['s', 'T'],
    ['계좌-1', '이름'.repeat(300)],
    ['x'.repeat(1_024), 'y'.repeat(32 * 1_024)],
  ])('finds its stream and type again', (stream, type) => {
    const event = proposed(type);
    const record = encodeRecord(event, { stream, revision: 300, position: 2 ** 40, createdAtMs: 1_700_000_000_000 });
    checkRecord(record, 0);
    expect([recordStream(record).toString(), recordType(record).toString(), recordId(record)]).toEqual([stream, type, event.id]);
  });

  it('shows every flipped bit', () => {
    const record = encodeRecord(proposed(), { stream: 's', revision: 0, position: 0, createdAtMs: 0 });
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
    const recent = new RecentIds(10);
    for (let n = 0; n < 100; n++) recent.remember(`id-${n}`, 's', n, n * 10);
    const remembered = Array.from({ length: 100 }, (_, n) => recent.find(`id-${n}`, 's')).filter((place) => place !== undefined);
    expect(remembered.length).toBeGreaterThanOrEqual(5);
    expect(remembered.length).toBeLessThanOrEqual(10);
    expect(recent.find('id-99', 's')).toMatchObject({ revision: 99, position: 990 });
    expect(recent.find('id-99', 'other')).toBeUndefined();
  });
});
