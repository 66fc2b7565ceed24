import { createCommandSide } from '../commands/module.ts';
import { explainCommandError } from '../commands/routes/explain.ts';
import { createApp, listen } from '../platform/http.ts';
import type { StartProcess } from '../platform/process.ts';
import { createQuerySide } from '../read-api/module.ts';

/**
 * `till api`, the local default: command API, query API and the edge that serves both on one port, in one
 * process and without a proxy hop. The edge holds no rule: it mounts the routes of both.
 */
export const startApi: StartProcess = async (config, log) => {
  const commands = createCommandSide(config, log);
  const queries = await createQuerySide(config, log);
  const explain = explainCommandError;
  const commandApp = createApp({ log, tables: [commands.routes], health: commands.health, explain });
  const queryApp = createApp({ log, tables: [queries.routes], health: queries.health });
  const edgeApp = createApp({ log, tables: [commands.routes, queries.routes], health: { ...commands.health, ...queries.health }, explain });
  const servers = await Promise.all([
    listen(edgeApp, config.host, config.edgePort),
    listen(commandApp, config.host, config.commandPort),
    listen(queryApp, config.host, config.queryPort),
  ]);
  const [edge, command, query] = servers;
  return {
    ports: { edge: edge.port, command: command.port, query: query.port },
    stop: async () => {
      await Promise.all(servers.map((server) => server.close()));
      await Promise.all([commands.close(), queries.close()]);
    },
  };
};
