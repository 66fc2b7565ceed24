import type { Clock } from '../platform/clock.ts';
import { BatchReader } from './batchReader.ts';
import type { Generational, TakeAnswer, TakenAnswer } from './generational.ts';
import type { GenerationReader } from './queries/generation.ts';
import { BEFORE_ALL, type Snapshot } from './readModels.ts';
import type { SharedAnswer } from './sharedAnswer.ts';

export type { Generational } from './generational.ts';

type Kept<T> = Readonly<{ variant: string; taken: Snapshot<Generational<T>>; staleAfter: number }>;

/**
 * Milliseconds after the opening of a generation in which it may still be filled, and nothing is kept: what was taken
 * half full must not be shown to someone who has been told that all of it is there. Longer than `/init` takes, by as
 * much as two clocks may differ.
 */
const FILLING_MAX_MS = 10_000;

/**
 * One answer that many ask for, kept as ready text for a moment. It is given out only while the generation it tells of is
 * the present one and its position satisfies the caller; all who need a new one at the same time share one statement. Where
 * processes share a cache, the answer that another has just taken comes first, on the same conditions.
 */
export class KeptAnswer<T> {
  private readonly clock: Clock;
  private readonly keepMs: number;
  private readonly generation: GenerationReader;
  private readonly shared: SharedAnswer<T> | null;
  private readonly fresh: BatchReader<Generational<T>>;
  private readonly fetched: BatchReader<undefined>;
  private kept: Kept<T> | null = null;

  /** `shared`: what other processes have taken. */
  constructor(clock: Clock, keepMs: number, generation: GenerationReader, take: TakeAnswer<T>, shared: SharedAnswer<T> | null = null) {
    this.clock = clock;
    this.keepMs = keepMs;
    this.generation = generation;
    this.shared = shared;
    this.fresh = new BatchReader(async ([variant = '']) => {
      const takenAt = this.clock.now();
      const startedAt = this.clock.monotonic();
      const taken = await take(variant);
      if (this.keep({ variant, taken, staleAfter: startedAt + this.keepMs })) this.shared?.give(variant, { taken, takenAt });
      return { asOf: taken.asOf, value: () => taken.value };
    }, 1);
    this.fetched = new BatchReader(async ([variant = '']) => {
      if (!this.isInTime(variant)) this.keepOthers(variant, (await this.shared?.find(variant)) ?? null);
      return { asOf: BEFORE_ALL, value: () => undefined };
    }, 1);
  }

  /** The answer, kept or new; a kept one is at or past `token`, a new one is where the views are. */
  async read(token: bigint | null, variant = ''): Promise<Snapshot<T>> {
    // One that is in time and below the token is not asked for again: others have hardly a newer one.
    if (this.shared !== null && !this.isInTime(variant)) await this.fetched.read(variant);
    const usable = this.usable(token, variant);
    if (usable && (await this.generation()).value === usable.value.of.generation) return { asOf: usable.asOf, value: usable.value.value };
    const { asOf, value } = await this.fresh.read(variant);
    return { asOf, value: value.value };
  }

  private isInTime(variant: string): boolean {
    return this.kept !== null && this.kept.variant === variant && this.clock.monotonic() <= this.kept.staleAfter;
  }

  private usable(token: bigint | null, variant: string): Snapshot<Generational<T>> | null {
    if (this.kept === null || !this.isInTime(variant)) return null;
    const { asOf, value } = this.kept.taken;
    if (value.untilAt !== null && this.clock.now() >= value.untilAt) return null;
    return token === null || asOf >= token ? this.kept.taken : null;
  }

  private keep(fresh: Kept<T>): boolean {
    const filling = this.clock.now() - Number(fresh.taken.value.of.opened_at) < FILLING_MAX_MS;
    if (!filling) this.kept = fresh;
    return !filling;
  }

  /** An answer of another process, for what is left of its time; never one from before what this process has shown. */
  private keepOthers(variant: string, others: TakenAnswer<T> | null): void {
    if (others === null || others.taken.asOf < (this.kept?.taken.asOf ?? BEFORE_ALL)) return;
    const ageMs = Math.max(0, this.clock.now() - others.takenAt);
    this.keep({ variant, taken: others.taken, staleAfter: this.clock.monotonic() + this.keepMs - ageMs });
  }
}
