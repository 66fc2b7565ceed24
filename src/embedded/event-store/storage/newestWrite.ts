import { LOG_NEWEST_BYTES_MAX } from '../limits.ts';

/** Called for each record found; `record` is void after the call. */
export type Visit = (record: Buffer, position: number) => void;

/**
 * The records of the last write, in memory: every live subscriber reads them a moment after they were written, and so needs
 * neither the file nor a checksum.
 */
export class NewestWrite {
  #records: readonly Buffer[] = [];
  #from = Number.POSITIVE_INFINITY;

  /** Takes the place of the write before. Of a large one nothing is kept. The records must not be changed any more. */
  keep(from: number, records: readonly Buffer[], bytes: number): void {
    const isKept = bytes <= LOG_NEWEST_BYTES_MAX;
    this.#records = isKept ? records : [];
    this.#from = isKept ? from : Number.POSITIVE_INFINITY;
  }

  /** Whether everything from a position on is here. */
  covers(position: number): boolean {
    return position >= this.#from;
  }

  /** Up to `limit` records from position `from` on; returns the position behind the last one visited. */
  visit(from: number, limit: number, visit: Visit): number {
    let at = this.#from;
    let left = limit;
    for (const record of this.#records) {
      if (left === 0) break;
      const position = at;
      at += record.length;
      if (position < from) continue;
      visit(record, position);
      left--;
    }
    return at;
  }
}
