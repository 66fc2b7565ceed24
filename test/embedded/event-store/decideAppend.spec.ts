import { describe, expect, it } from '@jest/globals';
import { decideAppend, type Expected, type StreamView } from '../../../src/embedded/event-store/append.ts';

const at = (revision: number): Expected => ({ kind: 'revision', revision });

/** A stream holding events with these ids; all of them still in the memory of recent ids unless told otherwise. */
const stream = (ids: readonly string[], { remembered = ids, metadata = false } = {}): StreamView => ({
  last: ids.length - 1,
  hasMetadata: () => metadata,
  at: (revision) => {
    const id = ids[revision];
    return id === undefined ? undefined : { id, revision, position: revision * 10 };
  },
  recent: (id) => (remembered.includes(id) ? { revision: ids.indexOf(id), position: ids.indexOf(id) * 10 } : undefined),
});

const none = stream([]);
const abc = stream(['a', 'b', 'c']);
const repeat = (revision: number) => ({ kind: 'repeat', stored: expect.objectContaining({ revision, position: revision * 10 }) });

describe('the append table', () => {
  it.each<[string, StreamView, Expected, string[], unknown]>([
    ['row 1: new stream, ANY', none, { kind: 'any' }, ['x'], { kind: 'append' }],
    ['row 1: new stream, NO_STREAM', none, { kind: 'no-stream' }, ['x'], { kind: 'append' }],
    ['row 2: new stream, a revision', none, at(0), ['x'], { kind: 'wrong' }],
    ['row 2: new stream, STREAM_EXISTS', none, { kind: 'stream-exists' }, ['x'], { kind: 'wrong' }],
    [
      'row 2: new stream with metadata, STREAM_EXISTS',
      stream([], { metadata: true }),
      { kind: 'stream-exists' },
      ['x'],
      { kind: 'append' },
    ],
    ['row 3: current revision', abc, at(2), ['x'], { kind: 'append' }],
    ['row 3: current revision, ids already there', abc, at(2), ['a', 'b'], { kind: 'append' }],
    ['row 4: lower revision, the same events', abc, at(0), ['b', 'c'], repeat(2)],
    ['row 4: NO_STREAM, the same first event', abc, { kind: 'no-stream' }, ['a'], repeat(0)],
    ['row 5: lower revision, first differs', abc, at(0), ['x'], { kind: 'wrong' }],
    ['row 6: lower revision, a later one differs', abc, at(0), ['b', 'x'], { kind: 'wrong' }],
    ['row 6: lower revision, a later one is missing', abc, at(1), ['c', 'd'], { kind: 'wrong' }],
    ['row 7: higher revision', abc, at(3), ['x'], { kind: 'wrong' }],
    ['row 8: ANY, all remembered', abc, { kind: 'any' }, ['b', 'c'], repeat(2)],
    ['row 8: STREAM_EXISTS, all remembered', abc, { kind: 'stream-exists' }, ['a'], repeat(0)],
    ['row 9: ANY, first forgotten', stream(['a', 'b'], { remembered: ['b'] }), { kind: 'any' }, ['a', 'b'], { kind: 'append' }],
    ['row 10: ANY, first remembered, a later one not', abc, { kind: 'any' }, ['c', 'x'], { kind: 'wrong' }],
    ['nothing at the current revision', abc, at(2), [], { kind: 'nothing' }],
    ['nothing, ANY', none, { kind: 'any' }, [], { kind: 'nothing' }],
    ['nothing below the current revision', abc, at(1), [], { kind: 'wrong' }],
    ['nothing above the current revision', abc, at(9), [], { kind: 'wrong' }],
  ])('%s', (_row, view, expected, ids, decision) => {
    expect(decideAppend(view, expected, ids)).toEqual(decision);
  });
});
