import { expect, it } from '@jest/globals';
import { emptyCalls, type Figure } from './figure.ts';
import { summarize } from './summary.ts';

/** A run on a machine of some speed. */
const run = (speed: number): Figure[] => [
  { name: emptyCalls(64), subject: 'empty call', perSecond: 10_000 * speed },
  { name: 'appends', subject: 'client', perSecond: 5_000 * speed, clientCpuUs: 40 / speed, besideCalls: 64 },
  { name: 'appends', subject: 'in memory', perSecond: 50_000 * speed },
];

it('a row is the median of the runs, with the lowest and the highest', () => {
  const row = summarize([run(1), run(3), run(2)]).find(({ subject }) => subject === 'client');
  expect(row).toMatchObject({ name: 'appends', perSecond: 10_000, range: [5_000, 15_000], clientCpuUs: 20, serverCpuUs: undefined });
});

it('ratios are taken within one run, so that a machine that drifts does not show in them', () => {
  const row = summarize([run(1), run(10)]).find(({ subject }) => subject === 'client');
  expect(row).toMatchObject({ overCall: 0.5, overMemory: 0.1 });
});

it('of latencies the ratio says how much faster the subject is', () => {
  const latency = (p50: number) => ({ p50, p95: p50, p99: p50 });
  const figures: Figure[] = [
    { name: 'delivery', subject: 'client', latencyMs: latency(2) },
    { name: 'delivery', subject: 'in memory', latencyMs: latency(1) },
  ];
  expect(summarize([figures])[0]).toMatchObject({ overMemory: 0.5, overCall: undefined });
});

it('a reference is held against nothing', () => {
  const rows = summarize([run(1)]).filter(({ subject }) => subject !== 'client');
  expect(rows.map(({ overCall, overMemory }) => [overCall, overMemory])).toEqual([
    [undefined, undefined],
    [undefined, undefined],
  ]);
});

it('rows stand in the order of the first run, whatever the order of the others', () => {
  const names = ({ name, subject }: { name: string; subject: string }) => `${name} ${subject}`;
  expect(summarize([run(1), run(1).reverse()]).map(names)).toEqual(summarize([run(1)]).map(names));
});
