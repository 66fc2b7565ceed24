import { createHash, randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { integer, object, text } from '../domain/shape.ts';
import {
  type EventStore,
  type NewEvent,
  NO_STREAM,
  type RecordedEvent,
  type Revision,
  WrongRevision,
} from '../platform/eventStore/eventStore.ts';
import type { Logger } from '../platform/log.ts';
import { rowsOf, type StateShape, stateOf } from './snapshotRows.ts';
import type { Snapshot, SnapshotSource } from './streamView.ts';

export type SnapshotKind<S extends object> = Readonly<{
  /** Names the fold. A snapshot of another version is void. */
  version: string;
  /** Events of the stream between two snapshots at least. */
  everyEvents: number;
  /**
   * How much longer than at its last snapshot the stream must be, too, as a part of that. A state that keeps all of its history
   * is written as a whole each time: with a quarter, every fact is written five times in all however long the stream
   * becomes, and a fifth of the events has to be read beside the snapshot at most. 0 for states of bounded size.
   */
  everyPart: number;
  /** Whether a snapshot is looked for even when the stream seems short. */
  always: boolean;
  shape: StateShape<S>;
}>;

export type SnapshotPorts = Readonly<{
  store: EventStore;
  /** Lets go of the events of a stream before this revision. */
  truncate: (stream: string, before: Revision) => Promise<void>;
  log: Logger;
}>;

/** Beside the stream, in a category that is none of ours: projections and auditor pass it over. */
export const snapshotStream = (stream: string): string => `snapshot-${stream}`;

/** JSON of one part, in UTF-16 units: below the limit of an append whatever the characters, quotes and all. */
const PART_CHARS = 96 * 1_024;
/** Parts read at once. */
const PARTS_PAGE = 16;
/** Streams whose last snapshot is remembered; for one that was forgotten, a snapshot is tried in vain. */
const STREAMS_MAX = 10_000;

const partShape = object({ takenId: text(), part: text() });
const takenShape = object({
  takenId: text(),
  version: text(),
  revision: text(),
  position: text(),
  eventId: text(),
  parts: integer(),
  sha256: text(),
});

type Place = { takenAt: Revision; end: Revision; busy: boolean };
type Taken = ReturnType<typeof takenShape> & Readonly<{ texts: readonly string[] }>;

/**
 * The snapshots of one kind of stream. Each is a few events of parts and a closing one that says what they are of; without
 * it, or with other bytes than it says, they are nothing. Several processes may take them: the expected revision lets one.
 * A snapshot only ever saves reading: whatever is wrong with it, the stream itself is read instead.
 */
export class StreamSnapshots<S extends object> implements SnapshotSource<S> {
  readonly always: boolean;
  private readonly kind: SnapshotKind<S>;
  private readonly ports: SnapshotPorts;
  private readonly places = new Map<string, Place>();

  constructor(kind: SnapshotKind<S>, ports: SnapshotPorts) {
    this.kind = kind;
    this.ports = ports;
    this.always = kind.always;
  }

  /**
   * The newest snapshot of this fold; `null` when there is none that can be used.
   * @throws StoreUnavailable when the store does not answer in time.
   */
  async newest(stream: string, signal?: AbortSignal): Promise<Snapshot<S> | null> {
    const taken = await this.read(stream, this.placeOf(stream), 0n, signal);
    if (!taken) return null;
    const { version, texts, parts, sha256 } = taken;
    if (version !== this.kind.version) return this.refuse(stream, `it is of the fold "${version}"`);
    if (texts.length !== parts || sha256Of(texts) !== sha256) return this.refuse(stream, 'it is torn');
    try {
      const state = stateOf(JSON.parse(`[${texts.join(',')}]`), this.kind.shape);
      return { state, revision: BigInt(taken.revision), position: BigInt(taken.position), eventId: taken.eventId };
    } catch (error) {
      return this.refuse(stream, (error as Error).message);
    }
  }

  refuse(stream: string, why: string): null {
    this.placeOf(stream).takenAt = NO_STREAM;
    this.ports.log.warn({ stream, why }, 'a snapshot is void');
    return null;
  }

  /** Takes a snapshot in the background when enough events came since the last. Returns at once. */
  consider(stream: string, head: Snapshot<S>): void {
    const { everyEvents, everyPart } = this.kind;
    if (head.revision < everyEvents) return;
    const place = this.placeOf(stream);
    const since = Number(head.revision - place.takenAt);
    if (place.busy || since < everyEvents || since < Number(place.takenAt) * everyPart) return;
    place.busy = true;
    place.takenAt = head.revision;
    void this.take(stream, place, head)
      .catch((error: unknown) => this.ports.log.warn({ err: error, stream }, 'a snapshot could not be taken'))
      .finally(() => {
        place.busy = false;
      });
  }

  private async take(stream: string, place: Place, { state, revision, position, eventId }: Snapshot<S>): Promise<void> {
    await nextTurn(); // Those who wait for answers come first.
    const takenId = randomUUID();
    const hash = createHash('sha256');
    const begun = place.end + 1n;
    let parts = 0;
    try {
      for (const part of partsOf(rowsOf(state, this.kind.shape))) {
        hash.update(part);
        parts += 1;
        await this.append(stream, place, 'SnapshotPart', { takenId, part });
      }
      const of = { revision: `${revision}`, position: `${position}`, eventId };
      await this.append(stream, place, 'SnapshotTaken', { takenId, version: this.kind.version, ...of, parts, sha256: hash.digest('hex') });
    } catch (error) {
      if (!(error instanceof WrongRevision)) throw error;
      await this.read(stream, place, place.end + 1n); // Another process takes one, or took the last: that will do.
      return;
    }
    await this.ports.truncate(snapshotStream(stream), begun);
  }

  private async append(stream: string, place: Place, type: string, data: unknown): Promise<void> {
    const metadata = { commandId: 'snapshot', correlationId: 'snapshot', causationId: 'snapshot', actor: 'snapshots' };
    const event: NewEvent = { id: randomUUID(), type, data, metadata };
    place.end = (await this.ports.store.append(snapshotStream(stream), [event], place.end)).revision;
  }

  /** The last snapshot that was finished, from revision `from` on; notes where the next would stand. */
  private async read(stream: string, place: Place, from: Revision, signal?: AbortSignal): Promise<Taken | null> {
    let newest: Taken | null = null;
    let texts: Readonly<{ takenId: string; parts: string[] }> = { takenId: '', parts: [] };
    for (;;) {
      const options = { maxCount: PARTS_PAGE, ...(signal ? { signal } : {}) };
      const page = await this.ports.store.readStream(snapshotStream(stream), from, options);
      for (const stored of page) {
        const part = parsed(partShape, stored, 'SnapshotPart');
        if (part && part.takenId !== texts.takenId) texts = { takenId: part.takenId, parts: [] };
        if (part) texts.parts.push(part.part);
        const taken = parsed(takenShape, stored, 'SnapshotTaken');
        if (taken) newest = { ...taken, texts: taken.takenId === texts.takenId ? texts.parts : [] };
      }
      const last = page.at(-1);
      if (last) place.end = last.revision;
      if (last === undefined || page.length < PARTS_PAGE) break;
      from = last.revision + 1n;
    }
    if (newest) place.takenAt = BigInt(newest.revision);
    return newest;
  }

  private placeOf(stream: string): Place {
    const known = this.places.get(stream);
    if (known) return known;
    const place: Place = { takenAt: NO_STREAM, end: NO_STREAM, busy: false };
    this.places.set(stream, place);
    if (this.places.size > STREAMS_MAX) this.places.delete(this.places.keys().next().value as string);
    return place;
  }
}

/** Rows as JSON, many to a part, parted by commas. */
function* partsOf(rows: Iterable<unknown>): Generator<string> {
  let part: string[] = [];
  let chars = 0;
  for (const row of rows) {
    const json = JSON.stringify(row);
    part.push(json);
    chars += json.length + 1;
    if (chars < PART_CHARS) continue;
    yield part.join(',');
    part = [];
    chars = 0;
  }
  if (part.length > 0) yield part.join(',');
}

const sha256Of = (texts: readonly string[]): string => {
  const hash = createHash('sha256');
  for (const part of texts) hash.update(part);
  return hash.digest('hex');
};

/** The data of an event of this type; `null` for any other and for what is broken: such a snapshot is torn. */
const parsed = <T>(shape: (value: unknown, path: string) => T, stored: RecordedEvent, type: string): T | null => {
  if (stored.type !== type) return null;
  try {
    return shape(stored.data, type);
  } catch {
    return null;
  }
};
