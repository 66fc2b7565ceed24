import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { temporaryFolder } from '../../proof/temporaryFolder.ts';
import type { Parts } from './cpu.ts';

/** Milliseconds until a server must answer; making a new Postgres cluster is part of it. */
const READY_MAX_MS = 120_000;

/** Something that is measured: where it answers, and the processes it is made of. */
export type Server = Readonly<{ url: string; parts: Parts; stop: () => Promise<void> }>;
export type Shop = Server & Readonly<{ postgres: string; postgresPid: number }>;

const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGTERM');
});

/** Runs a program of Node and waits for its ready line. @throws when it ends before. */
const start = async (args: readonly string[], env: NodeJS.ProcessEnv) => {
  const child = spawn(process.execPath, args, { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  let said = '';
  child.stderr.on('data', (chunk) => {
    said = (said + String(chunk)).slice(-4_000);
  });
  const lines = createInterface({ input: child.stdout });
  const gone = once(child, 'exit').then(() => ['']);
  const [line] = (await Promise.race([once(lines, 'line', { signal: AbortSignal.timeout(READY_MAX_MS) }), gone])) as [string];
  const url = /^ready (?:edge=)?(http:\S+)/.exec(line)?.[1];
  if (url === undefined) throw new Error(`${args.join(' ')} did not get ready: ${line}\n${said}`);
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  return { pid: child.pid as number, url, stop };
};

const ANY_PORTS = Object.fromEntries(
  ['EDGE', 'COMMAND', 'QUERY', 'PROJECTOR', 'EVENTSTORE', 'POSTGRES', 'GRPC', 'WORKER'].map((name) => [`${name}_PORT`, '0']),
);

type Told = Readonly<{ processes: readonly Readonly<{ name: string; pid: number }>[]; urls: Readonly<{ postgres?: string }> }>;

/** The whole shop, as `till up` starts it, on free ports and a new folder. `main`: its `cli/main.js`. */
export const startShop = async (main: string, env: NodeJS.ProcessEnv = {}): Promise<Shop> => {
  const folder = temporaryFolder('bench-shop');
  const { url, stop } = await start([main, 'up'], { ...ANY_PORTS, DATA_DIR: folder, ENABLE_TEST_ENDPOINTS: '1', ...env });
  const { processes, urls } = JSON.parse(readFileSync(join(folder, 'run', 'shop.json'), 'utf8')) as Told;
  const parts = Object.fromEntries(processes.map(({ name, pid }) => [name, pid]));
  const { postgres: postgresPid } = parts;
  if (urls.postgres === undefined || postgresPid === undefined) throw new Error('the benchmark needs a Postgres of the shop itself');
  return { url, parts, stop, postgres: urls.postgres, postgresPid };
};

/** A peer on a database of its own in the Postgres of a shop. */
export const startPeer = async (main: string, name: string, { postgres, postgresPid }: Shop): Promise<Server> => {
  const database = `bench_${name}`;
  const client = new pg.Client({ connectionString: postgres });
  await client.connect();
  await client.query(`create database ${database}`);
  await client.end();
  const own = new URL(postgres);
  own.pathname = database;
  const { pid, url, stop } = await start([main, name], { DATABASE_URL: own.href });
  return { url, stop, parts: name === 'bare' ? { api: pid } : { api: pid, postgres: postgresPid } };
};
