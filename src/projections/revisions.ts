import type { Position, RecordedEvent, Revision } from '../platform/eventStore/eventStore.ts';

/** Streams whose last revision is known at most: some 100 bytes each. */
const STREAMS_MAX = 200_000;

/** A subscription has left out events of a stream, or the log has lost them. */
export class RevisionHole extends Error {
  override name = 'RevisionHole';
}

/**
 * Sees to it that no event of a stream is left out (I18): revisions of a stream come one after the other. Of the streams
 * met last, at least half of `streamsMax` are remembered; a stream that is not can go on anywhere. What comes again is no hole.
 * It outlives a broken subscription, so that the next one is not believed either.
 */
export class RevisionWatch {
  private readonly generationMax: number;
  /** Two generations, the older one dropped whole: deleting single oldest entries of a Map grows slower with every one. */
  private young = new Map<string, Revision>();
  private old = new Map<string, Revision>();
  /** Where an unknown stream has to begin: at 0 as long as every stream is remembered from its first event; `null`: anywhere. */
  private first: Revision | null = null;
  /** Everything up to here was seen. */
  private through: Position | null = null;

  constructor(streamsMax = STREAMS_MAX) {
    this.generationMax = Math.ceil(streamsMax / 2);
  }

  /** What is seen next comes from right behind `after`, `null` the beginning. Past a gap nothing that is remembered counts. */
  startFrom(after: Position | null): void {
    if (after !== null && this.through !== null && after <= this.through) return;
    this.young.clear();
    this.old.clear();
    this.first = after === null ? 0n : null;
    this.through = after;
  }

  /** An event of a stream that is not watched. */
  pass(position: Position): void {
    if (this.through === null || position > this.through) this.through = position;
  }

  /** @throws RevisionHole */
  see({ stream, revision, position }: Pick<RecordedEvent, 'stream' | 'revision' | 'position'>): void {
    const last = this.young.get(stream) ?? this.old.get(stream) ?? (this.first ?? revision) - 1n;
    if (revision > last + 1n) throw new RevisionHole(`${stream}@${revision} came where ${stream}@${last + 1n} was due`);
    if (revision === last + 1n) this.remember(stream, revision);
    this.pass(position);
  }

  private remember(stream: string, revision: Revision): void {
    if (this.young.size >= this.generationMax && !this.young.has(stream)) {
      if (this.old.size > 0) this.first = null;
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(stream, revision);
  }
}
