import { createApp, listen } from '../platform/http.ts';
import type { StartProcess } from '../platform/process.ts';
import { createCommandSide } from './module.ts';
import { explainCommandError } from './routes/explain.ts';

/** `till command-api`: the command API alone. */
export const startCommandApi: StartProcess = async (config, log) => {
  const side = createCommandSide(config, log);
  const app = createApp({ log, tables: [side.routes], health: side.health, explain: explainCommandError });
  const server = await listen(app, config.host, config.commandPort);
  return {
    ports: { command: server.port },
    stop: async () => {
      await server.close();
      await side.close();
    },
  };
};
