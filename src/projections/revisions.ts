import type { Revision } from '../platform/eventStore/eventStore.ts';

/** Streams whose last revision is known at most: some 100 bytes each. */
const STREAMS_MAX = 200_000;

/** A subscription has left out events of a stream, or the log has lost them. */
export class RevisionHole extends Error {
  override name = 'RevisionHole';
}

/**
 * Sees to it that no event of a stream is left out (I18): revisions of a stream come one after the other. Of the streams
 * met last, at least half of `streamsMax` are remembered; a stream that is not can go on anywhere. What comes again is no hole.
 */
export class RevisionWatch {
  private readonly generationMax: number;
  /** Two generations, the older one dropped whole: deleting single oldest entries of a Map grows slower with every one. */
  private young = new Map<string, Revision>();
  private old = new Map<string, Revision>();
  /** Whether every stream was seen from its first event, so that an unknown one has to begin at 0. */
  private complete: boolean;

  constructor(fromTheBeginning: boolean, streamsMax = STREAMS_MAX) {
    this.complete = fromTheBeginning;
    this.generationMax = Math.ceil(streamsMax / 2);
  }

  /** @throws RevisionHole */
  see(stream: string, revision: Revision): void {
    const last = this.young.get(stream) ?? this.old.get(stream) ?? (this.complete ? -1n : revision - 1n);
    if (revision > last + 1n) throw new RevisionHole(`${stream}@${revision} came where ${stream}@${last + 1n} was due`);
    if (revision === last + 1n) this.remember(stream, revision);
  }

  private remember(stream: string, revision: Revision): void {
    if (this.young.size >= this.generationMax && !this.young.has(stream)) {
      if (this.old.size > 0) this.complete = false;
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(stream, revision);
  }
}
