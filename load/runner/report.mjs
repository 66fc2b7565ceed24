import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { overflow } from './couponJudge.mjs';
import { told } from './judge.mjs';
import { root } from './k6.mjs';

/** A folder for one run's results; its name is also the run's tag. */
export const resultsFolder = (scenario, startedAt) => {
  const folder = join(root, 'load', 'results', `${scenario}-${startedAt.toISOString().replace(/[:.]/g, '-')}`);
  mkdirSync(folder, { recursive: true });
  return folder;
};

const perSecond = (n, seconds) => (seconds > 0 ? Math.round((n / seconds) * 10) / 10 : 0);

/** Writes `summary.json` and prints the table. Returns whether every identity holds and no audit violation was found. */
export const report = ({
  folder,
  scenario,
  commit,
  startedAt,
  figures,
  identities,
  refusals,
  auditViolations,
  versions,
  machine,
  plateauSeconds,
  lag = [],
}) => {
  const summary = {
    scenario,
    commit,
    startedAt: startedAt.toISOString(),
    seconds: figures.seconds,
    requests: figures.requests,
    requestsPerSecond: perSecond(figures.requests, figures.seconds),
    plateauRequestsPerSecond: figures.plateauRequests > 0 ? perSecond(figures.plateauRequests, plateauSeconds) : null,
    iterations: figures.iterations,
    checksRate: figures.checksRate,
    failedRate: figures.failedRate,
    droppedIterations: figures.droppedIterations,
    steps: figures.steps,
    ...(figures.stages?.length > 0 ? { stages: figures.stages } : {}),
    ...(lag.length > 0 ? { lag } : {}),
    refusals,
    identities,
    auditViolations,
    versions,
    machine,
  };
  writeFileSync(join(folder, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
  print(summary);
  const misses = identities.filter(({ ok }) => !ok).length;
  console.log(`\n${identities.length - misses} of ${identities.length} identities hold, ${auditLine(auditViolations)}`);
  console.log(`written to ${join(folder, 'summary.json')}`);
  return misses === 0 && (auditViolations ?? 0) === 0;
};

const auditLine = (violations) => (violations === null ? 'not audited' : `${violations} audit violations`);

/** The stages of a ramp, which of them had most requests a second, and from which on the queue did not run empty. */
const printStages = ({ stages = [], lag = [] }) => {
  for (const { name, requestsPerSecond, avg, p95, max, lagMin, lagMax } of stages) {
    const waiting = lagMax === undefined ? '' : `, lag ${told(lagMin)} to ${told(lagMax)}`;
    console.log(`stage ${name.padEnd(14)} ${told(requestsPerSecond).padStart(10)}/s, avg ${avg}, p95 ${p95}, max ${max} ms${waiting}`);
  }
  const best = stages.reduce((most, stage) => (stage.requestsPerSecond > (most?.requestsPerSecond ?? 0) ? stage : most), null);
  if (best) console.log(`most requests a second in stage ${best.name}`);
  if (lag.length === 0) return;
  console.log(
    `lag at most ${told(Math.max(...lag.map(([, waiting]) => waiting)))}; it did not return to 0 in stage: ${overflow(stages) ?? 'none'}`,
  );
};

const print = (summary) => {
  const { requests, seconds, requestsPerSecond, plateauRequestsPerSecond, iterations } = summary;
  const percent = (rate) => `${Math.round(rate * 10_000) / 100} %`;
  console.log(`\n${summary.scenario}: ${told(requests)} requests, ${told(iterations)} iterations in ${seconds} s`);
  console.log(
    `${requestsPerSecond} requests/s${plateauRequestsPerSecond === null ? '' : `, ${plateauRequestsPerSecond} on the plateau`}, ` +
      `${perSecond(iterations, seconds)} iterations/s, checks ${percent(summary.checksRate)}, failed ${percent(summary.failedRate)}`,
  );
  const columns = ['avg', 'p50', 'p95', 'p99', 'max'];
  console.log(`\n${'step (ms)'.padEnd(24)}${columns.map((column) => column.padStart(10)).join('')}`);
  for (const [step, times] of Object.entries(summary.steps)) {
    console.log(`${step.padEnd(24)}${columns.map((column) => told(times[column]).padStart(10)).join('')}`);
  }
  printStages(summary);
  console.log(
    `\nrefusals: ${
      Object.entries(summary.refusals)
        .map(([problem, n]) => `${problem} ${told(n)}`)
        .join(', ') || 'none'
    }\n`,
  );
  for (const { id, ok, expected, actual } of summary.identities) {
    console.log(
      `${ok ? 'OK  ' : 'MISS'}  ${id.padEnd(40)} ${actual === 'so' || actual === expected ? expected : `${expected} | ${actual}`}`,
    );
  }
  for (const [name, part] of Object.entries(summary.machine.parts ?? {})) {
    console.log(
      `${name.padEnd(16)} ${String(part.cpuSeconds).padStart(8)} s CPU ${told(Math.round(part.peakBytes / 2 ** 20)).padStart(8)} MiB at most`,
    );
  }
};
