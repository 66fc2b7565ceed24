import { emptyCalls, type Figure, type Subject } from './figure.ts';
import { median, medianOfKnown } from './statistics.ts';

/** The figures of one name and subject over all runs: medians, and how far the runs lie apart. */
export type Row = Readonly<{
  name: string;
  subject: Subject;
  perSecond: number | undefined;
  /** Lowest and highest of the runs. */
  range: readonly [number, number] | undefined;
  latencyMs: Figure['latencyMs'] | undefined;
  clientCpuUs: number | undefined;
  serverCpuUs: number | undefined;
  /** Its speed in that of the reference, within one run: the rates' ratio, or for mere latencies that of the reference's to its own. */
  overMemory: number | undefined;
  overCall: number | undefined;
}>;

const ratio = (figure: Figure, reference: Figure | undefined): number | undefined => {
  if (reference === undefined) return undefined;
  if (figure.perSecond !== undefined && reference.perSecond !== undefined) return figure.perSecond / reference.perSecond;
  if (figure.latencyMs === undefined || reference.latencyMs === undefined) return undefined;
  return reference.latencyMs.p50 / figure.latencyMs.p50;
};

const find = (run: readonly Figure[], name: string, subject: Subject): Figure | undefined =>
  run.find((figure) => figure.name === name && figure.subject === subject);

const summarizeOne = (runs: readonly (readonly Figure[])[], name: string, subject: Subject): Row => {
  const found = runs.flatMap((run) => {
    const figure = find(run, name, subject);
    return figure === undefined ? [] : [{ figure, run }];
  });
  const figures = found.map(({ figure }) => figure);
  const rates = figures.flatMap(({ perSecond }) => perSecond ?? []);
  const latencies = figures.flatMap(({ latencyMs }) => latencyMs ?? []);
  const isReference = subject === 'in memory' || subject === 'empty call';
  const over = (reference: (figure: Figure, run: readonly Figure[]) => Figure | undefined): number | undefined =>
    isReference ? undefined : medianOfKnown(found.map(({ figure, run }) => ratio(figure, reference(figure, run))));
  return {
    name,
    subject,
    perSecond: medianOfKnown(rates),
    range: rates.length === 0 ? undefined : [Math.min(...rates), Math.max(...rates)],
    latencyMs:
      latencies.length === 0
        ? undefined
        : {
            p50: median(latencies.map((one) => one.p50)),
            p95: median(latencies.map((one) => one.p95)),
            p99: median(latencies.map((one) => one.p99)),
          },
    clientCpuUs: medianOfKnown(figures.map(({ clientCpuUs }) => clientCpuUs)),
    serverCpuUs: medianOfKnown(figures.map(({ serverCpuUs }) => serverCpuUs)),
    overMemory: over((_, run) => find(run, name, 'in memory')),
    overCall: over(({ besideCalls = 0 }, run) => find(run, emptyCalls(besideCalls), 'empty call')),
  };
};

/** One row for each name and subject, those of one name together, in the order of the first run. */
export const summarize = (runs: readonly (readonly Figure[])[]): Row[] => {
  const first = runs[0] ?? [];
  const names = [...new Set(first.map(({ name }) => name))];
  return names.flatMap((name) => first.filter((figure) => figure.name === name).map(({ subject }) => summarizeOne(runs, name, subject)));
};
