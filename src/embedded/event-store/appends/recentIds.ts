import type { Stored } from './append.ts';
import { RecentMap } from './recentMap.ts';

type Place = Stored & Readonly<{ stream: string }>;

/** Remembers where the newest event ids were stored: at least half of `max`, at most all of it. */
export class RecentIds {
  readonly #places: RecentMap<Place>;

  constructor(max: number) {
    this.#places = new RecentMap(max);
  }

  remember(id: string, stream: string, revision: number, position: number): void {
    this.#places.set(id, { stream, revision, position });
  }

  /** Where `stream` got the event with this id, if that is remembered. */
  find(id: string, stream: string): Stored | undefined {
    const place = this.#places.get(id);
    return place?.stream === stream ? place : undefined;
  }
}
