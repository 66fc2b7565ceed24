import type { Row } from './summary.ts';

type Column = Readonly<{ head: string; cell: (row: Row) => string; isText?: boolean }>;

const whole = (value: number | undefined): string => (value === undefined ? '' : Math.round(value).toLocaleString('en-US'));
const fixed = (value: number | undefined, digits: number): string => (value === undefined ? '' : value.toFixed(digits));
const milliseconds = (value: number | undefined): string => fixed(value, 3);
const ratio = (value: number | undefined): string => (value === undefined ? '' : value.toPrecision(2));

const COLUMNS: readonly Column[] = [
  { head: 'measured', cell: ({ name }) => name, isText: true },
  { head: 'of', cell: ({ subject }) => subject, isText: true },
  { head: 'per second', cell: ({ perSecond }) => whole(perSecond) },
  { head: 'lowest - highest', cell: ({ range }) => (range === undefined ? '' : `${whole(range[0])} - ${whole(range[1])}`) },
  { head: 'p50 ms', cell: ({ latencyMs }) => milliseconds(latencyMs?.p50) },
  { head: 'p95 ms', cell: ({ latencyMs }) => milliseconds(latencyMs?.p95) },
  { head: 'p99 ms', cell: ({ latencyMs }) => milliseconds(latencyMs?.p99) },
  { head: 'client us', cell: ({ clientCpuUs }) => fixed(clientCpuUs, 1) },
  { head: 'server us', cell: ({ serverCpuUs }) => fixed(serverCpuUs, 1) },
  { head: 'x memory', cell: ({ overMemory }) => ratio(overMemory) },
  { head: 'x empty call', cell: ({ overCall }) => ratio(overCall) },
];

/** The rows as lines of text, below a line of heads; texts to the left, numbers to the right. */
export const table = (rows: readonly Row[]): string[] => {
  const cells = [COLUMNS.map(({ head }) => head), ...rows.map((row) => COLUMNS.map(({ cell }) => cell(row)))];
  const widths = COLUMNS.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  const pad = (text: string, column: number): string => {
    const width = widths[column] ?? 0;
    return COLUMNS[column]?.isText === true ? text.padEnd(width) : text.padStart(width);
  };
  return cells.map((line) => line.map(pad).join('  ').trimEnd());
};
