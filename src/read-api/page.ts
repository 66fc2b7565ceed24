import { z } from 'zod';
import { cursorOf, keyOf } from './cursor.ts';

/** Rows of a list at most. */
export const PAGE_MAX = 100;

/** Part of a list: a JSON array, and the cursor of the next page when more follow. */
export const page = z.strictObject({ items: z.string(), next: z.string().nullable() }).readonly();
export type Page = z.output<typeof page>;

/** What `allOf` yields: null where there are no rows. */
export type ItemsRow = Readonly<{ items: string | null; keys: string | null }>;
/** What `oneOf` yields: null when there is no such row. */
export type ItemRow = Readonly<{ item: string | null }>;

/** Between two items, and between two keys: JSON escapes it, keys do not know it. */
const SEPARATOR = '\x1e';

/** All `item` and `key` texts of `rows` in one row, in the order in which they come. */
export const allOf = (rows: string): string =>
  `select string_agg(item, E'\\x1e') as items, string_agg(key, E'\\x1e') as keys from (${rows}) rows`;

/** The `item` of the one row of `rows`, in a row that is always there. */
export const oneOf = (rows: string): string => `select (${rows}) as item`;

export const split = (texts: string | null): readonly string[] => texts?.split(SEPARATOR) ?? [];

/** A page out of up to `limit` + 1 rows: the one too many tells that more follow. A key has its parts parted by dots. */
export const pageOf = (list: string, { items, keys }: ItemsRow, limit: number): Page => {
  const rows = split(items);
  if (rows.length <= limit) return { items: `[${rows.join(',')}]`, next: null };
  const last = split(keys)[limit - 1] as string;
  return { items: `[${rows.slice(0, limit).join(',')}]`, next: cursorOf(list, last) };
};

/** How much of a list is wanted, and behind which cursor. */
export type Paging = Readonly<{ limit: number; after?: string | undefined }>;

const SEQ_KEY = /^[1-9][0-9]{0,9}$/;
const SEQ_MAX = 2_147_483_647;

/** The last number seen of a list whose rows count 1, 2, 3 …; 0 without a cursor. */
export const seqAfter = (list: string, after: string | undefined): number =>
  Math.min(Number(keyOf(list, after, SEQ_KEY)?.[0] ?? 0), SEQ_MAX);
