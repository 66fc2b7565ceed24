import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const built = join(root, '.cache', 'bin', process.platform === 'win32' ? 'k6.exe' : 'k6');

/** Unexpected answers printed of one run, and lines of any other kind. */
const UNEXPECTED_MAX = 20;
const LINES_MAX = 100;
/**
 * Garbage, in percent of what is in use, that k6 gathers before it looks for it: memory for CPU, of which the shop beside it has more need.
 * Instead of Go's 100: 1.1 GiB for 0.7 and 13 % less CPU with 450 virtual users (docs/load.md).
 */
const GOGC = '300';

const versionOf = (binary) => {
  const { status, stdout } = spawnSync(binary, ['version'], { encoding: 'utf8' });
  return status === 0 ? (/v\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? null) : null;
};

/**
 * The k6 to use: `K6_BIN`, else the one built here before, else a k6 2.x on the path, else one built now from the pinned
 * module in `load/k6` (a minute or two, once). Returns its path and version; throws with what to do when there is no way.
 */
export const findK6 = () => {
  const candidates = process.env.K6_BIN ? [process.env.K6_BIN] : [...(existsSync(built) ? [built] : []), 'k6'];
  for (const path of candidates) {
    const version = versionOf(path);
    if (version?.startsWith('v2.')) return { path, version };
  }
  if (process.env.K6_BIN) throw new Error(`K6_BIN=${process.env.K6_BIN} is no k6 2.x`);
  return buildK6();
};

const buildK6 = () => {
  if (spawnSync('go', ['version']).status !== 0) {
    throw new Error('no k6 2.x found and no Go to build it: install Go 1.25 or later, put a k6 2.x on the PATH, or set K6_BIN');
  }
  console.log('building k6 from load/k6 (once, a minute or two) …');
  const options = { cwd: join(root, 'load', 'k6'), stdio: 'inherit', env: { ...process.env, GOTOOLCHAIN: 'local' } };
  const { status } = spawnSync('go', ['build', '-o', built, 'go.k6.io/k6/v2'], options);
  const version = status === 0 ? versionOf(built) : null;
  if (!version) throw new Error('k6 could not be built: Go 1.25 or later is needed, and its module proxy');
  return { path: built, version };
};

/**
 * Starts k6. `lines` maps a first word to what is done with the rest of such a line (`flights`, `closing`, `shoppers`); all
 * other lines are printed, k6's one-line notes of tries without an answer only as their number. Returns the process and a promise of its exit status.
 */
export const startK6 = (k6, { script, env, flags = [], tag, lines = {} }) => {
  const variables = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const args = ['run', '--quiet', '--log-format', 'raw', '--tag', `testid=${tag}`, ...flags, ...variables, script];
  const quiet = { K6_NO_USAGE_REPORT: 'true', K6_AUTO_EXTENSION_RESOLUTION: 'false' };
  const child = spawn(k6.path, args, { env: { GOGC, ...process.env, ...quiet }, stdio: ['ignore', 'inherit', 'pipe'] });
  const printed = { unexpected: 0, other: 0 };
  let unanswered = 0;
  const output = createInterface({ input: child.stderr });
  output.on('line', (line) => {
    const [word = '', rest = ''] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)];
    if (Object.hasOwn(lines, word)) lines[word](rest);
    else if (line === 'Request Failed') unanswered += 1;
    else {
      const kind = word === 'unexpected' ? 'unexpected' : 'other';
      printed[kind] += 1;
      if (printed[kind] <= (kind === 'other' ? LINES_MAX : UNEXPECTED_MAX)) console.error(line);
    }
  });
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => {
      const left = Math.max(0, printed.unexpected - UNEXPECTED_MAX) + Math.max(0, printed.other - LINES_MAX);
      if (left > 0) console.error(`k6: ${left} more lines left out`);
      if (unanswered > 0) console.error(`k6: ${unanswered} tries had no answer at all (refused, reset or timed out)`);
      resolve(status ?? 1);
    });
  });
  return { child, ended };
};
