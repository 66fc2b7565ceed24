import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './k6.mjs';

/** A first start may install, build and unpack Postgres. */
const START_MAX_MS = 300_000;
/** The supervisor promises 10 s for a graceful stop; then it is forced. */
const STOP_MAX_MS = 15_000;
const LOOK_EVERY_MS = 100;
const TAIL_LINES = 30;

const till = join(root, 'bin', 'till.mjs');
const portNames = ['EDGE', 'COMMAND', 'QUERY', 'GRPC', 'PROJECTOR', 'WORKER', 'EVENTSTORE', 'POSTGRES'];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Starts a shop of its own (`till up` with these options) on free ports with empty data, told of these servers, and waits until it is
 * ready. Throws with the tail of its log.
 */
export const startShop = async (options = [], servers = []) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'till-load-'));
  const ports = Object.fromEntries(portNames.map((name) => [`${name}_PORT`, '0']));
  const given = Object.assign({}, ...servers.map(({ variables }) => variables));
  const env = { ...process.env, ...given, ...ports, DATA_DIR: dataDir, ENABLE_TEST_ENDPOINTS: '1' };
  // Under npm a shop ends with it; this one ends when the runner says so, or stays with --keep.
  delete env.npm_lifecycle_event;
  const logFile = join(dataDir, 'up.log');
  const log = openSync(logFile, 'a');
  // A group of its own: Ctrl-C reaches the runner alone, which then stops the shop in order.
  const child = spawn(process.execPath, [till, 'up', ...options], { cwd: root, env, stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  const shop = { child, env, dataDir, logFile, servers };
  const until = Date.now() + START_MAX_MS;
  while (!isReady(shop)) {
    if (child.exitCode !== null || Date.now() > until) {
      const tail = readFileSync(logFile, 'utf8').trim().split('\n').slice(-TAIL_LINES).join('\n');
      await stopShop(shop);
      throw new Error(`the shop did not start:\n${tail}`);
    }
    await pause(LOOK_EVERY_MS);
  }
  return { ...shop, urls: shopFile(shop).urls };
};

const isReady = (shop) => existsSync(join(shop.dataDir, 'run', 'shop.json')) && /^ready edge=/m.test(readFileSync(shop.logFile, 'utf8'));

/** What the supervisor says now: processes with their present pids, and addresses. */
export const shopFile = (shop) => JSON.parse(readFileSync(join(shop.dataDir, 'run', 'shop.json'), 'utf8'));

/** Stops the shop as an operator would and removes its data. */
export const stopShop = async ({ child, dataDir }) => {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGTERM');
    const forced = setTimeout(() => child.kill('SIGKILL'), STOP_MAX_MS);
    await ended;
    clearTimeout(forced);
  }
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
};

/** `kill -9` of a named process; returns the pid it had. */
export const killPart = (shop, name) => {
  const { pid } = shopFile(shop).processes.find((process_) => process_.name === name) ?? {};
  if (!pid) throw new Error(`no process ${name} in shop.json: ${shopFile(shop).processes.map((p) => p.name)}`);
  process.kill(pid, 'SIGKILL');
  return pid;
};

/** What `till <args> --json` answers, `null` when it is no JSON; `text` is what was printed, `status` how it ended. */
const tillJson = async (args, env) => {
  const child = spawn(process.execPath, [till, ...args, '--json'], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const status = await new Promise((resolve) => child.once('close', resolve));
  try {
    return { answer: JSON.parse(text), text, status };
  } catch {
    return { answer: null, text, status };
  }
};

/** Folds the raw log and compares it with the views: the number of violations, what they say, and the whole report. */
export const audit = async (env) => {
  const { answer, text, status } = await tillJson(['audit'], env);
  if (answer?.violations) return { count: answer.violations.length, violations: answer.violations, report: answer, status };
  const unreadable = `till audit ended with ${status} and no readable answer: ${text.slice(0, 400)}`;
  return { count: null, violations: [unreadable], report: null, status };
};

/** How many messages were put aside; null when that cannot be read. */
export const countDeadLetters = async (env) => (await tillJson(['dlq', 'list'], env)).answer?.length ?? null;
