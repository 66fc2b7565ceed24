/**
 * Measures the embedded event store, or any server of its protocol, through the unmodified client of npm and through our
 * adapter: `npm run bench:event-store`. Beside every figure stand two references of the same run: the store in memory doing the
 * same work, and empty calls on the same transport. It is no test: nothing here asserts a time.
 */
import { writeFileSync } from 'node:fs';
import { buildStore } from '../../proof/storeBuild.ts';
import { chooseSmallEvents, eventBytes } from './events.ts';
import { machineLine } from './machine.ts';
import { type Options, parseOptions, USAGE } from './options.ts';
import { play, type Run } from './run.ts';
import { medianOfKnown } from './statistics.ts';
import { summarize } from './summary.ts';
import { table } from './table.ts';

const BYTES_PER_MIB = 1024 ** 2;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const memoryLine = (runs: readonly Run[]): string | undefined => {
  const before = medianOfKnown(runs.map(({ memory }) => memory.before));
  const after = medianOfKnown(runs.map(({ memory }) => memory.after));
  if (before === undefined || after === undefined) return undefined;
  const mib = (bytes: number): string => `${(bytes / BYTES_PER_MIB).toFixed(1)} MiB`;
  return `private memory of the server (RssAnon): ${mib(before)} when it is ready, ${mib(after)} after all measurements of a run`;
};

const report = (options: Options, server: string, runs: readonly Run[]): void => {
  const rows = summarize(runs.map(({ figures }) => figures));
  say('');
  say(machineLine());
  say(`server: ${server}; events of ${eventBytes()} bytes; median of ${runs.length} runs`);
  say('');
  for (const line of table(rows)) say(line);
  say('');
  say('client us, server us: CPU time for each append, event or call. x memory, x empty call: speed in that of the reference,');
  say('the store in memory doing the same work, and empty calls with as many in flight (64 for reads and catch-ups).');
  const memory = memoryLine(runs);
  if (memory !== undefined) say(memory);
  const all = { machine: machineLine(), server, options, eventBytes: eventBytes(), rows, runs };
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(all, null, 2)}\n`);
};

const main = async (args: readonly string[]): Promise<number> => {
  let options: Options;
  try {
    options = parseOptions(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
    return 2;
  }
  if (options.small) chooseSmallEvents();
  const build = options.url === undefined ? buildStore() : undefined;
  const server = build === undefined ? 'one that ran already' : `a process of its own, from ${build.from}`;
  const runs: Run[] = [];
  for (let number = 0; number < options.runs; number++) {
    runs.push(await play(options, build, number, (line) => say(`run ${number + 1} of ${options.runs}: ${line}`)));
  }
  report(options, server, runs);
  return 0;
};

// The client keeps its connection, and with it the process, whatever it is told.
process.exit(await main(process.argv.slice(2)));
