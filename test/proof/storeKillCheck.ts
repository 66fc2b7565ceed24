import { createHash, type Hash } from 'node:crypto';

/** An append as the proof sent it. */
export type Sent = Readonly<{ append: string; stream: string; count: number }>;
/** An append as the store answered it: the last event's revision and position. */
export type Acknowledged = Readonly<{ revision: bigint; position: bigint }>;
/** An event as a reader sees it; `append`, `index` and `count` are its data. */
export type Seen = Readonly<{
  stream: string;
  revision: bigint;
  position: bigint;
  id: string;
  append: string;
  index: number;
  count: number;
}>;

type Whole = Readonly<{ stream: string; revision: bigint; position: bigint }>;

/**
 * Follows the whole log in its order, over all rounds, and writes down everything that must never be: a position that does
 * not grow, a hole in a stream's revisions, a batch with a part missing or torn apart, an append that nobody sent or that is there twice,
 * an acknowledged append that is missing or elsewhere.
 */
export class LogCheck {
  readonly violations: string[] = [];
  /** Position of the newest event checked; -1 before the first. */
  position = -1n;
  events = 0;
  readonly #next = new Map<string, bigint>();
  readonly #digest: Hash = createHash('sha256');
  #whole = new Map<string, Whole>();
  #open: Seen | undefined;

  /** Takes the next event of the log. */
  event(seen: Seen): void {
    if (seen.position <= this.position) this.#violated(`position ${seen.position} comes behind ${this.position}`);
    this.position = seen.position;
    const expected = this.#next.get(seen.stream) ?? 0n;
    if (seen.revision !== expected) this.#violated(`${seen.stream} has revision ${seen.revision} where ${expected} should be`);
    this.#next.set(seen.stream, seen.revision + 1n);
    this.#part(seen);
    this.events++;
    this.#digest.update(`${seen.position} ${seen.stream} ${seen.revision} ${seen.id}\n`);
  }

  /** The revision that the next append to a stream has to expect; -1 for a new stream. */
  lastRevision(stream: string): bigint {
    return (this.#next.get(stream) ?? 0n) - 1n;
  }

  /** Ends a round: all its appends against what the log has got since the round before. Returns how many of those in doubt are there. */
  round(sent: ReadonlyMap<string, Sent>, acknowledged: ReadonlyMap<string, Acknowledged>): number {
    if (this.#open !== undefined)
      this.#violated(`append ${this.#open.append} breaks off at ${this.#open.index + 1} of ${this.#open.count}`);
    this.#open = undefined;
    for (const [append, there] of this.#whole) {
      if (sent.get(append)?.stream !== there.stream) this.#violated(`nobody sent append ${append}, found in ${there.stream}`);
    }
    for (const [append, answer] of acknowledged) {
      const there = this.#whole.get(append);
      if (there === undefined) this.#violated(`append ${append} was acknowledged and is lost`);
      else if (there.revision !== answer.revision || there.position !== answer.position) {
        this.#violated(`append ${append} was acknowledged at ${answer.position}, and is at ${there.position}`);
      }
    }
    const landed = [...this.#whole.keys()].filter((append) => !acknowledged.has(append)).length;
    this.#whole = new Map();
    return landed;
  }

  /** Stands for every event checked so far. */
  digest(): string {
    return this.#digest.copy().digest('hex');
  }

  #part(seen: Seen): void {
    const before = this.#open;
    const follows = before === undefined ? seen.index === 0 : before.append === seen.append && seen.index === before.index + 1;
    if (!follows) this.#violated(`part ${seen.index} of append ${seen.append} follows part ${before?.index} of ${before?.append}`);
    this.#open = seen.index === seen.count - 1 ? undefined : seen;
    if (this.#open !== undefined) return;
    if (this.#whole.has(seen.append)) this.#violated(`append ${seen.append} is there twice`);
    this.#whole.set(seen.append, { stream: seen.stream, revision: seen.revision, position: seen.position });
  }

  #violated(what: string): void {
    this.violations.push(what);
  }
}
