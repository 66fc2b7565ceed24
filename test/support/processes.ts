import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { isAlive } from '../../src/platform/owner.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A process under test: what it has printed so far, and how it ended. */
export type Started = Readonly<{
  child: ChildProcess;
  pid: number;
  out(): string;
  err(): string;
  /** Exit status, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals>;
}>;

/** Runs a TypeScript file of this repository in a process of its own. Nothing of this process's environment but PATH and what is given. */
export const startScript = (file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Started => {
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    printed.out += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    printed.err += String(chunk);
  });
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('close', (status, signal) => resolve(signal ?? status ?? -1));
  });
  return { child, pid: child.pid ?? -1, out: () => printed.out, err: () => printed.err, ended };
};

/** What a `till` command answered when it had ended. */
export type Answer = Readonly<{ status: number | NodeJS.Signals; out: string; err: string }>;

export const till = async (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Answer> => {
  const { ended, out, err } = startScript('src/cli/main.ts', args, env);
  return { status: await ended, out: out(), err: err() };
};

/** Looks every 20 ms until `look` answers something other than undefined or false; throws after `ms` milliseconds. */
export const until = async <T>(look: () => T | undefined | false | Promise<T | undefined | false>, ms = 10_000): Promise<T> => {
  const end = performance.now() + ms;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > end) throw new Error(`not seen within ${ms} ms: ${look}`);
    await new Promise((wake) => setTimeout(wake, 20));
  }
};

export const untilGone = (pid: number, ms?: number): Promise<boolean> => until(() => !isAlive(pid), ms);
