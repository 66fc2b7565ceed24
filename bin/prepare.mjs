// Brings a clone to the point where its own code runs: packages installed, dist built. Only Node and npm are needed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const at = (...parts) => join(root, ...parts);
const STAMP = at('node_modules', '.till-lock');
const BUILT = at('dist', '.built');

const run = (command, args, what) => {
  process.stderr.write(`${what} …\n`);
  // What npm and the compiler say belongs to the progress, not to the command's own output.
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  process.stderr.write(`${what}: failed${error ? ` (${error.message})` : ''}\n`);
  if (signal) process.kill(process.pid, signal);
  process.exit(1);
};

/** npm's own program when npm runs this, else the one beside this Node, else the one on PATH. */
const npm = () => {
  const beside = join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js');
  const script = [process.env.npm_execpath, beside].find((path) => path && /npm-cli\.js$/.test(path) && existsSync(path));
  return script ? [process.execPath, [script]] : ['npm', []];
};

const lockHash = () =>
  createHash('sha256')
    .update(readFileSync(at('package-lock.json')))
    .digest('hex');

const isInstalled = () => {
  if (!existsSync(at('node_modules'))) return false;
  if (existsSync(STAMP)) return readFileSync(STAMP, 'utf8') === lockHash();
  // Installed by hand: npm writes this file last, after it has read the lock file.
  const hidden = at('node_modules', '.package-lock.json');
  return existsSync(hidden) && statSync(hidden).mtimeMs >= statSync(at('package-lock.json')).mtimeMs;
};

/** `npm ci` when there are no packages yet or the lock file has changed since. */
export const install = () => {
  if (!existsSync(at('src'))) return;
  if (!isInstalled()) {
    const [command, args] = npm();
    run(
      command,
      [...args, 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'],
      'installing packages, once (about 20 s)',
    );
  }
  if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== lockHash()) writeFileSync(STAMP, lockHash());
};

const newest = (path) => {
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  return Math.max(mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
};

const isBuilt = () => {
  if (!existsSync(BUILT)) return false;
  const sources = ['src', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'].map((name) => newest(at(name)));
  return statSync(BUILT).mtimeMs >= Math.max(...sources);
};

/** Compiles `src` to `dist` when anything in it is newer. An installed package has no `src` and is built already. */
export const build = () => {
  if (!existsSync(at('src')) || isBuilt()) return;
  const startedAt = new Date();
  run(process.execPath, [at('node_modules', 'typescript', 'bin', 'tsc'), '-p', at('tsconfig.build.json')], 'building');
  mkdirSync(at('dist'), { recursive: true });
  writeFileSync(BUILT, startedAt.toISOString());
  // As old as the sources it was made from: what was edited meanwhile is newer.
  utimesSync(BUILT, startedAt, startedAt);
};
