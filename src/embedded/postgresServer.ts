import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { isAlive } from '../platform/owner.ts';
import { type Binaries, prepareToRun, type RunAs } from './postgresBinaries.ts';

/** Milliseconds until a starting server must accept connections; recovery after a crash is part of it. */
const START_MAX_MS = 60_000;
/** Milliseconds that a server gets to end before the next harder signal. */
const STOP_STEP_MAX_MS = 4_000;
/** Milliseconds to wait for the server of a dead launcher to end. */
const ORPHAN_MAX_MS = 15_000;
/** Free ports tried at most: another program may take one between the look and the bind. */
const PORT_TRIES_MAX = 5;
/** Characters of the server's output kept, for the message when it fails. */
const OUTPUT_MAX = 4_000;

/** Nothing survives a power cut with these, everything survives `kill`: for tests only. */
const FAST_SETTINGS = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'shared_buffers=64MB', 'max_connections=60'] as const;

export type ServerOptions = Readonly<{
  host: string;
  /** 0 = any free one. */
  port: number;
  /** false: fast settings for data that nobody will miss. */
  durable: boolean;
}>;

type Launched = Readonly<{
  child: ChildProcess;
  /** Resolves with the tail of what it printed when it has ended. */
  ended: Promise<string>;
  /** The tail of what it has printed so far. */
  tail: () => string;
}>;

export type Server = Launched & Readonly<{ port: number }>;

/** Error with what `listen` would say, so that callers treat a taken port alike everywhere. */
const portTaken = (port: number): Error => Object.assign(new Error(`port ${port} is taken`), { code: 'EADDRINUSE', port });

const freePort = (host: string): Promise<number> =>
  new Promise((done, fail) => {
    const probe = createServer();
    probe.once('error', fail);
    probe.listen(0, host, () => {
      const address = probe.address();
      probe.close(() => done(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

/** Runs one of Postgres' programs, and keeps the tail of its output. */
export const launch = (runAs: RunAs, command: string, args: readonly string[]): Launched => {
  const [program = command, ...rest] = [...runAs.prefix, command, ...args];
  const user = runAs.uid === undefined || runAs.gid === undefined ? {} : { uid: runAs.uid, gid: runAs.gid };
  // Its own process group: a Ctrl-C in the terminal must reach the server through its launcher only, after its clients.
  const child = spawn(program, rest, {
    ...user,
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
  });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-OUTPUT_MAX);
  };
  // Read for ever: a full pipe would block the server.
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const ended = new Promise<string>((done) => {
    child.once('error', (error) => done(String(error)));
    child.once('close', () => done(output.trim()));
  });
  return { child, ended, tail: () => output };
};

/** True when the process ended within the time. */
const endsWithin = async (pid: number, ms: number): Promise<boolean> => {
  const until = performance.now() + ms;
  while (performance.now() < until) {
    if (!isAlive(pid)) return true;
    await new Promise((wake) => setTimeout(wake, 20));
  }
  return !isAlive(pid);
};

const commandLineOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
};

/** Ends a server whose launcher died without it. Called only by the folder's owner, and only for a server on that folder. */
export const stopOrphan = async (folder: string): Promise<void> => {
  const file = join(folder, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  if (!(pid > 1) || !isAlive(pid)) return;
  if (existsSync('/proc/self') && !commandLineOf(pid).includes(folder)) return;
  process.kill(pid, 'SIGINT');
  if (!(await endsWithin(pid, ORPHAN_MAX_MS))) throw new Error(`an earlier Postgres (process ${pid}) on ${folder} does not end`);
};

const untilReady = (server: Launched, port: number): Promise<void> =>
  new Promise((done, fail) => {
    const late = setTimeout(() => {
      server.child.kill('SIGQUIT');
      fail(new Error(`Postgres was not ready within ${START_MAX_MS} ms: ${server.tail()}`));
    }, START_MAX_MS);
    server.child.stderr?.on('data', () => {
      if (!server.tail().includes('ready to accept connections')) return;
      clearTimeout(late);
      done();
    });
    void server.ended.then((output) => {
      clearTimeout(late);
      fail(/could not bind .*Address already in use/.test(output) ? portTaken(port) : new Error(`Postgres did not start: ${output}`));
    });
  });

/** Starts the server on an initialised folder; answers when it takes connections. */
export const startServer = async (binaries: Binaries, folder: string, options: ServerOptions): Promise<Server> => {
  const runAs = prepareToRun(binaries, folder);
  const settings = [`listen_addresses=${options.host}`, 'unix_socket_directories=', ...(options.durable ? [] : FAST_SETTINGS)];
  for (let tries = 1; ; tries += 1) {
    const port = options.port === 0 ? await freePort(options.host) : options.port;
    const server = launch(runAs, binaries.postgres, ['-D', folder, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])]);
    try {
      await untilReady(server, port);
      return { ...server, port };
    } catch (error) {
      const another = options.port === 0 && tries < PORT_TRIES_MAX && error instanceof Error && 'code' in error;
      if (!another) throw error;
    }
  }
};

/** Fast shutdown, which ends clients and flushes; then one that recovers at the next start; then the hard way. */
export const stopServer = async (server: Launched): Promise<void> => {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (server.child.exitCode !== null || server.child.signalCode !== null) break;
    server.child.kill(signal);
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([server.ended, new Promise((wake) => (timer = setTimeout(wake, STOP_STEP_MAX_MS)))]);
    clearTimeout(timer);
  }
};
