import type { Config } from '../config.ts';
import type { EventStore } from '../eventStore/eventStore.ts';
import type { Logger } from '../log.ts';
import { kafkaQueue } from './kafkaQueue.ts';
import type { Queue } from './queue.ts';
import type { Truncate } from './storeOffsets.ts';
import { createStoreQueue } from './storeQueue.ts';

export type QueueParts = Readonly<{ store: EventStore; truncate: Truncate; log: Logger }>;

/** Kafka where brokers are configured, else the event store. */
export const openQueue = ({ kafkaBrokers: brokers }: Pick<Config, 'kafkaBrokers'>, { store, truncate, log }: QueueParts): Queue =>
  brokers.length > 0
    ? kafkaQueue({ brokers, clientId: 'tillstream', log })
    : createStoreQueue(store, { truncate, warn: (error, what) => log.warn({ err: error }, `the queue: ${what}`) });
