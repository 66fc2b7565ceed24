import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { demanded, queued, soaked } from './couponJudge.mjs';
import { scheduleFaults } from './faults.mjs';
import { acknowledged, beaten, counted, peaks, refusals, told } from './judge.mjs';
import { root, startK6 } from './k6.mjs';
import { commitOf, inSummary, machine, versions, watchParts } from './parts.mjs';
import { report, resultsFolder } from './report.mjs';
import { audit, countDeadLetters, killPart, shopFile } from './shop.mjs';

/** Seconds at full load of the scenarios that have a plateau. */
const PLATEAU_S = 120;
/** "At once": this part of the shoppers of a run of one visit each must be under way together. */
const AT_ONCE = 250 / 300;

/** Runs one scenario of `load/`, judges it, writes its summary. Returns whether all held. */
export const runScenario = async (options) => {
  const { script, k6, shop, kills, running } = options;
  const scenario = basename(script, '.ts');
  const startedAt = new Date();
  const folder = resultsFolder(scenario, startedAt);
  const heard = { visits: [], closing: null, kills: [], lag: [], faults: { judged: async () => [] } };
  const lines = {
    flights: (rest) => heard.visits.push(JSON.parse(rest)),
    closing: (rest) => {
      heard.closing = JSON.parse(rest);
    },
    lag: (rest) => heard.lag.push(JSON.parse(rest)),
    shoppers: (rest) => {
      const startAt = Number(rest.split(' ').at(-1));
      scheduleKills(shop, kills, startAt, heard.kills);
      heard.faults = scheduleFaults(shop, options, startAt);
    },
  };
  console.log(`running ${scenario} …`);
  const { child, ended } = startK6(k6, { script, env: environment(options, folder), tag: basename(folder), lines });
  running.child = child;
  const servers = shop.servers ?? [];
  const ours = () => servers.map((server) => ({ name: server.name, pid: server.pid() }));
  const partsOf = watchParts(() => [{ name: 'k6', pid: child.pid }, ...ours(), ...(shop.dataDir ? shopFile(shop).processes : [])]);
  const status = await ended;
  const parts = partsOf();
  const faults = await heard.faults.judged();
  const audited = await auditShop(shop);
  const figures = figuresOf(folder, status);
  const coupons = await couponsJudged(shop, figures, heard, { audited, parts });
  const identities = [...judge(figures, heard), ...coupons, ...faults, ...(await killsJudged(shop, kills, heard.kills))];
  const held = report({
    folder,
    scenario,
    commit: commitOf(root),
    startedAt,
    figures,
    identities,
    refusals: refusals(figures.counters),
    auditViolations: audited.count,
    versions: versions(root, k6, servers),
    machine: { ...machine(), parts: inSummary(parts) },
    plateauSeconds: Math.max(1, Math.round(PLATEAU_S * figures.scale)),
    lag: heard.lag,
  });
  for (const violation of audited.violations)
    console.log(`audit: ${typeof violation === 'string' ? violation : JSON.stringify(violation)}`);
  if (status !== 0) console.log(`k6 ended with ${status}`);
  return held && status === 0 && audited.violations.length === 0;
};

/** Audits a shop started here, or one whose data the environment names; any other cannot be audited from outside. */
export const auditShop = async (shop) => {
  if (!shop.env && !process.env.DATA_DIR) return { count: null, violations: [], report: null };
  return audit(shop.env ?? process.env);
};

const environment = (options, folder) => ({
  BASE_URL: options.shop.urls.edge,
  COMMAND_URL: options.shop.urls.commands,
  QUERY_URL: options.shop.urls.queries,
  ...addresses(options.shop),
  SUMMARY_FILE: join(folder, 'k6.json'),
  FLIGHTS: '1',
  ...([options.kills, options.outages, options.rebalances].some((faults) => faults.length > 0) ? { FAULTS: '1' } : {}),
  ...options.env,
});

/** All gRPC servers, and who tells how the queue stands; of a shop that runs elsewhere only what its variables say. */
const addresses = (shop) => {
  if (!shop.dataDir) return {};
  const { processes } = shopFile(shop);
  const host = new URL(shop.urls.edge).hostname;
  const grpc = processes.flatMap(({ ports }) => (ports.grpc === undefined ? [] : [`${host}:${ports.grpc}`]));
  const worker = processes.find(({ ports }) => ports.worker !== undefined);
  return {
    ...(grpc.length > 0 ? { GRPC_ADDR: grpc.join(',') } : {}),
    ...(worker ? { WORKER_URL: `http://${host}:${worker.ports.worker}` } : {}),
  };
};

/** What is judged of coupon runs alone; nothing for the others. */
const couponsJudged = async (shop, { counters }, { closing, lag }, { audited, parts }) => {
  const { coupons, soak } = closing ?? {};
  if (!coupons) return [];
  // Only a shop of its own has had no other queued requests.
  const proof = coupons.asked === 'request' && shop.child && audited.report;
  return [
    demanded(counters, coupons),
    ...(proof ? queued(counters, coupons, audited.report, await countDeadLetters(shop.env)) : []),
    ...(soak ? soaked(soak, parts, lag) : []),
  ];
};

/** Kills by the clock of the run: seconds after the shoppers set out. */
export const scheduleKills = (shop, kills, startAt, killed) => {
  for (const { part, seconds } of kills) {
    setTimeout(
      () => {
        try {
          const pid = killPart(shop, part);
          killed.push({ part, pid });
          console.log(`kill -9 ${part} (pid ${pid}), ${seconds} s after the start`);
        } catch (error) {
          console.log(`kill of ${part} failed: ${error.message}`);
        }
      },
      Math.max(0, startAt + seconds * 1_000 - Date.now()),
    );
  }
};

/** The supervisor promises another process within 2 s; it has to listen, too. */
const RESTART_MAX_MS = 10_000;
const LOOK_EVERY_MS = 100;

/** A kill counts only when it hit, and the supervisor must put another process in the place, also after the last shopper left. */
export const killsJudged = (shop, kills, killed) =>
  Promise.all(
    kills.map(async ({ part }, i) => {
      const pid = killed[i]?.pid;
      const pidNow = () => shopFile(shop).processes.find((process_) => process_.name === part)?.pid;
      const isBack = () => pid !== undefined && pidNow() !== undefined && pidNow() !== pid;
      const until = Date.now() + RESTART_MAX_MS;
      while (pid !== undefined && !isBack() && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      const actual = `pid ${pid ?? 'not killed'}, now ${pidNow() ?? 'none'}`;
      return { id: `kill -9 ${part}`, ok: isBack(), expected: 'killed and restarted', actual };
    }),
  );

const figuresOf = (folder, status) => {
  try {
    return JSON.parse(readFileSync(join(folder, 'k6.json'), 'utf8'));
  } catch {
    throw new Error(`k6 ended with ${status} and left no summary`);
  }
};

const judge = (figures, { closing, visits }) => {
  const missed = figures.missedThresholds.map((line) => ({ id: 'threshold', ok: false, expected: line, actual: 'missed' }));
  if (!closing) return [{ id: 'K1', ok: false, expected: 'a state read in teardown', actual: 'none' }, ...missed];
  return [
    ...closing.identities,
    ...acknowledged(figures.counters, closing.totals),
    ...counted(figures, closing.counted),
    ...beaten(figures, closing.beaten),
    ...atOnce(figures, visits),
    ...missed,
  ];
};

/** Runs whose visits tell when they were under way; those at a rate do not. */
const atOnce = (figures, visits) => {
  if (visits.length === 0) return [];
  const { shoppers, requests } = peaks(visits);
  const least = figures.plateauRequests > 0 ? 1 : Math.floor(visits.length * AT_ONCE);
  const actual = `${told(shoppers)} shoppers, ${told(requests)} requests in flight`;
  return [{ id: 'K13 at once', ok: shoppers >= least, expected: `${told(least)} shoppers`, actual }];
};
