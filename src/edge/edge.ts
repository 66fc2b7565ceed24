import { reachableHost } from '../platform/config.ts';
import { createApp, listen } from '../platform/http.ts';
import { createMetrics } from '../platform/metrics.ts';
import type { StartProcess } from '../platform/process.ts';
import { rateLimitOf } from '../platform/rateLimit.ts';
import { edgeDocument, edgeHealth } from './edgeHealth.ts';
import { proxy } from './proxy.ts';
import { UpstreamClient } from './upstreamRequest.ts';
import { Upstreams } from './upstreams.ts';

const TITLE = 'Tillstream';

/** `till edge`: one port before several command and query APIs. Without COMMAND_URLS and QUERY_URLS it serves those of this machine. */
export const startEdge: StartProcess = async (config, log) => {
  const local = (port: number): readonly string[] => [`http://${reachableHost(config.host)}:${port}`];
  const monotonic = () => performance.now();
  const commands = new Upstreams(config.commandUrls.length > 0 ? config.commandUrls : local(config.commandPort), monotonic);
  const queries = new Upstreams(config.queryUrls.length > 0 ? config.queryUrls : local(config.queryPort), monotonic);
  const client = new UpstreamClient();
  const app = createApp({
    log,
    tables: [],
    health: edgeHealth(commands, queries),
    title: TITLE,
    document: () => edgeDocument(TITLE, commands, queries),
    metrics: createMetrics(),
    rateLimit: rateLimitOf(config),
    trustedProxies: config.trustedProxies,
    through: proxy({ commands, queries, client, log }),
  });
  const server = await listen(app, config.host, config.edgePort);
  return {
    ports: { edge: server.port },
    stop: async () => {
      await server.close();
      client.close();
    },
  };
};
