import { startGrpcBesideCommands } from '../edge/grpc/start.ts';
import { createApp, listen } from '../platform/http.ts';
import { createMetrics } from '../platform/metrics.ts';
import type { StartProcess } from '../platform/process.ts';
import { rateLimitOf } from '../platform/rateLimit.ts';
import { createCommandSide } from './module.ts';
import { explainCommandError } from './routes/explain.ts';

/** `till command-api`: the command API alone, and the gRPC services, which need both sides. */
export const startCommandApi: StartProcess = async (config, log) => {
  const metrics = createMetrics();
  const side = createCommandSide(config, log, metrics);
  const app = createApp({
    log,
    tables: [side.routes],
    health: side.health,
    title: 'Tillstream commands',
    metrics,
    rateLimit: rateLimitOf(config),
    trustedProxies: config.trustedProxies,
    explain: explainCommandError,
  });
  const [server, grpc] = await Promise.all([
    listen(app, config.host, config.commandPort),
    startGrpcBesideCommands({ config, log, metrics }, side),
  ]);
  return {
    ports: { command: server.port, grpc: grpc.port },
    stop: async () => {
      await Promise.all([server.close(), grpc.close()]);
      await side.close();
    },
  };
};
