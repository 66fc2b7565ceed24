import { encodeAppend } from '../../src/platform/eventStore/appendRequest.ts';
import { type Appended, type EventStore, NO_STREAM, type RecordedEvent, WrongRevision } from '../../src/platform/eventStore/eventStore.ts';

/** Bytes of one piece of the log. */
const CHUNK_BYTES = 64 * 1_024 * 1_024;

/**
 * Appends and reads streams of one process, and keeps their events outside the JavaScript heap: what is left on the heap is
 * what the code under test remembers, a name and a place for each stream, and nothing for each event.
 */
export class ArenaEventStore implements Pick<EventStore, 'append' | 'readStream'> {
  private readonly chunks: Buffer[] = [];
  private used = CHUNK_BYTES;
  /** By number of the event: where it stands, and the event before it in its stream. */
  private readonly places: Float64Array;
  private readonly before: Int32Array;
  private readonly newest = new Map<string, number>();
  private events = 0;

  constructor(eventsMax: number) {
    this.places = new Float64Array(eventsMax);
    this.before = new Int32Array(eventsMax);
  }

  async append(...[stream, events, expected]: Parameters<EventStore['append']>): Promise<Appended> {
    const { encoded } = encodeAppend(stream, events, expected);
    let last = this.newest.get(stream) ?? -1;
    let revision = last === -1 ? NO_STREAM : this.at(stream, last).revision;
    if (revision !== expected) throw new WrongRevision(`${stream} is not at ${expected}`);
    for (const event of encoded) {
      revision += 1n;
      const stored = Buffer.from(JSON.stringify({ ...event, revision: `${revision}` }));
      this.places[this.events] = this.store(stored);
      this.before[this.events] = last;
      last = this.events;
      this.events += 1;
    }
    this.newest.set(stream, last);
    return { revision, position: BigInt(last + 1) };
  }

  async readStream(...[stream, from, { maxCount }]: Parameters<EventStore['readStream']>): Promise<readonly RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    for (let n = this.newest.get(stream) ?? -1; n !== -1; n = this.before[n] ?? -1) {
      const event = this.at(stream, n);
      if (event.revision < from) break;
      events.push(event);
    }
    return events.reverse().slice(0, maxCount);
  }

  private at(stream: string, n: number): RecordedEvent {
    const place = this.places[n] ?? 0;
    const chunk = this.chunks[Math.floor(place / CHUNK_BYTES)] as Buffer;
    const start = (place % CHUNK_BYTES) + 4;
    const text = chunk.toString('utf8', start, start + chunk.readUInt32LE(start - 4));
    const { id, type, data, metadata, revision } = JSON.parse(text) as Record<'id' | 'type' | 'data' | 'metadata' | 'revision', string>;
    const parsed = { data: JSON.parse(data), metadata: JSON.parse(metadata) };
    return { id, stream, type, ...parsed, revision: BigInt(revision), position: BigInt(n + 1), createdAt: 0 };
  }

  private store(event: Buffer): number {
    if (this.used + event.length + 4 > CHUNK_BYTES) {
      this.chunks.push(Buffer.allocUnsafeSlow(CHUNK_BYTES));
      this.used = 0;
    }
    const chunk = this.chunks.at(-1) as Buffer;
    chunk.writeUInt32LE(event.length, this.used);
    event.copy(chunk, this.used + 4);
    const place = (this.chunks.length - 1) * CHUNK_BYTES + this.used;
    this.used += event.length + 4;
    return place;
  }
}
