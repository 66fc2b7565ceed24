import { startPostgres } from '../embedded/postgres.ts';
import type { StartProcess } from '../platform/process.ts';

/** Only this machine reaches the embedded server, whatever HOST says: its access rules know no other. */
const HOST = '127.0.0.1';

/** The process around the embedded Postgres; it ends when the server ends unasked, so that a supervisor starts both again. */
export const startPostgresProcess: StartProcess = async (config, log) => {
  const server = await startPostgres({ dataDir: config.dataDir, host: HOST, port: config.postgresPort, durable: true });
  let stopping = false;
  void server.ended.then((output) => {
    if (stopping) return;
    log.fatal({ output }, 'the server ended');
    process.exit(1);
  });
  const stop = (): Promise<void> => {
    stopping = true;
    return server.stop();
  };
  return { ports: { postgres: server.port }, urls: { postgres: server.url }, stop };
};
