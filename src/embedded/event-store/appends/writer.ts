import { randomUUID } from 'node:crypto';
import { RECENT_IDS_MAX } from '../limits.ts';
import { type ProposedEvent, TOMBSTONE_REVISION } from '../storage/record.ts';
import type { Head, Storage, StoredRecord } from '../storage/storage.ts';
import {
  isMetaStream,
  isSoftDeleted,
  METADATA_TYPE,
  metaStreamOf,
  originalOf,
  SOFT_DELETED,
  withTruncateBefore,
} from '../streams/streamMetadata.ts';
import { isTombstoned } from '../streams/streamState.ts';
import { firstKept } from '../streams/truncation.ts';
import { type Deletion, decideAppend, decideDelete, type Expected, type Stored, type StreamView } from './append.ts';
import { RecentIds } from './recentIds.ts';
import { StagedMetadata } from './stagedMetadata.ts';
import { Staging } from './staging.ts';

export type Append = Readonly<{ stream: string; expected: Expected; events: readonly ProposedEvent[] }>;
export type Delete = Readonly<{ stream: string; expected: Expected; deletion: Deletion }>;

export type WriteResult =
  /** `position` is missing when nothing was to be written. */
  | Readonly<{ kind: 'appended'; revision: number; position: number | undefined }>
  | Readonly<{ kind: 'wrong'; current: number }>
  /** The stream is ended for ever, or was to exist and is deleted. */
  | Readonly<{ kind: 'deleted' }>;

const DELETED: WriteResult = { kind: 'deleted' };
const TOMBSTONE_TYPE = '$streamDeleted';
const NO_BYTES: Buffer = Buffer.alloc(0);

const metadataEvent = (data: Buffer): ProposedEvent => ({ id: randomUUID(), type: METADATA_TYPE, isJson: true, metadata: NO_BYTES, data });

/**
 * Decides appends and deletions one after the other, each by what is stored and what those before it staged, and stages their
 * events for the next write. A deletion and an append behind it can be in one write.
 */
export class Writer {
  readonly #staging: Staging;
  readonly #metadata: StagedMetadata;
  readonly #recent: RecentIds;

  constructor(storage: Storage) {
    this.#staging = new Staging(storage);
    this.#metadata = new StagedMetadata(storage);
    this.#recent = new RecentIds(RECENT_IDS_MAX, (position) => this.#staging.placed(position));
  }

  append({ stream, expected, events }: Append, nowMs: number): WriteResult {
    const head = this.#staging.head(stream);
    const view = this.#view(stream, head);
    const ids = events.map((event) => event.id);
    const decision = decideAppend(view, expected, ids);
    switch (decision.kind) {
      case 'append':
        return { kind: 'appended', ...this.#append(stream, events, decision.revives ? view.last + 1 : undefined, nowMs) };
      case 'repeat':
        return this.#repeat(stream, view.last, decision.stored);
      case 'nothing':
        return { kind: 'appended', revision: view.last, position: undefined };
      case 'wrong':
        return { kind: 'wrong', current: view.last };
      case 'deleted':
        return DELETED;
    }
  }

  /** The answer's position is that of the event that deletes. */
  delete({ stream, expected, deletion }: Delete, nowMs: number): WriteResult {
    const head = this.#staging.head(stream);
    const view = this.#view(stream, head);
    const event = metadataEvent(SOFT_DELETED);
    const decision = decideDelete(view, expected, deletion, event.id);
    if (decision === 'deleted') return DELETED;
    if (decision === 'wrong') return { kind: 'wrong', current: view.last };
    if (deletion === 'tombstone') return { kind: 'appended', ...this.#end(stream, event.id, nowMs) };
    const metaStream = metaStreamOf(stream);
    // Whoever ended the stream of the metadata has given up deleting softly.
    if (this.#staging.head(metaStream)?.last === TOMBSTONE_REVISION) return DELETED;
    return { kind: 'appended', ...this.#stage(metaStream, [event], nowMs) };
  }

  /** Hands over what is staged, to be written at once. */
  take(): readonly StoredRecord[] {
    this.#metadata.take();
    return this.#staging.take();
  }

  #view(stream: string, head: Head | undefined): StreamView {
    const isEnded = isMetaStream(stream) && isTombstoned((name) => this.#staging.head(name), originalOf(stream));
    return {
      last: isEnded ? TOMBSTONE_REVISION : (head?.last ?? -1),
      hasMetadata: () => this.#staging.head(metaStreamOf(stream)) !== undefined,
      isSoftDeleted: () => isSoftDeleted(this.#metadata.of(stream)),
      at: (revision) => this.#staging.at(stream, head, revision),
      recent: (id) => this.#recent.find(id, stream),
    };
  }

  /**
   * Stages the events and returns where the last one will be. An append to a deleted stream, and metadata for one, bring the
   * stream back from its next revision on, by one more metadata event: what was deleted stays so.
   * @param revivedFrom the first revision of a deleted stream's second life.
   */
  #append(stream: string, events: readonly ProposedEvent[], revivedFrom: number | undefined, nowMs: number): Stored {
    const original = isMetaStream(stream) ? originalOf(stream) : undefined;
    const revivesOriginal = original !== undefined && isSoftDeleted(this.#metadata.of(original));
    const stored = this.#stage(stream, events, nowMs);
    if (revivedFrom !== undefined) this.#revive(stream, revivedFrom, nowMs);
    if (revivesOriginal) this.#revive(original, (this.#staging.head(original)?.last ?? -1) + 1, nowMs);
    return stored;
  }

  /** The first answer once more; without the position when readers of the stream see the event no longer. */
  #repeat(stream: string, last: number, { revision, position }: Stored): WriteResult {
    const metadata = this.#metadata.of(stream);
    return { kind: 'appended', revision, position: revision < firstKept(metadata, last) ? undefined : position };
  }

  #end(stream: string, id: string, nowMs: number): Stored {
    const tombstone = { id, type: TOMBSTONE_TYPE, isJson: false, metadata: NO_BYTES, data: NO_BYTES };
    if (isMetaStream(stream)) this.#metadata.stage(stream, tombstone);
    return this.#staging.addTombstone(stream, tombstone, nowMs);
  }

  #revive(stream: string, from: number, nowMs: number): void {
    const data = this.#metadata.dataOf(stream);
    const revived = data === undefined ? undefined : withTruncateBefore(data, from);
    if (revived !== undefined) this.#stage(metaStreamOf(stream), [metadataEvent(revived)], nowMs);
  }

  #stage(stream: string, events: readonly ProposedEvent[], nowMs: number): Stored {
    let stored: Stored = { revision: -1, position: -1 };
    for (const event of events) {
      stored = this.#staging.add(stream, event, nowMs);
      this.#recent.remember(event.id, stored.position);
    }
    const last = events.at(-1);
    if (last !== undefined && isMetaStream(stream)) this.#metadata.stage(stream, last);
    return stored;
  }
}
