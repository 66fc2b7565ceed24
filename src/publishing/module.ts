import { systemClock } from '../platform/clock.ts';
import type { Config } from '../platform/config.ts';
import { createEsdbEventStore } from '../platform/eventStore/esdbEventStore.ts';
import { createStreamTruncation } from '../platform/eventStore/streamTruncation.ts';
import type { HealthChecks } from '../platform/health.ts';
import type { Logger } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import { kafkaQueue } from '../platform/queue/kafkaQueue.ts';
import { countedOrders, tellLag } from './metrics.ts';
import { OrderPublisher } from './publisher.ts';

/** The publisher as a process runs it. It reads only the log, and nobody waits for it. */
export type PublishingSide = Readonly<{
  start(): void;
  /** Ends behind the batch under way, within 5 s when the brokers do not answer. */
  stop(): Promise<void>;
  health: HealthChecks;
}>;

/** Without brokers nobody listens, and nothing is read. */
const nobodyListens: PublishingSide = { start: () => undefined, stop: async () => undefined, health: {} };

/** Publishes placed orders to Kafka where brokers are configured, and does nothing where none are. */
export const createOrderPublisher = (config: Config, log: Logger, metrics: Metrics): PublishingSide => {
  if (config.kafkaBrokers.length === 0) return nobodyListens;
  if (config.eventStoreUrl === null) throw new Error('the order publisher needs EVENTSTORE_URL');
  const store = createEsdbEventStore(config.eventStoreUrl);
  const truncation = createStreamTruncation(config.eventStoreUrl);
  const queue = kafkaQueue({ brokers: config.kafkaBrokers, clientId: 'tillstream-order-publisher', log });
  const { truncate } = truncation;
  const publisher = new OrderPublisher({ store, queue, truncate, clock: systemClock, log, observer: countedOrders(metrics) });
  tellLag(publisher, metrics);
  return {
    start: () => publisher.start(),
    stop: async () => {
      const stopped = publisher.stop();
      // Whoever waits for the brokers is told at once that it is over; a batch under way still has its answer.
      await queue.close();
      await stopped;
      await Promise.all([store.close(), truncation.close()]);
    },
    health: { orderPublisher: () => publisher.check() },
  };
};
