import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { Deletion, Expected } from '../../../src/embedded/event-store/appends/append.ts';
import { Writer } from '../../../src/embedded/event-store/appends/writer.ts';
import { type ProposedEvent, recordStream, recordType, TOMBSTONE_REVISION } from '../../../src/embedded/event-store/storage/record.ts';
import { recordFields } from '../../../src/embedded/event-store/storage/recordFields.ts';
import { openStorage } from '../../../src/embedded/event-store/storage/storage.ts';
import { streamState } from '../../../src/embedded/event-store/streams/streamState.ts';
import { atEnd, newFolder } from './support.ts';

const ANY: Expected = { kind: 'any' };
const NO_STREAM: Expected = { kind: 'no-stream' };
const NOW = 1_000_000;

const proposed = (data = '{}', type = 'Counted'): ProposedEvent => ({
  id: randomUUID(),
  type,
  isJson: true,
  metadata: Buffer.alloc(0),
  data: Buffer.from(data),
});

/** A writer over a store on disk; what it staged is written by `flush` only. */
const startWriter = () => {
  const storage = openStorage(newFolder(), false);
  atEnd(() => storage.close());
  const writer = new Writer(storage);
  const flush = async (): Promise<void> => {
    storage.write(writer.take());
    await storage.relieved();
  };
  return {
    append: (stream: string, expected: Expected, ...events: ProposedEvent[]) => writer.append({ stream, expected, events }, NOW),
    remove: (stream: string, deletion: Deletion, expected: Expected = ANY) => writer.delete({ stream, expected, deletion }, NOW),
    flush,
    state: (stream: string) => streamState(storage, stream, NOW),
    /** All that is on disk, as `stream type data`. */
    written: (): string[] => {
      const all: string[] = [];
      storage.upwards(0)(100, (record) => all.push(`${recordStream(record)} ${recordType(record)} ${recordFields(record).data}`));
      return all;
    },
  };
};

describe('one turn of the writer', () => {
  it('judges by what is staged, while readers see only what is on disk', async () => {
    const { append, remove, flush, state, written } = startWriter();
    append('s', NO_STREAM, proposed('{"n":0}'));
    await flush();
    expect(remove('s', 'soft')).toMatchObject({ kind: 'appended', revision: 0 });
    expect(append('s', { kind: 'stream-exists' }, proposed())).toEqual({ kind: 'deleted' });
    expect(state('s')).toMatchObject({ kind: 'there', first: 0 });
    expect(append('s', NO_STREAM, proposed('{"n":1}'))).toMatchObject({ revision: 1 });
    expect(append('s', { kind: 'stream-exists' }, proposed('{"n":2}'))).toMatchObject({ revision: 2 });
    expect(remove('s', 'tombstone', { kind: 'revision', revision: 2 })).toMatchObject({ revision: TOMBSTONE_REVISION });
    expect(append('s', ANY, proposed())).toEqual({ kind: 'deleted' });
    expect(append('$$s', ANY, proposed())).toEqual({ kind: 'deleted' });
    expect(append('$$$$s', ANY, proposed())).toEqual({ kind: 'deleted' });
    expect(state('s')).toMatchObject({ kind: 'there', first: 0 });
    await flush();
    expect([state('s'), state('$$s'), state('$$$$s')]).toEqual([{ kind: 'deleted' }, { kind: 'deleted' }, { kind: 'deleted' }]);
    expect(written()).toEqual([
      's Counted {"n":0}',
      '$$s $metadata {"$tb":9223372036854775807}',
      's Counted {"n":1}',
      '$$s $metadata {"$tb":1}',
      's Counted {"n":2}',
      's $streamDeleted ',
    ]);
  });

  it('finds metadata written behind what it remembers of a stream', async () => {
    const { append, flush } = startWriter();
    append('s', NO_STREAM, proposed());
    append('s', ANY, proposed());
    await flush();
    append('$$s', NO_STREAM, proposed('{"$tb":9223372036854775807}', '$metadata'));
    await flush();
    expect(append('s', { kind: 'stream-exists' }, proposed())).toEqual({ kind: 'deleted' });
    append('$$s', ANY, proposed('no JSON', '$metadata'));
    expect(append('s', { kind: 'stream-exists' }, proposed())).toMatchObject({ revision: 2 });
  });

  it('brings a stream back by its new metadata, of which only $tb is changed', async () => {
    const { append, remove, flush, written } = startWriter();
    append('s', NO_STREAM, proposed());
    remove('s', 'soft');
    append('$$s', ANY, proposed('{"$maxCount":3,"id":12345678901234567890}', '$metadata'));
    append('s', ANY, proposed('{"n":1}'));
    await flush();
    expect(written().slice(2)).toEqual([
      '$$s $metadata {"$maxCount":3,"id":12345678901234567890}',
      '$$s $metadata {"$maxCount":3,"id":12345678901234567890,"$tb":1}',
      's Counted {"n":1}',
    ]);
  });

  it('an empty append brings nothing back', async () => {
    const { append, remove, flush, state } = startWriter();
    append('s', NO_STREAM, proposed());
    remove('s', 'soft');
    expect(append('s', ANY)).toEqual({ kind: 'appended', revision: 0, position: undefined });
    expect(append('s', NO_STREAM)).toEqual({ kind: 'wrong', current: 0 });
    await flush();
    expect(state('s')).toEqual({ kind: 'missing', last: 0 });
  });

  it('a stream with metadata and no events can be deleted, and then begun', async () => {
    const { append, remove, flush, state } = startWriter();
    append('$$s', NO_STREAM, proposed('{"$maxCount":3}', '$metadata'));
    expect(remove('s', 'soft')).toMatchObject({ kind: 'appended', revision: 1 });
    expect(append('s', NO_STREAM, proposed())).toMatchObject({ revision: 0 });
    await flush();
    expect(state('s')).toMatchObject({ kind: 'there', first: 0 });
  });

  it('finds an event sent again where it is staged, and where it is on disk', async () => {
    const { append, flush, written } = startWriter();
    const [first, second] = [proposed('{"n":0}'), proposed('{"n":1}')];
    append('s', ANY, first);
    const staged = append('s', ANY, second);
    expect(append('s', ANY, second)).toEqual(staged);
    await flush();
    expect(append('s', ANY, second)).toEqual(staged);
    append('other', ANY, proposed());
    await flush();
    expect(append('s', ANY, first, second)).toEqual(staged);
    expect(append('s', ANY, second, first)).toMatchObject({ revision: 0 });
    expect(append('other', ANY, second)).toMatchObject({ kind: 'appended', revision: 1 });
    expect(written()).toHaveLength(3);
  });

  it('repeats an answer without its position once the event is hidden', async () => {
    const { append, flush } = startWriter();
    const [first, second] = [proposed(), proposed()];
    append('s', NO_STREAM, first, second);
    append('$$s', NO_STREAM, proposed('{"$tb":1}', '$metadata'));
    await flush();
    expect(append('s', NO_STREAM, first)).toEqual({ kind: 'appended', revision: 0, position: undefined });
    expect(append('s', NO_STREAM, first, second)).toMatchObject({ kind: 'appended', revision: 1, position: expect.any(Number) });
  });

  it('a stream whose metadata are ended has none, and cannot be deleted softly', async () => {
    const { append, remove, flush, state, written } = startWriter();
    append('s', NO_STREAM, proposed());
    remove('s', 'soft');
    remove('$$s', 'tombstone');
    expect(append('s', { kind: 'stream-exists' }, proposed())).toMatchObject({ revision: 1 });
    expect(append('$$s', ANY, proposed())).toEqual({ kind: 'deleted' });
    expect(remove('s', 'soft')).toEqual({ kind: 'deleted' });
    await flush();
    expect(state('s')).toMatchObject({ kind: 'there', first: 0 });
    expect(append('s', { kind: 'stream-exists' }, proposed())).toMatchObject({ revision: 2 });
    expect(remove('s', 'soft')).toEqual({ kind: 'deleted' });
    expect(remove('s', 'tombstone')).toMatchObject({ revision: TOMBSTONE_REVISION });
    await flush();
    expect(state('s')).toEqual({ kind: 'deleted' });
    expect(written()).toHaveLength(6);
  });
});
