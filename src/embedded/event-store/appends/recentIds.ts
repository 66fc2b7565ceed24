import { randomInt } from 'node:crypto';
import type { Stored } from './append.ts';

/** What stands at a position of the log, or is about to. */
export type Placed = Readonly<{ id: string; stream: string; revision: number }>;

const FNV_PRIME = 0x01000193;

/** Positions by the hash of their events' ids, in arrays of numbers; entries of one bucket are chained, the newest first. */
class Generation {
  readonly #mask: number;
  /** Number of an entry, counted from 1: the newest of a bucket, and the one before an entry. */
  readonly #newest: Int32Array;
  readonly #before: Int32Array;
  readonly #hashes: Int32Array;
  readonly #positions: Float64Array;
  #entries = 0;

  constructor(max: number) {
    const buckets = 2 ** Math.ceil(Math.log2(max));
    this.#mask = buckets - 1;
    this.#newest = new Int32Array(buckets);
    this.#before = new Int32Array(max);
    this.#hashes = new Int32Array(max);
    this.#positions = new Float64Array(max);
  }

  get isFull(): boolean {
    return this.#entries === this.#hashes.length;
  }

  add(hash: number, position: number): void {
    const bucket = hash & this.#mask;
    const entry = this.#entries++;
    this.#hashes[entry] = hash;
    this.#positions[entry] = position;
    this.#before[entry] = this.#newest[bucket] as number;
    this.#newest[bucket] = entry + 1;
  }

  /** Positions that were added with this hash, the newest first. */
  *positions(hash: number): Generator<number, void, undefined> {
    for (let number = this.#newest[hash & this.#mask] as number; number > 0; number = this.#before[number - 1] as number) {
      if (this.#hashes[number - 1] === hash) yield this.#positions[number - 1] as number;
    }
  }

  clear(): void {
    this.#newest.fill(0);
    this.#entries = 0;
  }
}

/**
 * Remembers where the newest event ids were stored: at least half of `max`, at most all of it. Only positions stand here; what
 * they hold is looked up. Two generations, the older one dropped whole. No objects: 65,536 of them that each live for a
 * while keep the garbage collector busy (measured: 8 of 65 us of CPU an append).
 */
export class RecentIds {
  readonly #at: (position: number) => Placed;
  readonly #seed = randomInt(2 ** 31);
  #young: Generation;
  #old: Generation;

  /** @param at what stands at a position that was given to `remember`. */
  constructor(max: number, at: (position: number) => Placed) {
    this.#at = at;
    this.#young = new Generation(Math.ceil(max / 2));
    this.#old = new Generation(Math.floor(max / 2));
  }

  remember(id: string, position: number): void {
    if (this.#young.isFull) {
      const cleared = this.#old;
      cleared.clear();
      this.#old = this.#young;
      this.#young = cleared;
    }
    this.#young.add(this.#hash(id), position);
  }

  /** Where `stream` got the event with this id, if that is remembered. */
  find(id: string, stream: string): Stored | undefined {
    const hash = this.#hash(id);
    for (const generation of [this.#young, this.#old]) {
      for (const position of generation.positions(hash)) {
        const placed = this.#at(position);
        if (placed.id === id) return placed.stream === stream ? { revision: placed.revision, position } : undefined;
      }
    }
    return undefined;
  }

  /** FNV-1a, begun differently in each process, so that no client can choose ids of one bucket. */
  #hash(id: string): number {
    let hash = this.#seed;
    for (let n = 0; n < id.length; n++) hash = Math.imul(hash ^ id.charCodeAt(n), FNV_PRIME);
    return hash ^ (hash >>> 15);
  }
}
