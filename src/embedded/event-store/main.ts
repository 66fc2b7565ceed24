import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { type EventStoreServer, type EventStoreServerOptions, startEventStore } from './server.ts';

const USAGE = 'usage: event-store --data DIR [--port 2113] [--host 127.0.0.1] [--ephemeral] [--allow-production]';
const DEFAULT_PORT = 2113;
const PORT_MAX = 65_535;

const parse = (args: readonly string[]): EventStoreServerOptions => {
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
  if (values.data === undefined || values.data === '') throw new Error('--data is missing');
  if (!/^\d+$/.test(values.port) || port > PORT_MAX) throw new Error(`--port is no port: ${values.port}`);
  return { host: values.host, port, dataDir: values.data, ephemeral: values.ephemeral, allowProduction: values['allow-production'] };
};

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const complain = (line: string, status: number): void => {
  process.stderr.write(`event store: ${line.replaceAll('\n', ' ')}\n`);
  process.exitCode = status;
};

const stopOnRequest = (server: EventStoreServer): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = (): void => {
      server.stop().then(resolve, reject);
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
  let options: EventStoreServerOptions;
  try {
    options = parse(args);
  } catch (error) {
    return complain(`${message(error)}; ${USAGE}`, 2);
  }
  try {
    const server = await startEventStore(options);
    const stopped = stopOnRequest(server);
    process.stdout.write(`ready ${server.url} pid=${process.pid}\n`);
    process.send?.({ kind: 'ready', ports: { eventStore: server.port } });
    await stopped;
    if (process.connected) process.disconnect();
  } catch (error) {
    complain(message(error), 1);
    if (process.connected) process.disconnect();
  }
};

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await runEventStore(process.argv.slice(2));
