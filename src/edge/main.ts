import { createCommandSide } from '../commands/module.ts';
import { explainCommandError } from '../commands/routes/explain.ts';
import { type AppOptions, createApp, listen } from '../platform/http.ts';
import { createMetrics } from '../platform/metrics.ts';
import type { StartProcess } from '../platform/process.ts';
import { rateLimitOf } from '../platform/rateLimit.ts';
import { createQuerySide } from '../read-api/module.ts';
import { startGrpc } from './grpc/start.ts';

/**
 * `till api`, the local default: command API, query API and the edge that serves both on one port, in one
 * process and without a proxy hop, and the gRPC services. The edge holds no rule: it mounts the routes of both.
 */
export const startApi: StartProcess = async (config, log) => {
  const metrics = createMetrics();
  const commands = createCommandSide(config, log, metrics);
  const queries = await createQuerySide(config, log, metrics);
  const app = (own: Pick<AppOptions, 'title' | 'tables' | 'health'>) =>
    createApp({
      log,
      metrics,
      rateLimit: rateLimitOf(config),
      trustedProxies: config.trustedProxies,
      explain: explainCommandError,
      ...own,
    });
  const health = { ...commands.health, ...queries.health };
  const servers = await Promise.all([
    listen(app({ title: 'Tillstream', tables: [commands.routes, queries.routes], health }), config.host, config.edgePort),
    listen(app({ title: 'Tillstream commands', tables: [commands.routes], health: commands.health }), config.host, config.commandPort),
    listen(app({ title: 'Tillstream queries', tables: [queries.routes], health: queries.health }), config.host, config.queryPort),
    startGrpc({ config, log, metrics }, commands, queries),
  ]);
  const [edge, command, query, grpc] = servers;
  return {
    ports: { edge: edge.port, command: command.port, query: query.port, grpc: grpc.port },
    stop: async () => {
      await Promise.all(servers.map((server) => server.close()));
      await Promise.all([commands.close(), queries.close()]);
    },
  };
};
