import { readFileSync } from 'node:fs';
import type { RootDatabase } from 'lmdb';

/** Another process writes to this folder, or this one already does. */
export class DataDirInUse extends Error {
  override name = 'DataDirInUse';
  readonly pid: number;

  constructor(folder: string, pid: number) {
    super(`${folder} is in use by process ${pid}; one event store at a time can write to a folder`);
    this.pid = pid;
  }
}

/** A process for ever: its number may be given to another one later, together with its time of start it is not. */
type Owner = Readonly<{ pid: number; started: string }>;

const LOCK_KEY = Buffer.from('writer');

/** Start time in clock ticks since boot, and which boot; empty where the system does not say, where the number alone has to do. */
const startedAt = (pid: number): string => {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field, a name in brackets, may hold spaces; the start time is the 22nd.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${boot} ${ticks}`;
  } catch {
    return '';
  }
};

const isAlive = ({ pid, started }: Owner): boolean => {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: the process is there, but not ours.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return startedAt(pid) === started;
};

/**
 * Makes this process the only writer of a database. Taking over from a dead owner is safe: looking and taking are one
 * transaction of the database itself. Holds among the processes of one machine that see each other's numbers.
 * @returns how to let go.
 * @throws DataDirInUse naming the process that holds it.
 */
export const lockWriter = (root: RootDatabase<Buffer, Buffer>, folder: string): (() => void) => {
  const table = root.openDB<Buffer, Buffer>({ name: 'lock', encoding: 'binary', keyEncoding: 'binary' });
  const holder = table.transactionSync(() => {
    const held = table.getBinary(LOCK_KEY);
    const owner = held === undefined ? undefined : (JSON.parse(held.toString('utf8')) as Owner);
    if (owner !== undefined && isAlive(owner)) return owner;
    const self: Owner = { pid: process.pid, started: startedAt(process.pid) };
    table.putSync(LOCK_KEY, Buffer.from(JSON.stringify(self)));
    return undefined;
  });
  if (holder !== undefined) throw new DataDirInUse(folder, holder.pid);
  return () => {
    table.removeSync(LOCK_KEY);
  };
};
