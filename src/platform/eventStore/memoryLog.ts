import type { EncodedEvent } from './appendRequest.ts';
import { type Appended, NO_STREAM, type Position, type RecordedEvent, type Revision, WrongRevision } from './eventStore.ts';

type Stored = EncodedEvent & Readonly<{ stream: string; revision: Revision; position: Position; createdAt: number }>;

const recorded = ({ data, metadata, ...rest }: Stored): RecordedEvent => ({
  ...rest,
  data: JSON.parse(data),
  metadata: JSON.parse(metadata),
});

/** One log in memory that several adapters may share, with the append decisions of a real server. */
export class MemoryLog {
  private readonly all: Stored[] = [];
  private readonly streams = new Map<string, Stored[]>();
  private waiting: (() => void)[] = [];

  /** How many events there are. */
  get length(): number {
    return this.all.length;
  }

  get head(): Position {
    return this.all.at(-1)?.position ?? 0n;
  }

  at(index: number): RecordedEvent {
    const event = this.all[index];
    if (event === undefined) throw new RangeError(`no event at ${index}`);
    return recorded(event);
  }

  typeAt(index: number): string | undefined {
    return this.all[index]?.type;
  }

  positionAt(index: number): Position {
    return this.all[index]?.position ?? 0n;
  }

  /** Index of the first event behind a position. */
  indexAfter(position: Position | null): number {
    const index = position === null ? 0 : this.all.findIndex((event) => event.position > position);
    return index === -1 ? this.all.length : index;
  }

  read(stream: string, from: Revision, maxCount: number): RecordedEvent[] {
    const start = Number(from);
    return (this.streams.get(stream) ?? []).slice(start, start + maxCount).map(recorded);
  }

  /** @throws WrongRevision, unless the stream is at `expected` or already holds exactly these events behind it. */
  append(stream: string, events: readonly EncodedEvent[], expected: Revision, createdAt: number): Appended {
    const before = this.streams.get(stream) ?? [];
    const current = BigInt(before.length) + NO_STREAM;
    if (expected !== current) return this.repeated(stream, before, events, expected);
    let revision = current;
    let position = this.head;
    for (const event of events) {
      revision += 1n;
      // Like byte offsets: strictly increasing, never dense, and none at 0.
      position += BigInt(event.data.length + event.metadata.length + 64);
      const stored = { ...event, stream, revision, position, createdAt };
      before.push(stored);
      this.all.push(stored);
    }
    this.streams.set(stream, before);
    this.tellAll();
    return { revision, position };
  }

  /** Resolves at the next append, or when `signal` is aborted. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      if (signal.aborted) return resolve();
      signal.addEventListener('abort', done, { once: true });
      this.waiting.push(done);
    });
  }

  /** An append below the current revision is a success again if it is a resend: the same ids, all of them, in the same place. */
  private repeated(stream: string, before: readonly Stored[], events: readonly EncodedEvent[], expected: Revision): Appended {
    const start = Number(expected - NO_STREAM);
    const there = before.slice(start, start + events.length);
    const last = there.at(-1);
    const same = there.length === events.length && there.every((event, i) => event.id.toLowerCase() === events[i]?.id.toLowerCase());
    if (!same || last === undefined) throw new WrongRevision(`${stream} is not at ${expected}`);
    return { revision: last.revision, position: last.position };
  }

  private tellAll(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const tell of waiting) tell();
  }
}
