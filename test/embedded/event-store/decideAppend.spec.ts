import { describe, expect, it } from '@jest/globals';
import {
  type Deletion,
  decideAppend,
  decideDelete,
  type Expected,
  type StreamView,
} from '../../../src/embedded/event-store/appends/append.ts';
import { TOMBSTONE_REVISION } from '../../../src/embedded/event-store/storage/record.ts';

const at = (revision: number): Expected => ({ kind: 'revision', revision });

/** A stream holding events with these ids; all of them still in the memory of recent ids unless told otherwise. */
const stream = (ids: readonly string[], { remembered = ids, metadata = false, deleted = false } = {}): StreamView => ({
  last: ids.length - 1,
  hasMetadata: () => metadata || deleted,
  isSoftDeleted: () => deleted,
  at: (revision) => {
    const id = ids[revision];
    return id === undefined ? undefined : { id, revision, position: revision * 10 };
  },
  recent: (id) => (remembered.includes(id) ? { revision: ids.indexOf(id), position: ids.indexOf(id) * 10 } : undefined),
});

const none = stream([]);
const abc = stream(['a', 'b', 'c']);
const softDeleted = stream(['a', 'b', 'c'], { deleted: true });
const tombstoned: StreamView = { ...abc, last: TOMBSTONE_REVISION };
const append = { kind: 'append', revives: false };
const revive = { kind: 'append', revives: true };
const any: Expected = { kind: 'any' };
const noStream: Expected = { kind: 'no-stream' };
const exists: Expected = { kind: 'stream-exists' };
const repeat = (revision: number) => ({ kind: 'repeat', stored: expect.objectContaining({ revision, position: revision * 10 }) });

describe('the append table', () => {
  it.each<[string, StreamView, Expected, string[], unknown]>([
    ['row 1: new stream, ANY', none, { kind: 'any' }, ['x'], append],
    ['row 1: new stream, NO_STREAM', none, { kind: 'no-stream' }, ['x'], append],
    ['row 2: new stream, a revision', none, at(0), ['x'], { kind: 'wrong' }],
    ['row 2: new stream, STREAM_EXISTS', none, { kind: 'stream-exists' }, ['x'], { kind: 'wrong' }],
    ['row 2: new stream with metadata, STREAM_EXISTS', stream([], { metadata: true }), { kind: 'stream-exists' }, ['x'], append],
    ['row 3: current revision', abc, at(2), ['x'], append],
    ['row 3: current revision, ids already there', abc, at(2), ['a', 'b'], append],
    ['row 4: lower revision, the same events', abc, at(0), ['b', 'c'], repeat(2)],
    ['row 4: NO_STREAM, the same first event', abc, { kind: 'no-stream' }, ['a'], repeat(0)],
    ['row 5: lower revision, first differs', abc, at(0), ['x'], { kind: 'wrong' }],
    ['row 6: lower revision, a later one differs', abc, at(0), ['b', 'x'], { kind: 'wrong' }],
    ['row 6: lower revision, a later one is missing', abc, at(1), ['c', 'd'], { kind: 'wrong' }],
    ['row 7: higher revision', abc, at(3), ['x'], { kind: 'wrong' }],
    ['row 8: ANY, all remembered', abc, { kind: 'any' }, ['b', 'c'], repeat(2)],
    ['row 8: STREAM_EXISTS, all remembered', abc, { kind: 'stream-exists' }, ['a'], repeat(0)],
    ['row 9: ANY, first forgotten', stream(['a', 'b'], { remembered: ['b'] }), { kind: 'any' }, ['a', 'b'], append],
    ['row 10: ANY, first remembered, a later one not', abc, { kind: 'any' }, ['c', 'x'], { kind: 'wrong' }],
    ['row 11: tombstoned, ANY', tombstoned, any, ['x'], { kind: 'deleted' }],
    ['row 11: tombstoned, NO_STREAM', tombstoned, noStream, ['a'], { kind: 'deleted' }],
    ['row 11: tombstoned, its last revision', tombstoned, at(2), ['x'], { kind: 'deleted' }],
    ['row 11: tombstoned, STREAM_EXISTS', tombstoned, exists, [], { kind: 'deleted' }],
    ['row 11: tombstoned, the highest number there is', tombstoned, at(TOMBSTONE_REVISION), ['x'], { kind: 'deleted' }],
    ['soft-deleted, ANY', softDeleted, any, ['x'], revive],
    ['soft-deleted, NO_STREAM', softDeleted, noStream, ['x'], revive],
    ['soft-deleted, the last revision', softDeleted, at(2), ['x'], revive],
    ['soft-deleted, STREAM_EXISTS', softDeleted, exists, ['x'], { kind: 'deleted' }],
    ['soft-deleted, a lower revision', softDeleted, at(1), ['x'], { kind: 'wrong' }],
    ['soft-deleted, a higher revision', softDeleted, at(3), ['x'], { kind: 'wrong' }],
    ['soft-deleted, NO_STREAM, the events it had', softDeleted, noStream, ['a', 'b'], repeat(1)],
    ['soft-deleted, NO_STREAM, the first event it had and another', softDeleted, noStream, ['a', 'x'], { kind: 'wrong' }],
    ['soft-deleted, ANY, remembered events', softDeleted, any, ['b'], repeat(1)],
    ['soft-deleted before it had events, NO_STREAM', stream([], { deleted: true }), noStream, ['x'], revive],
    ['nothing on a soft-deleted stream, NO_STREAM', softDeleted, noStream, [], { kind: 'wrong' }],
    ['nothing at the current revision', abc, at(2), [], { kind: 'nothing' }],
    ['nothing, ANY', none, { kind: 'any' }, [], { kind: 'nothing' }],
    ['nothing below the current revision', abc, at(1), [], { kind: 'wrong' }],
    ['nothing above the current revision', abc, at(9), [], { kind: 'wrong' }],
  ])('%s', (_row, view, expected, ids, decision) => {
    expect(decideAppend(view, expected, ids)).toEqual(decision);
  });
});

describe('a deletion', () => {
  const both: Deletion[] = ['soft', 'tombstone'];
  it.each<[string, StreamView, Expected, string]>([
    ['any stream, ANY', abc, any, 'delete'],
    ['at its last revision', abc, at(2), 'delete'],
    ['STREAM_EXISTS', abc, exists, 'delete'],
    ['below its last revision', abc, at(1), 'wrong'],
    ['above its last revision', abc, at(3), 'wrong'],
    ['NO_STREAM of a stream', abc, noStream, 'wrong'],
    ['STREAM_EXISTS of no stream', none, exists, 'wrong'],
    ['a revision of no stream', none, at(0), 'wrong'],
    ['metadata only, ANY', stream([], { metadata: true }), any, 'delete'],
    ['soft-deleted, ANY', softDeleted, any, 'delete'],
    ['soft-deleted, NO_STREAM', softDeleted, noStream, 'delete'],
    ['soft-deleted, STREAM_EXISTS', softDeleted, exists, 'deleted'],
    ['tombstoned, ANY', tombstoned, any, 'deleted'],
    ['tombstoned, at its last revision', tombstoned, at(2), 'deleted'],
  ])('%s', (_what, view, expected, decision) => {
    for (const deletion of both) expect(decideDelete(view, expected, deletion, 'new')).toBe(decision);
  });

  it('of nothing at all: a tombstone can be set, a soft one finds nothing to delete', () => {
    for (const expected of [any, noStream]) {
      expect(decideDelete(none, expected, 'tombstone', 'new')).toBe('delete');
      expect(decideDelete(none, expected, 'soft', 'new')).toBe('wrong');
    }
  });
});
