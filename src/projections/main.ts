import { createEsdbEventStore } from '../platform/eventStore/esdbEventStore.ts';
import { createApp, listen } from '../platform/http.ts';
import { createMetrics } from '../platform/metrics.ts';
import type { StartProcess } from '../platform/process.ts';
import { measureViews } from './metrics.ts';
import { createContainer, Id } from './module.ts';
import type { Runner } from './runner.ts';
import { sleep } from './sleep.ts';

/** Milliseconds to wait for the views to be filled before the process counts as started; `/health/ready` tells the rest. */
const FIRST_CATCH_UP_MAX_MS = 30_000;
const LOOK_EVERY_MS = 20;

/** Ready is who keeps the views up with the log, and who stands by for another that does. */
const isReady = ({ state }: Runner): boolean => state === 'following' || state === 'standing-by';

/** The projector process: the runner, and health and metrics on its own port. */
export const startProjector: StartProcess = async (config, log) => {
  if (config.eventStoreUrl === null) throw new Error('the projector needs EVENTSTORE_URL');
  const store = createEsdbEventStore(config.eventStoreUrl);
  const container = createContainer(config, log, store);
  const database = container.get(Id.database);
  const runner = container.get(Id.runner);
  const health = {
    views: () => {
      if (!isReady(runner)) throw new Error(`the runner is ${runner.state}`);
    },
    postgres: async () => void (await database.query('select 1')),
  };
  const metrics = createMetrics();
  const app = createApp({ log, tables: [], health, metrics, title: 'Tillstream projector' });
  const server = await listen(app, config.host, config.projectorPort);
  const measuring = measureViews(metrics, store, database);
  runner.start();
  const latest = AbortSignal.timeout(FIRST_CATCH_UP_MAX_MS);
  while (!latest.aborted && !isReady(runner) && runner.refusal === null) await sleep(LOOK_EVERY_MS, latest);
  const stop = async () => {
    await Promise.all([runner.stop(), measuring.stop()]);
    await server.close();
    await Promise.all([database.close(), store.close()]);
  };
  if (runner.refusal !== null) {
    await stop();
    throw runner.refusal;
  }
  return { ports: { projector: server.port }, stop };
};
