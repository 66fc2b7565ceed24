import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { atEnd } from './support.ts';

export const MAIN = fileURLToPath(new URL('../../../src/embedded/event-store/main.ts', import.meta.url));
export const START_MAX_MS = 20_000;

export type Child = Readonly<{ process: ChildProcess; url: string; ended: Promise<{ status: number | null; stderr: string }> }>;

/** The server's own entry, run as a process that the test's end kills. */
export const spawnMain = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Omit<Child, 'url'> => {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', ...env },
  });
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
  });
  const ended = once(child, 'close').then(([status]) => ({ status: status as number | null, stderr }));
  atEnd(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
  });
  return { process: child, ended };
};

/** A server process that is ready. */
export const startChild = async (folder: string): Promise<Child> => {
  const child = spawnMain(['--port', '0', '--data', folder]);
  const lines = createInterface({ input: child.process.stdout as NodeJS.ReadableStream });
  const ready = once(lines, 'line', { signal: AbortSignal.timeout(START_MAX_MS) }).then(([line]) => String(line));
  const [, url] = /^ready (esdb:\/\/\S+) pid=\d+$/.exec(await ready) ?? [];
  if (url === undefined) throw new Error(`the event store did not say that it is ready: ${await ready}`);
  return { ...child, url };
};
