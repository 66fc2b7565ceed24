import type { Clock } from '../platform/clock.ts';
import { BatchReader } from './batchReader.ts';
import type { AtGeneration, GenerationReader } from './queries/generation.ts';
import type { Snapshot } from './readModels.ts';

/** An answer about one generation, true until a moment (milliseconds since 1970; `null`: as long as its views stand still). */
export type Generational<T> = Readonly<{ of: AtGeneration; value: T; untilAt: number | null }>;

type Kept<T> = Readonly<{ variant: string; taken: Snapshot<Generational<T>>; staleAfter: number }>;

/**
 * Milliseconds after the opening of a generation in which it may still be filled, and nothing is kept: what was taken
 * half full must not be shown to someone who has been told that all of it is there. Longer than `/init` takes, by as
 * much as two clocks may differ.
 */
const FILLING_MAX_MS = 10_000;

/**
 * One answer that many ask for, kept as ready text for a moment. It is given out only while the generation it tells of is
 * the present one and its position satisfies the caller; all who need a new one at the same time share one statement.
 */
export class KeptAnswer<T> {
  private readonly clock: Clock;
  private readonly keepMs: number;
  private readonly generation: GenerationReader;
  private readonly fresh: BatchReader<Generational<T>>;
  private kept: Kept<T> | null = null;

  /** `take` reads the answer anew. Answers of different variants (days) never stand for one another. */
  constructor(clock: Clock, keepMs: number, generation: GenerationReader, take: (variant: string) => Promise<Snapshot<Generational<T>>>) {
    this.clock = clock;
    this.keepMs = keepMs;
    this.generation = generation;
    this.fresh = new BatchReader(async ([variant = '']) => {
      const startedAt = this.clock.monotonic();
      const taken = await take(variant);
      this.keep({ variant, taken, staleAfter: startedAt + this.keepMs });
      return { asOf: taken.asOf, value: () => taken.value };
    }, 1);
  }

  /** The answer, kept or new; a kept one is at or past `token`, a new one is where the views are. */
  async read(token: bigint | null, variant = ''): Promise<Snapshot<T>> {
    const usable = this.usable(token, variant);
    if (usable && (await this.generation()).value === usable.value.of.generation) return { asOf: usable.asOf, value: usable.value.value };
    const { asOf, value } = await this.fresh.read(variant);
    return { asOf, value: value.value };
  }

  private usable(token: bigint | null, variant: string): Snapshot<Generational<T>> | null {
    const kept = this.kept;
    if (kept === null || kept.variant !== variant || this.clock.monotonic() > kept.staleAfter) return null;
    const { asOf, value } = kept.taken;
    if (value.untilAt !== null && this.clock.now() >= value.untilAt) return null;
    return token === null || asOf >= token ? kept.taken : null;
  }

  private keep(fresh: Kept<T>): void {
    const filling = this.clock.now() - Number(fresh.taken.value.of.opened_at) < FILLING_MAX_MS;
    if (!filling) this.kept = fresh;
  }
}
