import { readdirSync, readFileSync } from 'node:fs';

/** The kernel counts CPU time in hundredths of a second (USER_HZ). */
const TICK_MS = 10;
/** Places in /proc/PID/stat behind the name, which may hold spaces. */
const PARENT = 1;
const USER = 11;
const SYSTEM = 12;
/** Of children that have ended. */
const CHILDREN_USER = 13;
const CHILDREN_SYSTEM = 14;

const fieldsOf = (pid: string): number[] => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
};

const ticks = (fields: readonly number[], ...places: readonly number[]): number =>
  places.reduce((sum, place) => sum + (fields[place] ?? 0), 0);

/** CPU milliseconds of the children of this process that have ended. */
export const childrenCpuMs = (): number => ticks(fieldsOf('self'), CHILDREN_USER, CHILDREN_SYSTEM) * TICK_MS;

/** All processes of the machine. */
const processes = (): ReadonlyMap<number, readonly number[]> => {
  const found = new Map<number, readonly number[]>();
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    try {
      found.set(Number(name), fieldsOf(name));
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
};

/** Root processes by the name of the part they are. */
export type Parts = Readonly<Record<string, number>>;
export type CpuMs = Readonly<Record<string, number>>;

/** CPU milliseconds used so far by each part: its root process and all below it, those included that have ended. */
export const cpuOf = (parts: Parts): CpuMs => {
  const all = processes();
  const below = (root: number): number => {
    const own = ticks(all.get(root) ?? [], USER, SYSTEM, CHILDREN_USER, CHILDREN_SYSTEM);
    const children = [...all].filter(([, fields]) => fields[PARENT] === root);
    return children.reduce((sum, [pid]) => sum + below(pid), own);
  };
  return Object.fromEntries(Object.entries(parts).map(([name, root]) => [name, below(root) * TICK_MS]));
};
