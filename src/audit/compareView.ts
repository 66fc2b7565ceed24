import type { Queries } from '../platform/postgres.ts';
import type { Books } from './books.ts';
import type { Findings } from './findings.ts';
import type { Expected, Row, View } from './views.ts';

/** Rows that are in memory at once. */
const PAGE_ROWS = 2_000;

/** `rows`: those the view has. `differences`: rows that are wrong, missing or too many. */
export type Compared = Readonly<{ rows: number; differences: number }>;

/** Holds every row of a view against the books, page by page, inside the transaction given. */
export const compareView = async (tx: Queries, view: View, books: Books, findings: Findings): Promise<Compared> => {
  const expected = view.expected(books);
  const missing = new Set(expected.keys());
  let rows = 0;
  let differences = 0;
  await tx.query(`declare audited no scroll cursor for select * from ${view.name}`);
  for (;;) {
    const page = (await tx.query<Row>(`fetch forward ${PAGE_ROWS} from audited`)).rows;
    if (page.length === 0) break;
    rows += page.length;
    for (const row of page) if (!matches(view, expected, missing, row, findings)) differences += 1;
  }
  await tx.query('close audited');
  for (const key of missing) findings.report('I17', `${view.name} ${key}`, 'a row', 'none');
  return { rows, differences: differences + missing.size };
};

const matches = (view: View, expected: Expected, missing: Set<string>, actual: Row, findings: Findings): boolean => {
  const key = view.key.map((column) => textOf(actual[column])).join(' ');
  const due = expected.row(key);
  if (due === undefined || !missing.delete(key)) {
    findings.report('I17', `${view.name} ${key}`, due === undefined ? 'no row' : 'one row', 'a row more');
    return false;
  }
  let same = true;
  for (const column of Object.keys(due)) {
    const [wanted, found] = [textOf(due[column]), textOf(actual[column])];
    if (wanted === found) continue;
    findings.report('I17', `${view.name} ${key}: ${column}`, wanted, found);
    same = false;
  }
  return same;
};

/** One text for a value of the books and the same value from Postgres: times in milliseconds, JSON with its members in order. */
const textOf = (value: unknown): string => {
  if (value instanceof Date) return String(value.getTime());
  if (typeof value === 'object' && value !== null) return JSON.stringify(value, inOrder);
  return String(value);
};

const inOrder = (_name: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;
