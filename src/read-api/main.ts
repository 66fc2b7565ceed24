import { createApp, listen } from '../platform/http.ts';
import { createMetrics } from '../platform/metrics.ts';
import type { StartProcess } from '../platform/process.ts';
import { rateLimitOf } from '../platform/rateLimit.ts';
import { createQuerySide } from './module.ts';

/** `till query-api`: the queries on a port of their own. It needs no event store, and answers while that is stopped. */
export const startQueryApi: StartProcess = async (config, log) => {
  const metrics = createMetrics();
  const queries = await createQuerySide(config, log, metrics);
  const app = createApp({
    log,
    tables: [queries.routes],
    health: queries.health,
    title: 'Tillstream queries',
    metrics,
    rateLimit: rateLimitOf(config),
    trustedProxies: config.trustedProxies,
  });
  const server = await listen(app, config.host, config.queryPort).catch(async (error: unknown) => {
    await queries.close();
    throw error;
  });
  return {
    ports: { query: server.port },
    stop: async () => {
      await server.close();
      await queries.close();
    },
  };
};
