import type { AtGeneration } from './queries/generation.ts';
import type { Snapshot } from './readModels.ts';

/** An answer about one generation, true until a moment (milliseconds since 1970; `null`: as long as its views stand still). */
export type Generational<T> = Readonly<{ of: AtGeneration; value: T; untilAt: number | null }>;

/** An answer, and when the statement that took it began: milliseconds since 1970. */
export type TakenAnswer<T> = Readonly<{ taken: Snapshot<Generational<T>>; takenAt: number }>;

/** Reads an answer anew. Answers of different variants (days) never stand for one another. */
export type TakeAnswer<T> = (variant: string) => Promise<Snapshot<Generational<T>>>;
