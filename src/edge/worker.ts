import { createWorkerSide } from '../commands/module.ts';
import { createApp, listen } from '../platform/http.ts';
import { createMetrics } from '../platform/metrics.ts';
import type { StartProcess } from '../platform/process.ts';
import { createOrderPublisher } from '../publishing/module.ts';

/**
 * `till coupon-worker`: decides queued coupon requests and publishes placed orders, the two parts of the shop that wait for Kafka. Health and
 * metrics on its own port.
 */
export const startCouponWorker: StartProcess = async (config, log) => {
  const metrics = createMetrics();
  const side = createWorkerSide(config, log, metrics);
  const publishing = createOrderPublisher(config, log, metrics);
  const health = { ...side.health, ...publishing.health };
  const app = createApp({ log, tables: [], health, metrics, title: 'Tillstream coupon worker' });
  const server = await listen(app, config.host, config.workerPort);
  publishing.start();
  return {
    ports: { worker: server.port },
    stop: async () => {
      await server.close();
      await Promise.all([publishing.stop(), side.close()]);
    },
  };
};
