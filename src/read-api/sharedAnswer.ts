import { hash } from 'node:crypto';
import { z } from 'zod';
import type { Cache } from '../platform/cache/cache.ts';
import type { Clock } from '../platform/clock.ts';
import type { TakenAnswer } from './generational.ts';

/** An answer that query processes take from one another. */
export type SharedAnswer<T> = Readonly<{
  /** `null` when there is none, or none that can be trusted. Never throws. */
  find(variant: string): Promise<TakenAnswer<T> | null>;
  /** Returns at once. */
  give(variant: string, answer: TakenAnswer<T>): void;
}>;

/** What an answer is, for other processes of this release and of others. */
export type AnswerKind<T> = Readonly<{
  name: string;
  /** Milliseconds for which it is kept. */
  keepMs: number;
  /** What one of these answers looks like to a client. One of another shape, of another release, is another answer. */
  shape: z.ZodType;
  /** The value as it is kept. */
  value: z.ZodType<T>;
  /** Settings that the answer depends on. */
  settings?: readonly (string | number)[];
}>;

const DIGEST_CHARS = 16;
const digest = (parts: unknown): string => hash('sha256', JSON.stringify(parts), 'hex').slice(0, DIGEST_CHARS);

/**
 * Answers of one kind by way of the cache. The key says of which event store they tell, in which shape and by which settings; the value
 * says at which position, in which generation, and when it was taken. Whatever does not read as such is nobody's answer.
 */
export const shareAnswers = <T>(
  { name, keepMs, shape, value, settings = [] }: AnswerKind<T>,
  cache: Cache,
  storeId: () => string | null,
  clock: Pick<Clock, 'now'>,
): SharedAnswer<T> => {
  const version = digest([z.toJSONSchema(shape, { unrepresentable: 'any' }), settings]);
  const keyOf = (store: string, variant: string): string => `till:${digest(store)}:answer:${name}:${version}:${variant}`;
  const entry = entryOf(value);
  return {
    find: async (variant) => {
      const store = storeId();
      const text = store === null ? null : await cache.get(keyOf(store, variant));
      const read = text === null ? null : parsed(entry, text);
      if (read === null) return null;
      const ageMs = clock.now() - read.takenAt;
      return ageMs >= 0 && ageMs <= keepMs ? { takenAt: read.takenAt, taken: { asOf: BigInt(read.asOf), value: read.of } } : null;
    },
    give: (variant, { taken, takenAt }) => {
      const store = storeId();
      if (store === null) return;
      const { of, ...answer } = taken.value;
      const { generation, opened_at } = of; // It comes with a whole row.
      const text = JSON.stringify({ takenAt, asOf: String(taken.asOf), of: { of: { generation, opened_at }, ...answer } });
      void cache.set(keyOf(store, variant), text, takenAt + keepMs);
    },
  };
};

const POSITION = /^(-1|\d{1,20})$/;

const entryOf = <T>(value: z.ZodType<T>) =>
  z.strictObject({
    takenAt: z.int(),
    asOf: z.string().regex(POSITION),
    of: z.strictObject({
      of: z.strictObject({ generation: z.int().min(0), opened_at: z.string().regex(/^\d{1,16}$/) }),
      value,
      untilAt: z.int().nullable(),
    }),
  });

const parsed = <T>(schema: z.ZodType<T>, text: string): T | null => {
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
};
