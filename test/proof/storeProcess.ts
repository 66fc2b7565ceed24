import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { StoreBuild } from './storeBuild.ts';

const START_MAX_MS = 60_000;
/** The kernel counts a process's CPU time in hundredths of a second (USER_HZ). */
const CPU_TICK_MS = 10;
const BYTES_PER_KB = 1_024;

/** An event store in a process of its own. */
export type StoreProcess = Readonly<{
  pid: number;
  port: number;
  /** `esdb://127.0.0.1:PORT?tls=false` */
  url: string;
  /** From the start of the process to its ready line, node's own start included. */
  startMs: number;
  signal: (signal: NodeJS.Signals) => void;
  /** Sends a signal that ends it, and resolves when it is gone. */
  end: (signal: 'SIGTERM' | 'SIGKILL') => Promise<void>;
}>;

const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** Starts the process and does not wait for it. Whatever happens, it does not outlive this one. */
export const spawnStore = (build: StoreBuild, folder: string, port: number): ChildProcess => {
  const args = [build.main, '--data', folder, '--port', String(port)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
};

/** Resolves when a child is gone. */
export const ended = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
};

/** Starts an event store on a folder and waits for its ready line. Port 0 takes any free one. @throws when it does not get ready. */
export const startStore = async (build: StoreBuild, folder: string, port = 0): Promise<StoreProcess> => {
  const startedAt = performance.now();
  const child = spawnStore(build, folder, port);
  const { stdout, pid } = child;
  if (stdout === null || pid === undefined) throw new Error('the event store could not be started');
  const lines = createInterface({ input: stdout });
  const gone = once(child, 'exit').then(() => ['nothing, and ended']);
  const [line] = await Promise.race([once(lines, 'line', { signal: AbortSignal.timeout(START_MAX_MS) }), gone]);
  const [, url, actual] = /^ready (esdb:\/\/[^:]+:(\d+)\S*)/.exec(String(line)) ?? [];
  if (url === undefined) throw new Error(`the event store said instead of being ready: ${String(line)}`);
  return {
    pid,
    port: Number(actual),
    url,
    startMs: performance.now() - startedAt,
    signal: (signal) => void child.kill(signal),
    end: (signal) => ended(child, signal),
  };
};

/** Private memory of a process in bytes (RssAnon); undefined where the system does not tell. */
export const privateMemory = (pid: number): number | undefined => {
  try {
    const [, kilobytes] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) * BYTES_PER_KB;
  } catch {
    return undefined;
  }
};

/** CPU time that a process has used, all its threads, in milliseconds; undefined where the system does not tell. */
export const cpuTimeMs = (pid: number): number | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold spaces; user and system time are the 12th and 13th field behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * CPU_TICK_MS;
  } catch {
    return undefined;
  }
};
