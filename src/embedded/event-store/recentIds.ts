import type { Stored } from './append.ts';

type Place = Stored & Readonly<{ stream: string }>;

/**
 * Remembers where the newest event ids were stored: at least half of `max`, at most all of it. Two generations, the older one
 * dropped whole: deleting single oldest entries of a Map grows slower with every one deleted.
 */
export class RecentIds {
  readonly #generationMax: number;
  #young = new Map<string, Place>();
  #old = new Map<string, Place>();

  constructor(max: number) {
    this.#generationMax = Math.ceil(max / 2);
  }

  remember(id: string, stream: string, revision: number, position: number): void {
    if (this.#young.size >= this.#generationMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(id, { stream, revision, position });
  }

  /** Where `stream` got the event with this id, if that is remembered. */
  find(id: string, stream: string): Stored | undefined {
    const place = this.#young.get(id) ?? this.#old.get(id);
    return place?.stream === stream ? place : undefined;
  }
}
