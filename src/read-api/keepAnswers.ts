import type { Cache } from '../platform/cache/cache.ts';
import type { Clock } from '../platform/clock.ts';
import type { TakeAnswer } from './generational.ts';
import { KeptAnswer } from './keptAnswer.ts';
import type { GenerationReader } from './queries/generation.ts';
import { type AnswerKind, shareAnswers } from './sharedAnswer.ts';

/** Makes the kept answers of a process. */
export type KeepAnswers = <T>(kind: AnswerKind<T>, take: TakeAnswer<T>) => KeptAnswer<T>;

/** Answers are shared only through a cache that others see: a process alone finds in its own memory what it put there. */
export const keepAnswers =
  (cache: Cache, storeId: () => string | null, generation: GenerationReader, clock: Clock): KeepAnswers =>
  (kind, take) =>
    new KeptAnswer(clock, kind.keepMs, generation, take, cache.isShared ? shareAnswers(kind, cache, storeId, clock) : null);
