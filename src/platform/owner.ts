import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** Who holds a folder. `startedAt` is the kernel's start time of that pid (null where there is no /proc), so that a reused pid is not taken for it. */
export type Owner = Readonly<{ pid: number; startedAt: string | null }>;

/** Field 22 of /proc/<pid>/stat; the command name before it may hold spaces, so counting starts behind its bracket. */
const startTimeOf = (pid: number): string | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
};

/** Whether a process with this pid exists, also when it belongs to another user. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

const read = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
};

const parse = (text: string | null): Owner | null => {
  try {
    return text === null ? null : (JSON.parse(text) as Owner);
  } catch {
    return null;
  }
};

/** The living process that holds `path`, or null. */
export const ownerOf = (path: string): Owner | null => {
  const owner = parse(read(path));
  if (owner === null || !isAlive(owner.pid)) return null;
  return owner.startedAt === null || startTimeOf(owner.pid) === owner.startedAt ? owner : null;
};

/** A folder that a living process holds. */
export class HeldByAnother extends Error {
  readonly owner: Owner;
  constructor(path: string, owner: Owner) {
    super(`${path}: held by process ${owner.pid}`);
    this.name = 'HeldByAnother';
    this.owner = owner;
  }
}

/** Tries at most, each after the file of a dead owner was put aside. */
const CLAIM_TRIES_MAX = 5;

/**
 * Makes this process the one owner named in the file `path`; throws `HeldByAnother` when a living process is. The file
 * appears whole or not at all (a link to a finished file), so two claimants never both win. A dead owner's file is replaced.
 */
export const claim = (path: string): void => {
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, JSON.stringify({ pid: process.pid, startedAt: startTimeOf(process.pid) } satisfies Owner), { mode: 0o600 });
  try {
    for (let tries = 0; tries < CLAIM_TRIES_MAX; tries += 1) {
      const owner = ownerOf(path);
      if (owner !== null) throw new HeldByAnother(path, owner);
      const dead = read(path);
      if (dead !== null) putAside(path, dead, `${mine}.dead`);
      if (linked(mine, path)) return;
    }
    throw new Error(`${path}: other processes kept claiming it`);
  } finally {
    rmSync(mine, { force: true });
  }
};

/** Moves a dead owner's file away, and back when another claimant had replaced it in between. */
const putAside = (path: string, judged: string, aside: string): void => {
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (read(aside) !== judged) linked(aside, path);
  rmSync(aside, { force: true });
};

const linked = (from: string, to: string): boolean => {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
};

/** Gives up what `claim` took. */
export const release = (path: string): void => {
  if (parse(read(path))?.pid === process.pid) rmSync(path, { force: true });
};
