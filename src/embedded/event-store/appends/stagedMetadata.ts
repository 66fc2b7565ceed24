import { METADATA_CACHE_STREAMS_MAX } from '../limits.ts';
import type { ProposedEvent } from '../storage/record.ts';
import type { Storage } from '../storage/storage.ts';
import { isMetaStream, METADATA_OF_META_STREAMS, originalOf, readStreamMetadata, type StreamMetadata } from '../streams/streamMetadata.ts';
import { metadataOf, storedMetadata } from '../streams/streamState.ts';
import { RecentMap } from './recentMap.ts';

type Staged = Readonly<{ data: Buffer; metadata: StreamMetadata }>;

/**
 * The metadata of streams as the next append will find them: what is about to be written, above what is on disk. Remembers
 * what it found on disk, also that it found nothing: the server's only writer knows when that changes.
 */
export class StagedMetadata {
  readonly #storage: Storage;
  readonly #known = new RecentMap<StreamMetadata>(METADATA_CACHE_STREAMS_MAX);
  /** By the stream that the metadata are of. */
  readonly #staged = new Map<string, Staged>();

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  of(stream: string): StreamMetadata {
    if (isMetaStream(stream)) return METADATA_OF_META_STREAMS;
    const staged = this.#staged.get(stream);
    if (staged !== undefined) return staged.metadata;
    let known = this.#known.get(stream);
    if (known === undefined) {
      known = metadataOf(this.#storage, stream);
      this.#known.set(stream, known);
    }
    return known;
  }

  /** The newest metadata as they were written. */
  dataOf(stream: string): Buffer | undefined {
    return (this.#staged.get(stream) ?? storedMetadata(this.#storage, stream))?.data;
  }

  /** Takes note of an event staged for a stream of metadata. */
  stage(metaStream: string, { data, isJson }: ProposedEvent): void {
    const stream = originalOf(metaStream);
    this.#staged.set(stream, { data, metadata: readStreamMetadata(data, isJson) });
    this.#known.delete(stream);
  }

  /** What was staged is handed over to be written. */
  take(): void {
    this.#staged.clear();
  }
}
