import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { type EventStoreServer, type EventStoreServerOptions, startEventStore } from './server.ts';

const USAGE = 'usage: event-store --data DIR | --ephemeral [--data DIR] [--port 2113] [--host 127.0.0.1] [--allow-production]';
const DEFAULT_PORT = 2113;
const PORT_MAX = 65_535;

/** `dataDir` is missing when the events are to be thrown away at the end. */
type Arguments = Omit<EventStoreServerOptions, 'dataDir'> & Readonly<{ dataDir: string | undefined }>;

const parse = (args: readonly string[]): Arguments => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string' },
      port: { type: 'string', default: String(DEFAULT_PORT) },
      host: { type: 'string', default: '127.0.0.1' },
      ephemeral: { type: 'boolean', default: false },
      'allow-production': { type: 'boolean', default: false },
    },
  });
  const port = Number(values.port);
  if (values.data === '' || (values.data === undefined && !values.ephemeral)) throw new Error('--data is missing');
  if (!/^\d+$/.test(values.port) || port > PORT_MAX) throw new Error(`--port is no port: ${values.port}`);
  return { host: values.host, port, dataDir: values.data, ephemeral: values.ephemeral, allowProduction: values['allow-production'] };
};

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const complain = (line: string, status: number): void => {
  process.stderr.write(`event store: ${line.replaceAll('\n', ' ')}\n`);
  process.exitCode = status;
};

/** One after the other: where the system refuses them without a good reason, as in /proc, Node's recursive way never ends. */
const makeFolders = (folder: string): void => {
  if (existsSync(folder)) return;
  makeFolders(dirname(folder));
  mkdirSync(folder);
};

/** The folder to write to, which is there then. @throws Error that says what is wrong with it. */
const prepareFolder = (folder: string): string => {
  try {
    makeFolders(resolve(folder));
    if (!statSync(folder).isDirectory()) throw new Error('it is no folder');
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return folder;
  } catch (error) {
    throw new Error(`--data ${folder} cannot be written to: ${message(error)}`);
  }
};

/** Runs until it is asked to stop; a folder of its own is removed at the end. */
const serve = async ({ dataDir, ...options }: Arguments): Promise<void> => {
  const folder = dataDir === undefined ? mkdtempSync(join(tmpdir(), 'till-event-store-')) : prepareFolder(dataDir);
  // Also when the disk fails, which ends the process at once.
  if (dataDir === undefined) process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const server = await startEventStore({ ...options, dataDir: folder });
  const stopped = stopOnRequest(server);
  process.stdout.write(`ready ${server.url} pid=${process.pid}\n`);
  process.send?.({ kind: 'ready', ports: { eventStore: server.port } });
  await stopped;
};

const stopOnRequest = (server: EventStoreServer): Promise<void> =>
  new Promise((fulfil, reject) => {
    const stop = (): void => {
      server.stop().then(fulfil, reject);
    };
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
    // A supervisor that is gone can neither use nor stop this process.
    if (process.send !== undefined) process.once('disconnect', stop);
  });

/**
 * Runs an event store until SIGTERM, SIGINT or the end of the parent's IPC channel. Prints one `ready esdb://…` line.
 * Sets the exit status: 1 when it could not start, 2 when the arguments are wrong.
 */
export const runEventStore = async (args: readonly string[]): Promise<void> => {
  let options: Arguments;
  try {
    options = parse(args);
  } catch (error) {
    return complain(`${message(error)}; ${USAGE}`, 2);
  }
  try {
    await serve(options);
  } catch (error) {
    complain(message(error), 1);
  }
  if (process.connected) process.disconnect();
};

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await runEventStore(process.argv.slice(2));
