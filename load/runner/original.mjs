import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { counted } from './judge.mjs';
import { root, startK6 } from './k6.mjs';
import { commitOf, inSummary, machine, versions, watchParts } from './parts.mjs';
import { report, resultsFolder } from './report.mjs';
import { auditShop, killsJudged, scheduleKills } from './scenario.mjs';
import { shopFile } from './shop.mjs';

const statistics = ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)', 'p(99)', 'count'];

/** The address fixed in seed 002's script. */
const FIXED_HOST = 'host.docker.internal:8080';

/**
 * Runs a k6 script from outside as it is: k6's own name mapping leads its fixed address to the shop, and 100 % of its
 * checks must hold. Then reads the states it left through the query API and audits. Returns whether all held.
 */
export const runOriginal = async (options) => {
  const { script, k6, shop, env, kills, running } = options;
  const startedAt = new Date();
  const name = basename(script).replace(/\.[jt]s$/, '');
  const folder = resultsFolder(`original-${name}`, startedAt);
  const exported = join(folder, 'k6.json');
  const flags = ['--config', configFile(folder, shop), '--summary-export', exported];
  const killed = [];
  const { child, ended } = startK6(k6, { script, env, flags, tag: basename(folder) });
  running.child = child;
  scheduleKills(shop, kills, Date.now(), killed);
  const partsOf = watchParts(() => [{ name: 'k6', pid: child.pid }, ...(shop.dataDir ? shopFile(shop).processes : [])]);
  const status = await ended;
  const parts = partsOf();
  const closing = await readStates(options, folder, startedAt);
  const audited = await auditShop(shop);
  const figures = figuresOf(exported);
  const own = { id: 'checks of the script', ok: figures.checksRate === 1, expected: '100 %', actual: `${figures.checksRate * 100} %` };
  const { requests } = closing?.counted ?? {};
  const sent = requests === undefined || kills.length > 0 ? [] : counted(figures, { requests });
  const states = closing?.identities ?? [{ id: 'states', ok: false, expected: 'read after the run', actual: 'none' }];
  const held = report({
    folder,
    scenario: basename(folder).replace(/-\d{4}-.*$/, ''),
    commit: commitOf(root),
    startedAt,
    figures,
    identities: [own, ...sent, ...states, ...(await killsJudged(shop, kills, killed))],
    refusals: {},
    auditViolations: audited.count,
    versions: versions(root, k6),
    machine: { ...machine(), parts: inSummary(parts) },
    plateauSeconds: 0,
  });
  console.log(`states: ${JSON.stringify(closing?.totals)}`);
  for (const violation of audited.violations)
    console.log(`audit: ${typeof violation === 'string' ? violation : JSON.stringify(violation)}`);
  if (status !== 0) console.log(`k6 ended with ${status}`);
  return held && status === 0 && audited.violations.length === 0;
};

/** A configuration file ranks below the script's own options, so it adds a name and a threshold and changes nothing. */
const configFile = (folder, shop) => {
  const { hostname, port } = new URL(shop.urls.edge);
  const address = `${hostname === 'localhost' ? '127.0.0.1' : hostname}:${port || '80'}`;
  const file = join(folder, 'k6-config.json');
  writeFileSync(
    file,
    JSON.stringify({ hosts: { [FIXED_HOST]: address }, thresholds: { checks: ['rate==1'] }, summaryTrendStats: statistics }),
  );
  return file;
};

const readStates = async ({ k6, shop, expect, running }, folder, startedAt) => {
  let closing = null;
  const lines = {
    closing: (rest) => {
      closing = JSON.parse(rest);
    },
  };
  const env = {
    BASE_URL: shop.urls.edge,
    COMMAND_URL: shop.urls.commands,
    QUERY_URL: shop.urls.queries,
    SUMMARY_FILE: join(folder, 'states.json'),
    STARTED_AT: String(startedAt.getTime()),
    ...(expect ? { EXPECT: expect } : {}),
  };
  const { child, ended } = startK6(k6, { script: join(root, 'load', 'states.ts'), env, tag: `${basename(folder)}-states`, lines });
  running.child = child;
  await ended;
  return closing;
};

/**
 * `--summary-export` has a form of its own. A script that declares `http_reqs` again counts each request twice, so requests
 * are counted by their durations.
 */
const figuresOf = (file) => {
  const { metrics } = JSON.parse(readFileSync(file, 'utf8'));
  const trends = Object.entries(metrics).filter(
    ([name, m]) => m['p(95)'] !== undefined && /_time$|^http_req_duration$|^iteration_duration$/.test(name),
  );
  const two = (n) => Math.round((n ?? 0) * 100) / 100;
  return {
    seconds: two(metrics.iterations ? metrics.iterations.count / metrics.iterations.rate : 0),
    requests: metrics.http_req_duration?.count ?? 0,
    plateauRequests: 0,
    iterations: metrics.iterations?.count ?? 0,
    checksRate: metrics.checks?.value ?? 0,
    failedRate: metrics.http_req_failed?.value ?? 0,
    droppedIterations: metrics.dropped_iterations?.count ?? 0,
    steps: Object.fromEntries(
      trends.map(([name, m]) => [name, { avg: two(m.avg), p50: two(m.med), p95: two(m['p(95)']), p99: two(m['p(99)']), max: two(m.max) }]),
    ),
  };
};
