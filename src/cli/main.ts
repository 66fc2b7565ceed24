import { parseArgs } from 'node:util';
import { ConfigError, describeConfig, parseConfig } from '../platform/config.ts';
import { EXIT, runProcess, type StartProcess } from '../platform/process.ts';
import { DLQ_OPTIONS } from './dlqOptions.ts';
import { EVENTS_OPTIONS } from './eventsOptions.ts';
import { onLocalDatabase, onLocalEventStore, onLocalStores, withLocalStores } from './localStores.ts';
import { PROJECTIONS_OPTIONS } from './projectionsOptions.ts';
import { runningShop } from './shopFile.ts';
import type { Apart } from './up.ts';

/** `run` answers the exit status, or null when a process goes on in the background until a signal. */
type Command = Readonly<{ summary: string; options?: string; run(args: readonly string[]): Promise<number | null> }>;

class UsageError extends Error {}

/** Switches of a command that takes nothing else. */
const switches = <Name extends string>(args: readonly string[], ...names: readonly Name[]): Readonly<Partial<Record<Name, boolean>>> => {
  const options = Object.fromEntries(names.map((name) => [name, { type: 'boolean' as const }]));
  return parsed(() => parseArgs({ args: [...args], options, strict: true }).values as Partial<Record<Name, boolean>>);
};

const parsed = <T>(parse: () => T): T => {
  try {
    return parse();
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
};

const listener =
  (name: string, load: () => Promise<StartProcess>): Command['run'] =>
  async (args) => {
    switches(args);
    await runProcess(name, await load());
    return null;
  };

/** A process that answers callers says once, in its log, that it takes their word on who they are. */
const unasked =
  (start: StartProcess): StartProcess =>
  (config, log) => {
    if (config.authMode === 'off') log.warn({ authMode: config.authMode }, 'nobody is asked who is calling');
    return start(config, log);
  };

const print = (asJson: boolean | undefined, value: Readonly<Record<string, unknown>>): void => {
  const lines = Object.entries(value).map(([name, part]) => `${name}=${part ?? ''}`);
  process.stdout.write(asJson ? `${JSON.stringify(value, null, 2)}\n` : `${lines.join('\n')}\n`);
};

const config = async (args: readonly string[]): Promise<number> => {
  print(switches(args, 'json').json, describeConfig(parseConfig(process.env)));
  return EXIT.done;
};

const up = async (args: readonly string[]): Promise<number> => {
  const apart = apartOf(args);
  return (await import('./up.ts')).up(apart);
};

const migrate = async (args: readonly string[]): Promise<number> => {
  switches(args);
  const { databaseUrl } = withLocalStores(parseConfig(process.env));
  await (await import('../platform/migrate.ts')).migrate(databaseUrl);
  return EXIT.done;
};

const seed = async (args: readonly string[]): Promise<number> => {
  const { json } = switches(args, 'json');
  const { host, commandPort, dataDir } = parseConfig(process.env);
  const url = runningShop(dataDir)?.urls.commands ?? `http://${host}:${commandPort}`;
  print(json, await (await import('./seed.ts')).seed(url));
  return EXIT.done;
};

/** Processes of one kind at most on one machine. */
const APIS_MAX = 8;

/** How many command and query APIs run apart; null when neither option is there, and one process serves both. */
const apartOf = (args: readonly string[]): Apart | null => {
  const options = { 'command-apis': { type: 'string' }, 'query-apis': { type: 'string' } } as const;
  const values = parsed(() => parseArgs({ args: [...args], options, strict: true }).values);
  const count = (name: keyof typeof options): number => {
    const number = Number(values[name] ?? 1);
    if (!Number.isInteger(number) || number < 1 || number > APIS_MAX) throw new UsageError(`--${name} must be 1 to ${APIS_MAX}`);
    return number;
  };
  return Object.keys(values).length === 0 ? null : { commandApis: count('command-apis'), queryApis: count('query-apis') };
};

/** With options of its own it is told nothing else; without any it is configured like every other process. */
const eventStore = async (args: readonly string[]): Promise<number | null> => {
  const [word = '', ...rest] = args;
  const { folderCommands } = await import('./eventStoreFolder.ts');
  const folderCommand = Object.hasOwn(folderCommands, word) ? folderCommands[word] : undefined;
  if (folderCommand !== undefined) return folderCommand(rest);
  if (args.length > 0) await (await import('../embedded/event-store/main.ts')).runEventStore(args);
  else await runProcess('event-store', (await import('./eventStore.ts')).startEventStoreProcess);
  return null;
};

const COMMANDS: Readonly<Record<string, Command>> = {
  up: { summary: 'run the whole shop on this machine until Ctrl-C', options: '[--command-apis N --query-apis N]', run: up },
  migrate: { summary: 'bring the tables up to date', run: migrate },
  seed: { summary: 'create the products p1 to p5', options: '[--json]', run: seed },
  audit: {
    summary: 'prove from the raw log that every view and every won is right',
    options: '[--json]',
    run: async (args) => (await import('./audit.ts')).auditCommand(args),
  },
  events: {
    summary: 'look into the event store: follow the log, print a stream, export it all',
    options: EVENTS_OPTIONS,
    run: async (args) => (await import('./events.ts')).eventsCommand(args),
  },
  projections: {
    summary: 'see how the views stand; rebuild, promote and retire their versions; let one go on without an event',
    options: PROJECTIONS_OPTIONS,
    run: async (args) => (await import('./projections.ts')).projectionsCommand(args),
  },
  config: { summary: 'print the configuration, secrets masked', options: '[--json]', run: config },
  api: {
    summary: 'run command API, query API and edge in one process',
    run: listener('api', async () => unasked(onLocalStores((await import('../edge/main.ts')).startApi))),
  },
  'command-api': {
    summary: 'run the command API',
    run: listener('command-api', async () => unasked(onLocalStores((await import('../commands/main.ts')).startCommandApi))),
  },
  'query-api': {
    summary: 'run the query API',
    run: listener('query-api', async () => unasked(onLocalDatabase((await import('../read-api/main.ts')).startQueryApi))),
  },
  edge: {
    summary: 'run the edge before the APIs of COMMAND_URLS and QUERY_URLS',
    run: listener('edge', async () => unasked((await import('../edge/edge.ts')).startEdge)),
  },
  projector: {
    summary: 'run the projector',
    run: listener('projector', async () => onLocalStores((await import('../projections/main.ts')).startProjector)),
  },
  'coupon-worker': {
    summary: 'run the worker that decides queued coupon requests; "api" does so itself where no Kafka is configured',
    run: listener('coupon-worker', async () => onLocalEventStore((await import('../edge/worker.ts')).startCouponWorker)),
  },
  dlq: {
    summary: 'look through the queued requests that no worker understood, and send them again',
    options: DLQ_OPTIONS,
    run: async (args) => (await import('./dlq.ts')).dlqCommand(args),
  },
  'event-store': {
    summary: 'run the embedded event store; "verify" and "backup" read its folder',
    options: `[--data DIR --port 2113 --host 127.0.0.1 --ephemeral --allow-production]
       till event-store verify [--data DIR] [--json]
       till event-store backup --to DIR [--data DIR] [--json]`,
    run: eventStore,
  },
  postgres: {
    summary: 'run the embedded Postgres',
    run: listener('postgres', async () => (await import('./postgres.ts')).startPostgresProcess),
  },
};

const usage = (): string => {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(14)}${summary}`);
  return `usage: till <command> [--help]\n\n${rows.join('\n')}\n\nEverything else is set by environment variables: "till config" lists them.\n`;
};

/** Dispatches by the first word. Status: 0 done, 1 failed or falls short, 2 wrong usage or configuration; null goes on running. */
const till = async ([name = '', ...args]: readonly string[]): Promise<number | null> => {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    const asked = name === '--help' || name === '-h' || name === 'help';
    (asked ? process.stdout : process.stderr).write(name === '' || asked ? usage() : `unknown command: ${name}\n\n${usage()}`);
    return asked ? EXIT.done : EXIT.usage;
  }
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(`usage: till ${name}${command.options === undefined ? '' : ` ${command.options}`}\n\n${command.summary}\n`);
    return EXIT.done;
  }
  try {
    return await command.run(args);
  } catch (error) {
    const wrong = error instanceof UsageError || error instanceof ConfigError;
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return wrong ? EXIT.usage : EXIT.failed;
  }
};

const status = await till(process.argv.slice(2));
if (status !== null) process.exit(status);
