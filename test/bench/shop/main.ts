/**
 * How fast the shop is, as `till up` starts it, beside a bare Express route and plain Postgres handlers of the same job, all in
 * one run and one after the other: `npm run bench`. It is no test: nothing here asserts a time. Its books must be right, though:
 * after each measurement the query API is held against what was acknowledged.
 */
import { writeFileSync } from 'node:fs';
import pg from 'pg';
import { temporaryFolder } from '../../proof/temporaryFolder.ts';
import { machineLine } from '../eventStore/machine.ts';
import { type Build, build } from './build.ts';
import { generateByNode } from './leanGenerator.ts';
import type { Generate } from './load.ts';
import { type Figure, type Measured, measure } from './measure.ts';
import { type Options, parseOptions, type SubjectName, USAGE } from './options.ts';
import { profileRows } from './profile.ts';
import { linesOf, tableOf } from './report.ts';
import { type RowName, rows } from './requests.ts';
import { type Server, startPeer, startShop } from './servers.ts';
import { generateByWrk, wrkVersion } from './wrk.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** wrk where it fits: it knows no open loop. */
const generators = (built: Build) => {
  const version = wrkVersion();
  const byNode = generateByNode(built.generator);
  const byWrk = version === null ? byNode : generateByWrk(temporaryFolder('bench-wrk'));
  const name =
    version === null
      ? 'a Node client over plain sockets (wrk is not installed)'
      : `${version}; open loop: a Node client over plain sockets`;
  return { name, of: (row: RowName): Generate => (rows[row].rate === null ? byWrk : byNode) };
};

const versionsOf = async (url: string): Promise<string> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows: found } = await client.query('show server_version');
  await client.end();
  return `Postgres ${found[0].server_version}`;
};

const startAll = async (built: Build, { main, other, subjects }: Options) => {
  const shop = await startShop(main ?? built.shop);
  const servers: [SubjectName, Server][] = [];
  for (const subject of subjects) {
    if (subject === 'shop') servers.push([subject, shop]);
    else if (subject === 'other') servers.push([subject, await startShop(other ?? built.shop)]);
    else servers.push([subject, await startPeer(built.peer, subject, shop)]);
  }
  const stop = async (): Promise<void> => {
    for (const [, server] of servers.filter(([, one]) => one !== shop)) await server.stop();
    await shop.stop();
  };
  return { servers, stop, postgres: await versionsOf(shop.postgres) };
};

/** One run: each row, each subject in turn; every second run the other way round, so that drift shows. */
const play = async (options: Options, run: number, subjects: readonly Measured[]): Promise<Figure[]> => {
  const figures: Figure[] = [];
  for (const row of options.only) {
    for (const measured of run % 2 === 0 ? subjects : subjects.toReversed()) {
      const figure = await measure(measured, row, `b${run}-${row}`);
      figures.push(figure);
      const { subject, perSecond, wrong } = figure;
      say(`run ${run + 1} of ${options.runs}: ${row}, ${subject}: ${Math.round(perSecond)}/s`);
      for (const line of wrong) say(`  WRONG ${line}`);
    }
  }
  return figures;
};

const compare = async (options: Options, built: Build): Promise<number> => {
  const { name, of } = generators(built);
  const { servers, stop, postgres } = await startAll(built, options);
  const { connections, seconds } = options;
  const subjects = servers.map(([subject, server]) => ({ subject, server, generate: of, connections, seconds }));
  const figures: Figure[] = [];
  for (let run = 0; run < options.runs; run += 1) figures.push(...(await play(options, run, subjects)));
  await stop();
  const lines = linesOf(figures, options.subjects);
  const machine = `${machineLine()}, ${postgres}`;
  const wrong = figures.flatMap((figure) => figure.wrong.map((line) => `${figure.row}, ${figure.subject}: ${line}`));
  say(`\n${machine}`);
  say(`shop: ${options.main ?? built.from}; generator, on the same cores: ${name}; ${connections} connections`);
  say(`medians of ${options.runs} runs of ${seconds} s\n`);
  for (const line of tableOf(lines)) say(line);
  say('\nshop is x: requests of the shop for each of the other, in the same run. us: CPU time of a part for each answer.');
  say('view lag: from a 201 until every view has shown it, the time of the asking answer included.');
  say(wrong.length === 0 ? 'books: right after every measurement' : `books: WRONG\n${wrong.join('\n')}`);
  if (options.json !== undefined)
    writeFileSync(options.json, `${JSON.stringify({ machine, generator: name, options, lines, figures }, null, 2)}\n`);
  return wrong.length === 0 ? 0 : 1;
};

const main = async (args: readonly string[]): Promise<number> => {
  let options: Options;
  try {
    options = parseOptions(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
    return 2;
  }
  const built = build();
  if (options.profile === undefined) return compare(options, built);
  return profileRows(options, options.profile, built, generators(built).of, say);
};

process.exit(await main(process.argv.slice(2)));
