import type { CommandSide } from '../../commands/module.ts';
import { explainCommandError } from '../../commands/routes/explain.ts';
import type { Config } from '../../platform/config.ts';
import type { Listening } from '../../platform/http.ts';
import { Admission } from '../../platform/loadShedding.ts';
import type { Logger } from '../../platform/log.ts';
import type { Metrics } from '../../platform/metrics.ts';
import { ZonedTime } from '../../platform/zonedTime.ts';
import { createQuerySide, type QuerySide } from '../../read-api/module.ts';
import { listenGrpc } from './server.ts';
import { callsOf } from './services.ts';

type Process = Readonly<{ config: Config; log: Logger; metrics: Metrics }>;

/** Serves seed 004's gRPC services on GRPC_PORT, over both sides of the shop. */
export const startGrpc = ({ config, log, metrics }: Process, commands: CommandSide, queries: QuerySide): Promise<Listening> =>
  listenGrpc({
    calls: callsOf({ ...commands.seed004, queries: queries.seed004, dates: new ZonedTime(config.serviceZone) }),
    parts: {
      admission: new Admission(),
      durations: metrics.durations('till_grpc_request_duration_seconds', 'From the call read to its answer.'),
      log,
      explain: explainCommandError,
    },
    health: { ...commands.health, ...queries.health },
    host: config.host,
    port: config.grpcPort,
  });

/** The same in a process that has the write side alone: what it shows it reads itself. */
export const startGrpcBesideCommands = async (process: Process, commands: CommandSide): Promise<Listening> => {
  const queries = await createQuerySide(process.config, process.log, process.metrics);
  const server = await startGrpc(process, commands, queries).catch(async (error: unknown) => {
    await queries.close();
    throw error;
  });
  const close = async (): Promise<void> => {
    await server.close();
    await queries.close();
  };
  return { port: server.port, close };
};
