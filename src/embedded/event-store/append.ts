/** What a writer says about the stream it appends to. */
export type Expected =
  | Readonly<{ kind: 'revision'; revision: number }>
  | Readonly<{ kind: 'no-stream' }>
  | Readonly<{ kind: 'any' }>
  | Readonly<{ kind: 'stream-exists' }>;

/** Where an event was stored. */
export type Stored = Readonly<{ revision: number; position: number }>;

/** A stream as the next append will find it: what is stored and what is about to be. */
export type StreamView = Readonly<{
  /** Last revision; -1 when there are no events. */
  last: number;
  /** Whether `$$stream` has events: a stream with metadata counts as existing. */
  hasMetadata: () => boolean;
  at: (revision: number) => (Stored & Readonly<{ id: string }>) | undefined;
  /** Where this stream got the event with this id, as far as the bounded memory of recent ids goes. */
  recent: (id: string) => Stored | undefined;
}>;

export type Decision =
  | Readonly<{ kind: 'append' }>
  /** These very events are there already: success, as it was answered then. */
  | Readonly<{ kind: 'repeat'; stored: Stored }>
  /** An empty append that fits the stream. */
  | Readonly<{ kind: 'nothing' }>
  | Readonly<{ kind: 'wrong' }>;

const APPEND: Decision = { kind: 'append' };
const WRONG: Decision = { kind: 'wrong' };
const NOTHING: Decision = { kind: 'nothing' };

const exact = (stream: StreamView, expected: number, ids: readonly string[]): Decision => {
  if (expected === stream.last) return ids.length === 0 ? NOTHING : APPEND;
  if (expected > stream.last || ids.length === 0) return WRONG;
  let stored: Stored | undefined;
  for (const [index, id] of ids.entries()) {
    const there = stream.at(expected + 1 + index);
    if (there?.id !== id) return WRONG;
    stored = there;
  }
  return stored === undefined ? WRONG : { kind: 'repeat', stored };
};

const whatever = (stream: StreamView, ids: readonly string[]): Decision => {
  const [first] = ids;
  if (first === undefined) return NOTHING;
  let stored = stream.recent(first);
  if (stored === undefined) return APPEND;
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
  switch (expected.kind) {
    case 'revision':
      return exact(stream, expected.revision, ids);
    case 'no-stream':
      return exact(stream, -1, ids);
    case 'stream-exists':
      if (stream.last < 0 && !stream.hasMetadata()) return WRONG;
      return whatever(stream, ids);
    case 'any':
      return whatever(stream, ids);
  }
};
