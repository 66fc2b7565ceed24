import type { Ports } from '../platform/config.ts';
import type { StoreUrls } from '../platform/process.ts';
import { Child, type ChildSpec } from './child.ts';
import type { ShopProcess } from './shopFile.ts';

/** Milliseconds until a child that was started must listen. */
const START_MAX_MS = 120_000;
/** Milliseconds in which everything must have stopped. */
const STOP_MAX_MS = 10_000;
/** Of these, milliseconds kept back for each child that is still to be stopped afterwards. */
const STOP_RESERVE_MS = 1_000;
/** Milliseconds kept back for the supervisor's own end. */
const STOP_MARGIN_MS = 500;

/** `command-api-1` and `command-api-2` do the same work. */
const kindOf = (name: string): string => name.replace(/-\d+$/, '');

export type SupervisorEvents = Readonly<{ changed(): void; note(line: string): void }>;

/** Keeps a shop's processes running, and ends them in the reverse order of their starts. */
export class Supervisor {
  /** Rejects when a child cannot be kept running; never resolves. */
  readonly lost: Promise<never>;
  readonly #events: SupervisorEvents;
  readonly #children: Child[] = [];
  #lose: (error: Error) => void = () => undefined;
  #stopping: boolean = false;

  constructor(events: SupervisorEvents) {
    this.#events = events;
    this.lost = new Promise((_, reject) => {
      this.#lose = reject;
    });
    // Whoever waits hears of it; that nobody waits at the moment is no fault.
    this.lost.catch(() => undefined);
  }

  get processes(): readonly ShopProcess[] {
    return this.#children.flatMap(({ name, pid, ports }) => (pid === null ? [] : [{ name, pid, ports }]));
  }

  /** The stores that children serve. */
  get urls(): StoreUrls {
    return Object.assign({}, ...this.#children.map((child) => child.urls));
  }

  /** Of several processes of one kind the port of the first. */
  get ports(): Ports {
    return Object.assign({}, ...this.#children.map((child) => child.ports).reverse());
  }

  /** Starts a child; resolves when it listens, rejects when any child is lost. */
  async start(spec: ChildSpec): Promise<void> {
    if (this.#stopping) throw new Error('stopping');
    const child = new Child(spec, {
      changed: this.#events.changed,
      died: (how) => this.#events.note(`${spec.name}: ${how}, starting it again`),
      lost: (error) => this.#lose(error),
      othersServe: () => this.#children.some((other) => other !== child && other.pid !== null && kindOf(other.name) === kindOf(spec.name)),
    });
    this.#children.push(child);
    const late = setTimeout(() => this.#lose(new Error(`${spec.name} does not listen: see ${spec.logFile}`)), START_MAX_MS);
    try {
      await Promise.race([child.start(), this.lost]);
    } finally {
      clearTimeout(late);
    }
  }

  /** Stops the children one after the other, those started last first, and kills what is left when the time is up. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const until = performance.now() + STOP_MAX_MS - STOP_MARGIN_MS;
    for (const [index, child] of [...this.#children.entries()].reverse()) {
      await child.stop(Math.max(0, until - performance.now() - index * STOP_RESERVE_MS));
    }
  }

  kill(): void {
    this.#stopping = true;
    for (const child of this.#children) child.kill();
  }
}
