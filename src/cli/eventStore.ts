import { join } from 'node:path';
import type { StartProcess } from '../platform/process.ts';

/** Only this machine reaches the embedded store, whatever HOST says: it asks nobody for a password. */
const HOST = '127.0.0.1';

/** The embedded event store on the folder and port of the configuration. Prints the one line that scripts wait for. */
export const startEventStoreProcess: StartProcess = async (config) => {
  const { startEventStore } = await import('../embedded/event-store/server.ts');
  const dataDir = join(config.dataDir, 'event-store');
  const server = await startEventStore({ host: HOST, port: config.eventStorePort, dataDir, ephemeral: false, allowProduction: false });
  process.stdout.write(`ready ${server.url} pid=${process.pid}\n`);
  return { ports: { eventStore: server.port }, urls: { eventStore: server.url }, stop: () => server.stop() };
};
