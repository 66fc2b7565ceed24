import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { maskPasswords, parseServerConfig, reachableHost } from '../platform/config.ts';
import type { ChildSpec } from './child.ts';
import { seed } from './seed.ts';
import { type OpenShop, runShop, urlsOf } from './shop.ts';
import { runFolder, type Urls } from './shopFile.ts';

/** Milliseconds from the last child's start until the shop answers that it is ready. */
const READY_MAX_MS = 120_000;
const READY_POLL_MS = 50;
const PROBE_MAX_MS = 2_000;
/** Milliseconds that a database may stay out of reach at the start. */
const DATABASE_MAX_MS = 60_000;
const DATABASE_POLL_MS = 500;
/** Errors of a database that is not there yet. */
const NOT_YET: readonly string[] = ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', '57P03'];

const main = fileURLToPath(new URL(`./main${extname(import.meta.url)}`, import.meta.url));

/** `command` is what `till` runs under this name. */
const specOf = (dataDir: string, name: string, env: NodeJS.ProcessEnv = {}, command = name): ChildSpec => ({
  name,
  module: main,
  args: [command],
  env: { ...process.env, DATA_DIR: dataDir, ...env },
  logFile: join(dataDir, 'logs', `${name}.log`),
});

const pause = (ms: number): Promise<void> => new Promise((wake) => setTimeout(wake, ms));

const migrated = async (databaseUrl: string): Promise<void> => {
  const { migrate } = await import('../platform/migrate.ts');
  const until = performance.now() + DATABASE_MAX_MS;
  for (;;) {
    try {
      return await migrate(databaseUrl);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (!NOT_YET.includes(code) || performance.now() > until) throw error;
      await pause(DATABASE_POLL_MS);
    }
  }
};

const isReady = async (edge: string): Promise<boolean> => {
  try {
    const answer = await fetch(`${edge}/health/ready`, { signal: AbortSignal.timeout(PROBE_MAX_MS) });
    await answer.body?.cancel();
    return answer.status === 200;
  } catch {
    return false;
  }
};

const untilReady = async (edge: string): Promise<void> => {
  const until = performance.now() + READY_MAX_MS;
  while (!(await isReady(edge))) {
    if (performance.now() > until) throw new Error(`not ready within ${READY_MAX_MS / 1_000} s: see ${edge}/health/ready`);
    await pause(READY_POLL_MS);
  }
};

/** Those that were not given by URL. */
const startStores = async ({ config, dataDir, supervisor, progress }: OpenShop): Promise<void> => {
  const missing = [...(config.databaseUrl === null ? ['postgres'] : []), ...(config.eventStoreUrl === null ? ['event-store'] : [])];
  progress.step(missing.length === 0 ? 'using the stores that were given' : `starting ${missing.join(' and ')}`);
  await Promise.all(missing.map((name) => supervisor.start(specOf(dataDir, name))));
};

/** Works line by line, also in separate shells: the second keeps the answer's headers, the third sends the read token on. */
const linesToTry = (edge: string, dataDir: string): string => {
  const headers = `'${join(runFolder(dataDir), 'order.headers')}'`;
  const json = "-H 'Content-Type: application/json'";
  return [
    `curl -s -X POST ${edge}/users/u1/balance ${json} -d '{"amount":10000}'`,
    `curl -s -D ${headers} -X POST ${edge}/orders ${json} -d '{"userId":"u1","couponId":null,"items":[{"productId":"p1","quantity":1}]}'`,
    `curl -s ${edge}/users/u1/balance -H "$(grep -i '^read-after:' ${headers} | tr -d '\\r')"`,
  ].join('\n');
};

/** Without passwords: what is printed ends up in files that others read. `shop.json` has the URLs whole, for its owner only. */
const announce = ({ dataDir }: OpenShop, { edge = '', commands, queries, grpc, eventStore, postgres }: Urls): void => {
  const addresses = `edge=${edge} commands=${commands} queries=${queries} grpc=${grpc} eventstore=${eventStore} postgres=${postgres}`;
  process.stdout.write(`ready ${maskPasswords(addresses)}\n\nTry:\n${linesToTry(edge, dataDir)}\n\n`);
};

/** How many command and query APIs run in processes of their own, behind an edge. */
export type Apart = Readonly<{ commandApis: number; queryApis: number }>;

/** Behind the edge every caller has its address: callers are told apart where they come in. */
const BEHIND_THE_EDGE = { RATE_LIMIT_REQUESTS: '0' } as const;

/** The first of a kind takes the configured port, the others any that is free. The query side is told of no event store. */
const startApart = async (
  { config, dataDir, supervisor }: OpenShop,
  env: NodeJS.ProcessEnv,
  { commandApis, queryApis }: Apart,
): Promise<void> => {
  const specs = (command: string, count: number, portVariables: readonly string[], more: NodeJS.ProcessEnv = {}): ChildSpec[] =>
    Array.from({ length: count }, (_, i) => {
      const ports = i === 0 ? {} : Object.fromEntries(portVariables.map((name) => [name, '0']));
      return specOf(dataDir, `${command}-${i + 1}`, { ...env, ...BEHIND_THE_EDGE, ...ports, ...more }, command);
    });
  const apis = [
    ...specs('command-api', commandApis, ['COMMAND_PORT', 'GRPC_PORT']),
    ...specs('query-api', queryApis, ['QUERY_PORT'], { EVENTSTORE_URL: '' }),
  ];
  await Promise.all(apis.map((spec) => supervisor.start(spec)));
  const urlsBy = (port: 'command' | 'query'): string =>
    supervisor.processes
      .flatMap(({ ports }) => (ports[port] === undefined ? [] : [`http://${reachableHost(config.host)}:${ports[port]}`]))
      .join(',');
  await supervisor.start(specOf(dataDir, 'edge', { COMMAND_URLS: urlsBy('command'), QUERY_URLS: urlsBy('query') }));
};

/** Everything in order: stores, tables, projector and APIs, catalogue. What callers reach stands last, so it is stopped first. */
const bringUp = async (shop: OpenShop, apart: Apart | null): Promise<void> => {
  const { dataDir, supervisor, progress } = shop;
  await startStores(shop);
  const { eventStore = '', postgres = '' } = urlsOf(shop);
  progress.step('bringing the tables up to date');
  await migrated(postgres);
  progress.step('starting projector and api');
  const env = { EVENTSTORE_URL: eventStore, DATABASE_URL: postgres, EVENTSTORE_URL_FILE: '', DATABASE_URL_FILE: '' };
  // One after the other: the projector makes the tables of its views before it listens, and the APIs read them.
  await supervisor.start(specOf(dataDir, 'projector', env));
  // Where the queue is the event store's, whoever serves commands works it through itself.
  if (shop.config.kafkaBrokers.length > 0) await supervisor.start(specOf(dataDir, 'coupon-worker', env));
  if (apart === null) await supervisor.start(specOf(dataDir, 'api', env));
  else await startApart(shop, env, apart);
  progress.step('waiting until all is ready');
  const urls = urlsOf(shop);
  await untilReady(urls.edge ?? '');
  progress.step('filling the catalogue');
  await seed(urls.commands ?? '').catch((error: Error) => progress.note(`the catalogue is incomplete: ${error.message}`));
  progress.done();
  announce(shop, urls);
};

const STEPS = 5;

/** Runs the whole shop on this machine until a signal; answers the exit status. */
export const up = (apart: Apart | null): Promise<number> => runShop(parseServerConfig(process.env), STEPS, (shop) => bringUp(shop, apart));
