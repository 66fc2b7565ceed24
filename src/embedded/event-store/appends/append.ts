import { TOMBSTONE_REVISION } from '../storage/record.ts';

/** What a writer says about the stream it writes to. */
export type Expected =
  | Readonly<{ kind: 'revision'; revision: number }>
  | Readonly<{ kind: 'no-stream' }>
  | Readonly<{ kind: 'any' }>
  | Readonly<{ kind: 'stream-exists' }>;

/** Where an event was stored. */
export type Stored = Readonly<{ revision: number; position: number }>;

/** A stream as the next append will find it: what is stored and what is about to be. */
export type StreamView = Readonly<{
  /** Last revision; -1 when there are no events, `TOMBSTONE_REVISION` when the stream is ended for ever. */
  last: number;
  /** Whether `$$stream` has events: a stream with metadata counts as existing. */
  hasMetadata: () => boolean;
  /** Whether the stream's metadata say that it is deleted, which an append revokes. */
  isSoftDeleted: () => boolean;
  at: (revision: number) => (Stored & Readonly<{ id: string }>) | undefined;
  /** Where this stream got the event with this id, as far as the bounded memory of recent ids goes. */
  recent: (id: string) => Stored | undefined;
}>;

export type Decision =
  /** `revives`: the stream was deleted, and exists again from these events on. */
  | Readonly<{ kind: 'append'; revives: boolean }>
  /** These very events are there already: success, as it was answered then. */
  | Readonly<{ kind: 'repeat'; stored: Stored }>
  /** An empty append that fits the stream. */
  | Readonly<{ kind: 'nothing' }>
  | Readonly<{ kind: 'wrong' }>
  | Readonly<{ kind: 'deleted' }>;

const APPEND: Decision = { kind: 'append', revives: false };
const REVIVE: Decision = { kind: 'append', revives: true };
const NOTHING: Decision = { kind: 'nothing' };
const WRONG: Decision = { kind: 'wrong' };
const DELETED: Decision = { kind: 'deleted' };

const accept = (stream: StreamView): Decision => (stream.isSoftDeleted() ? REVIVE : APPEND);

/** The expected revision lies below the last: only the same events once more, or the first of a deleted stream's second life. */
const below = (stream: StreamView, expected: number, ids: readonly string[]): Decision => {
  let stored: Stored | undefined;
  for (const [index, id] of ids.entries()) {
    const there = stream.at(expected + 1 + index);
    if (there?.id !== id) return index === 0 && expected < 0 && stream.isSoftDeleted() ? REVIVE : WRONG;
    stored = there;
  }
  return stored === undefined ? WRONG : { kind: 'repeat', stored };
};

const exact = (stream: StreamView, expected: number, ids: readonly string[]): Decision => {
  if (expected < stream.last) return below(stream, expected, ids);
  if (expected > stream.last) return WRONG;
  return ids.length === 0 ? NOTHING : accept(stream);
};

const whatever = (stream: StreamView, ids: readonly string[]): Decision => {
  const [first] = ids;
  if (first === undefined) return NOTHING;
  let stored = stream.recent(first);
  if (stored === undefined) return accept(stream);
  for (const id of ids) {
    stored = stream.recent(id);
    if (stored === undefined) return WRONG;
  }
  return { kind: 'repeat', stored };
};

/**
 * EventStoreDB's check of an append against its stream. `ids` are the proposed events' ids in order.
 * Expected equal to the last revision appends whatever the ids are; a lower one succeeds again if exactly these events follow it.
 * Source: `IndexWriter.CheckCommit` of EventStoreDB 24.6 (https://github.com/kurrent-io/KurrentDB).
 */
export const decideAppend = (stream: StreamView, expected: Expected, ids: readonly string[]): Decision => {
  if (stream.last === TOMBSTONE_REVISION) return DELETED;
  switch (expected.kind) {
    case 'revision':
      return exact(stream, expected.revision, ids);
    case 'no-stream':
      return exact(stream, -1, ids);
    case 'stream-exists':
      if (stream.isSoftDeleted()) return DELETED;
      if (stream.last < 0 && !stream.hasMetadata()) return WRONG;
      return whatever(stream, ids);
    case 'any':
      return whatever(stream, ids);
  }
};

/** `soft`: by metadata, until the next append. `tombstone`: for ever, and also where no stream ever was. */
export type Deletion = 'soft' | 'tombstone';

/**
 * EventStoreDB's check of a deletion: that of an append of one new event, and there must be something to delete softly.
 * @param id the new event's id, never used before.
 */
export const decideDelete = (stream: StreamView, expected: Expected, deletion: Deletion, id: string): 'delete' | 'wrong' | 'deleted' => {
  const { kind } = decideAppend(stream, expected, [id]);
  if (kind === 'deleted') return 'deleted';
  if (kind !== 'append') return 'wrong';
  return deletion === 'soft' && stream.last < 0 && !stream.hasMetadata() ? 'wrong' : 'delete';
};
