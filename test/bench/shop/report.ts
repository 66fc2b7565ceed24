import { median, percentile } from '../eventStore/statistics.ts';
import type { Figure } from './measure.ts';
import type { SubjectName } from './options.ts';
import { ROWS, type RowName, rows } from './requests.ts';

const TITLES: Readonly<Record<SubjectName, string>> = {
  shop: 'shop',
  other: 'other shop',
  bare: 'bare Express',
  crud: 'plain CRUD',
  tuned: 'tuned CRUD',
};
/** Columns of CPU time, in the order of a request's way. */
const PARTS = ['api', 'event-store', 'projector', 'postgres', 'generator'] as const;
const HEADS = [
  '',
  'per second',
  'lowest - highest',
  'shop is x',
  'p50 ms',
  'p95 ms',
  'p99 ms',
  'failed',
  'view lag p99',
  ...PARTS.map((part) => `${part} us`),
];

/** The figures of one row and subject over all runs: medians, and how far the runs lie apart. */
export type Line = Readonly<{
  row: RowName;
  subject: SubjectName;
  perSecond: number;
  range: readonly [number, number];
  /** How many times the shop did as much, run by run. */
  shopIs: number | null;
  latencyMs: Figure['latencyMs'];
  /** In all runs together. */
  failed: number;
  /** Of the looks of all runs together. */
  viewLagP99Ms: number | null;
  cpuUs: Readonly<Record<string, number>>;
}>;

const lineOf = (row: RowName, subject: SubjectName, figures: readonly Figure[], shop: readonly Figure[]): Line => {
  const of = (value: (figure: Figure) => number): number => median(figures.map(value));
  const rates = figures.map(({ perSecond }) => perSecond);
  const lags = figures.flatMap(({ viewLagsMs }) => viewLagsMs);
  const ratios = figures.flatMap(({ perSecond }, run) => (shop[run] === undefined ? [] : [shop[run].perSecond / perSecond]));
  const parts = PARTS.filter((part) => figures[0]?.cpuUs[part] !== undefined);
  return {
    row,
    subject,
    perSecond: median(rates),
    range: [Math.min(...rates), Math.max(...rates)],
    shopIs: subject === 'shop' || ratios.length === 0 ? null : median(ratios),
    latencyMs: {
      p50: of(({ latencyMs }) => latencyMs.p50),
      p95: of(({ latencyMs }) => latencyMs.p95),
      p99: of(({ latencyMs }) => latencyMs.p99),
    },
    failed: figures.reduce((sum, { failed }) => sum + failed, 0),
    viewLagP99Ms: lags.length === 0 ? null : percentile(lags, 0.99),
    cpuUs: Object.fromEntries(parts.map((part) => [part, of(({ cpuUs }) => cpuUs[part] ?? 0)])),
  };
};

/** One line for each row and subject that was measured, those of one row together. */
export const linesOf = (figures: readonly Figure[], subjects: readonly SubjectName[]): Line[] =>
  ROWS.flatMap((row) => {
    const ofRow = (subject: SubjectName) => figures.filter((figure) => figure.row === row && figure.subject === subject);
    return subjects.filter((subject) => ofRow(subject).length > 0).map((subject) => lineOf(row, subject, ofRow(subject), ofRow('shop')));
  });

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
const short = (value: number): string => (value < 10 ? value.toFixed(1) : whole(value));

const cellsOf = ({ subject, perSecond, range, shopIs, latencyMs, failed, viewLagP99Ms, cpuUs }: Line): string[] => [
  `  ${TITLES[subject]}`,
  whole(perSecond),
  `${whole(range[0])} - ${whole(range[1])}`,
  shopIs === null ? '' : shopIs.toFixed(2),
  short(latencyMs.p50),
  short(latencyMs.p95),
  short(latencyMs.p99),
  whole(failed),
  viewLagP99Ms === null ? '' : `${whole(viewLagP99Ms)} ms`,
  ...PARTS.map((part) => (cpuUs[part] === undefined ? '' : whole(cpuUs[part]))),
];

/** The lines as text below a line of heads: a title for each row, then its subjects. */
export const tableOf = (lines: readonly Line[]): string[] => {
  const cells = lines.map(cellsOf);
  const widths = HEADS.map((head, column) => Math.max(head.length, ...cells.map((line) => line[column]?.length ?? 0)));
  const text = (line: readonly string[]): string =>
    line
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  return [
    text(HEADS),
    ...lines.flatMap(({ row }, i) => [...(lines[i - 1]?.row === row ? [] : ['', rows[row].title]), text(cells[i] ?? [])]),
  ];
};
