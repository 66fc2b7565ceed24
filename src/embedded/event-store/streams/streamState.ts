import { STREAM_KEY_BYTES_MAX } from '../limits.ts';
import { TOMBSTONE_REVISION } from '../storage/record.ts';
import { type RecordFields, recordFields } from '../storage/recordFields.ts';
import type { Head, Storage, Visit } from '../storage/storage.ts';
import {
  isMetaStream,
  isSoftDeleted,
  METADATA_OF_META_STREAMS,
  metaStreamOf,
  NO_METADATA,
  originalOf,
  readStreamMetadata,
  type StreamMetadata,
} from './streamMetadata.ts';
import { firstKept, firstYoung } from './truncation.ts';

/** A stream as readers find it. */
export type StreamState =
  /** Ended by a tombstone: its own, or that of the stream whose metadata it holds. */
  | Readonly<{ kind: 'deleted' }>
  /** Without events, or deleted softly; `last` is the revision of the last event it had, -1 for none. */
  | Readonly<{ kind: 'missing'; last: number }>
  /** Readers see the revisions from `first` to `head.last`; none when `first` is above. */
  | Readonly<{ kind: 'there'; head: Head; first: number }>;

/** Of any name a client can come up with: one that no stream can have is looked up by no index. */
export const headOf = (storage: Storage, stream: string): Head | undefined =>
  stream === '' || Buffer.byteLength(stream) > STREAM_KEY_BYTES_MAX ? undefined : storage.head(stream);

type HeadOf = (stream: string) => Head | undefined;

/** Whether a stream is ended for ever. A tombstone ends the streams of its stream's metadata, too. */
export const isTombstoned = (lookUp: HeadOf, stream: string): boolean => {
  for (let name = stream; name !== ''; name = originalOf(name)) {
    if (lookUp(name)?.last === TOMBSTONE_REVISION) return true;
    if (!isMetaStream(name)) return false;
  }
  return false;
};

/** Shows `visit` the event of a stream at a revision, if there is one. */
const visitAt = (storage: Storage, { ordinal }: Head, revision: number, visit: Visit): void => {
  storage.streamForwards(ordinal, revision - 1, 1, visit);
};

const fieldsAt = <T>(storage: Storage, head: Head, revision: number, pick: (fields: RecordFields) => T): T | undefined => {
  let picked: T | undefined;
  visitAt(storage, head, revision, (record) => {
    picked = pick(recordFields(record));
  });
  return picked;
};

/** A stream's metadata on disk: the data of the last event of `$$stream`, in a buffer of their own. One look-up when there are none. */
export const storedMetadata = (storage: Storage, stream: string): Readonly<{ data: Buffer; isJson: boolean }> | undefined => {
  const head = headOf(storage, metaStreamOf(stream));
  if (head === undefined || head.last === TOMBSTONE_REVISION) return undefined;
  return fieldsAt(storage, head, head.last, ({ data, isJson }) => ({ data: Buffer.from(data), isJson }));
};

export const metadataOf = (storage: Storage, stream: string): StreamMetadata => {
  if (isMetaStream(stream)) return METADATA_OF_META_STREAMS;
  const stored = storedMetadata(storage, stream);
  return stored === undefined ? NO_METADATA : readStreamMetadata(stored.data, stored.isJson);
};

/**
 * What readers see of a stream, judged by what is on disk.
 * @param nowMs Unix time, against which `$maxAge` is measured.
 * @param from revision below which the reader does not care: `first` is not below it.
 */
export const streamState = (storage: Storage, stream: string, nowMs: number, from = 0): StreamState => {
  const head = headOf(storage, stream);
  if (head?.last === TOMBSTONE_REVISION || (isMetaStream(stream) && isTombstoned((name) => headOf(storage, name), originalOf(stream)))) {
    return { kind: 'deleted' };
  }
  if (head === undefined) return { kind: 'missing', last: -1 };
  const metadata = metadataOf(storage, stream);
  if (isSoftDeleted(metadata)) return { kind: 'missing', last: head.last };
  const kept = Math.max(from, firstKept(metadata, head.last));
  const { maxAgeMs } = metadata;
  if (maxAgeMs === undefined) return { kind: 'there', head, first: kept };
  const createdAtMs = (revision: number): number => fieldsAt(storage, head, revision, (fields) => fields.createdAtMs) ?? 0;
  return { kind: 'there', head, first: firstYoung(createdAtMs, kept, head.last, nowMs - maxAgeMs) };
};

/** Shows `visit` the event of a stream at a revision, -1 for the last, if readers may see it. */
export const visitVisible = (storage: Storage, stream: string, revision: number, nowMs: number, visit: Visit): void => {
  const state = streamState(storage, stream, nowMs, Math.max(0, revision));
  if (state.kind !== 'there') return;
  const wanted = revision < 0 ? state.head.last : revision;
  if (wanted >= state.first && wanted <= state.head.last) visitAt(storage, state.head, wanted, visit);
};
