import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { childrenCpuMs } from './cpu.ts';
import type { Load, Plan } from './load.ts';

const SCRIPT = fileURLToPath(new URL('requests.lua', import.meta.url));
const US_PER_MS = 1_000;
const US_PER_S = 1_000_000;

/** The version line of Debian's wrk, or null where there is none. */
export const wrkVersion = (): string | null => {
  const { stdout, error } = spawnSync('wrk', ['--version'], { encoding: 'utf8' });
  return error === undefined ? (/^wrk \S+/.exec(stdout)?.[0] ?? 'wrk') : null;
};

type Summary = Readonly<Record<'sent' | 'answered' | 'refused' | 'broken' | 'us' | 'p50' | 'p95' | 'p99', number>>;

const run = (args: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn('wrk', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += String(chunk);
    });
    child.once('error', reject);
    child.once('close', () => resolve(out));
  });

/** A closed loop by wrk, on one thread. When the time is over it leaves, whatever is still under way. */
export const generateByWrk =
  (folder: string) =>
  async ({ url, requests, first, connections, seconds }: Plan): Promise<Load> => {
    const list = join(folder, 'requests.tsv');
    writeFileSync(list, requests.map(({ method, path, body }) => `${method}\t${path}\t${body}\n`).join(''));
    const before = childrenCpuMs();
    const limits = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s'];
    const out = await run([...limits, '-s', SCRIPT, url, '--', list, String(first)]);
    const line = out.split('\n').find((text) => text.startsWith('{'));
    if (line === undefined) throw new Error(`wrk did not report: ${out}`);
    const { sent, answered, refused, broken, us, p50, p95, p99 } = JSON.parse(line) as Summary;
    return {
      sent,
      answered,
      failed: refused + broken,
      seconds: us / US_PER_S,
      latencyMs: { p50: p50 / US_PER_MS, p95: p95 / US_PER_MS, p99: p99 / US_PER_MS },
      acknowledged: null,
      cpuMs: childrenCpuMs() - before,
    };
  };
