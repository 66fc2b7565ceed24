import { createHash, type Hash } from 'node:crypto';

/** An append as the proof sent it. */
export type Sent = Readonly<{ append: string; stream: string; count: number }>;
/** An append as the store answered it: the last event's revision and position. */
export type Acknowledged = Readonly<{ revision: bigint; position: bigint }>;
/** An append that was refused because its stream was not at `expected`; -1 stands for a stream without events. */
export type Refused = Readonly<{ stream: string; expected: bigint }>;
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

type Whole = Readonly<{ stream: string; count: number; revision: bigint; position: bigint }>;

/**
 * Follows the whole log in its order, over all rounds, and writes down everything that must never be: a position that does
 * not grow, a hole in a stream's revisions, a batch with a part missing or torn apart, an append that nobody sent or that is there twice,
 * an acknowledged append that is missing or elsewhere, a refused one that is there, or that was refused for no reason.
 */
export class LogCheck {
  readonly violations: string[] = [];
  /** Position of the newest event checked; -1 before the first. */
  position = -1n;
  events = 0;
  readonly #next = new Map<string, bigint>();
  readonly #digest: Hash = createHash('sha256');
  /** Appends without an answer that are not there yet. */
  readonly #awaited = new Map<string, Sent>();
  /** Appends that are there, and have had no answer. */
  readonly #unacknowledged = new Map<string, Whole>();
  /** Appends that this round has found. */
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

  /**
   * Ends a round: its appends against what the log has got since the round before. Returns how many of those in doubt are there.
   * An append in doubt may land later, and its answer may come later: it is awaited in all rounds to come.
   */
  round(
    sent: ReadonlyMap<string, Sent>,
    acknowledged: ReadonlyMap<string, Acknowledged>,
    refused: ReadonlyMap<string, Refused> = new Map(),
  ): number {
    if (this.#open !== undefined)
      this.#violated(`append ${this.#open.append} breaks off at ${this.#open.index + 1} of ${this.#open.count}`);
    this.#open = undefined;
    for (const [append, one] of sent) this.#awaited.set(append, one);
    for (const [append, there] of this.#whole) this.#landed(append, there);
    for (const [append, answer] of acknowledged) this.#acknowledged(append, answer);
    for (const [append, one] of refused) this.#refused(append, one);
    const landed = [...this.#whole.keys()].filter((append) => this.#unacknowledged.has(append)).length;
    this.#whole = new Map();
    return landed;
  }

  /** Stands for every event checked so far. */
  digest(): string {
    return this.#digest.copy().digest('hex');
  }

  #landed(append: string, there: Whole): void {
    const sent = this.#awaited.get(append);
    if (sent?.stream !== there.stream) this.#violated(`nobody sent append ${append}, found in ${there.stream}`);
    else if (sent.count !== there.count) this.#violated(`append ${append} had ${sent.count} events, and has ${there.count}`);
    this.#awaited.delete(append);
    this.#unacknowledged.set(append, there);
  }

  #acknowledged(append: string, answer: Acknowledged): void {
    const there = this.#unacknowledged.get(append);
    this.#unacknowledged.delete(append);
    if (there === undefined) this.#violated(`append ${append} was acknowledged and is lost`);
    else if (there.revision !== answer.revision || there.position !== answer.position) {
      this.#violated(`append ${append} was acknowledged at ${answer.position}, and is at ${there.position}`);
    }
  }

  /** Nobody else writes to a stream: it can only have been elsewhere because an append in doubt had landed. */
  #refused(append: string, { stream, expected }: Refused): void {
    if (!this.#awaited.delete(append)) this.#violated(`append ${append} was refused and is there`);
    if (this.lastRevision(stream) === expected) this.#violated(`append ${append} was refused at ${expected}, where ${stream} is`);
  }

  #part(seen: Seen): void {
    const before = this.#open;
    const follows = before === undefined ? seen.index === 0 : before.append === seen.append && seen.index === before.index + 1;
    if (!follows) this.#violated(`part ${seen.index} of append ${seen.append} follows part ${before?.index} of ${before?.append}`);
    this.#open = seen.index === seen.count - 1 ? undefined : seen;
    if (this.#open !== undefined) return;
    if (this.#whole.has(seen.append)) this.#violated(`append ${seen.append} is there twice`);
    this.#whole.set(seen.append, { stream: seen.stream, count: seen.count, revision: seen.revision, position: seen.position });
  }

  #violated(what: string): void {
    this.violations.push(what);
  }
}
