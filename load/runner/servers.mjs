import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './k6.mjs';

/** The first start of Kafka fetches its jars. */
const START_MAX_MS = 180_000;
const STOP_MAX_MS = 15_000;
const LOOK_EVERY_MS = 100;
/** Characters kept of what a server prints. */
const PRINTED_MAX = 20_000;
/** Below the ports that connections get by themselves, or a stopped server would not find its own free again. */
const PORTS = { from: 20_000, to: 32_000 };

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const isFree = (port) =>
  new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/** A free port whose next one is free, too: Kafka's controller takes it. */
const freePort = async () => {
  for (;;) {
    const port = PORTS.from + 2 * Math.floor((Math.random() * (PORTS.to - PORTS.from)) / 2);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
};

/** How each server is run, by which variable the shop is told of it, and what it prints when it takes connections. */
const kinds = {
  kafka: {
    command: () => [process.execPath, join(root, 'bin', 'kafka.mjs')],
    env: (port, folder) => ({ KAFKA_PORT: String(port), DATA_DIR: folder }),
    variables: (port) => ({ KAFKA_BROKERS: `127.0.0.1:${port}` }),
    // A script runs the broker: what is frozen is the broker itself.
    version: () => /<kafka.version>(.+)</.exec(readFileSync(join(root, 'kafka', 'pom.xml'), 'utf8'))?.[1],
    ready: /^ready KAFKA_BROKERS=\S+ pid=(\d+)$/m,
  },
  redis: {
    command: (port) => ['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    env: () => ({}),
    variables: (port) => ({ REDIS_URL: `redis://127.0.0.1:${port}` }),
    version: () => /v=(\S+)/.exec(spawnSync('redis-server', ['--version'], { encoding: 'utf8' }).stdout)?.[1],
    ready: /Ready to accept connections/,
  },
};

export const serverNames = Object.keys(kinds);

/** Runs it until it takes connections; resolves to the process and the pid of the server itself. Throws what it printed when it does not start. */
const launch = async (name, port, folder) => {
  const { command, env, ready } = kinds[name];
  const [program, ...args] = command(port);
  const child = spawn(program, args, { env: { ...process.env, ...env(port, folder) }, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  let failed = null;
  const keep = (chunk) => {
    printed = (printed + chunk).slice(-PRINTED_MAX);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  child.once('error', (error) => {
    failed = error;
  });
  const until = Date.now() + START_MAX_MS;
  while (!ready.test(printed)) {
    if (failed || child.exitCode !== null || Date.now() > until) throw new Error(`${name} did not start: ${failed?.message ?? printed}`);
    await pause(LOOK_EVERY_MS);
  }
  return { child, pid: Number(ready.exec(printed)[1] ?? child.pid) };
};

const ended = async (child) => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const forced = setTimeout(() => child.kill('SIGKILL'), STOP_MAX_MS);
  await gone;
  clearTimeout(forced);
};

/**
 * Starts a server of its own, with a port and a folder of its own. `stop` ends it in order, `start` starts it again with what it has
 * kept, `freeze` and `thaw` halt its process, `end` ends it for good. `variables` tell the shop of it. Throws when it does not start.
 */
export const startServer = async (name) => {
  const folder = mkdtempSync(join(tmpdir(), `till-load-${name}-`));
  const port = await freePort();
  let running = await launch(name, port, folder);
  const isRunning = () => running.child.exitCode === null && running.child.signalCode === null;
  return {
    name,
    version: kinds[name].version() ?? null,
    variables: kinds[name].variables(port),
    pid: () => running.pid,
    start: async () => {
      running = await launch(name, port, folder);
    },
    stop: () => ended(running.child),
    freeze: () => process.kill(running.pid, 'SIGSTOP'),
    thaw: () => process.kill(running.pid, 'SIGCONT'),
    end: async () => {
      if (isRunning()) process.kill(running.pid, 'SIGCONT');
      await ended(running.child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
