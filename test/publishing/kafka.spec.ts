import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { accountStream } from '../../src/domain/account.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { parseConfig } from '../../src/platform/config.ts';
import { createMetrics, type Metrics } from '../../src/platform/metrics.ts';
import { kafkaQueue } from '../../src/platform/queue/kafkaQueue.ts';
import type { Queue, Received } from '../../src/platform/queue/queue.ts';
import { createOrderPublisher, type PublishingSide } from '../../src/publishing/module.ts';
import { ORDER_COMPLETED, ORDER_PLACED } from '../../src/publishing/orderCompleted.ts';
import { KAFKA_START_MAX_MS, type TestKafka, testKafka } from '../support/kafka.ts';
import { until } from '../support/processes.ts';
import { startShop, type TestShop } from '../support/shop.ts';
import { silentLog } from '../support/silentLog.ts';
import { distinct, orderPlaced, parkedIn, record } from './support.ts';

/** A start of the broker, on a machine that does much else, and what the test itself takes. */
const TEST_MAX_MS = KAFKA_START_MAX_MS + 120_000;
jest.setTimeout(TEST_MAX_MS);
/** Milliseconds for which it is tried to fill the shop, on a machine that does much else. */
const SET_UP_MAX_MS = 60_000;
const PUBLISHED_MAX_MS = 90_000;
const ORDERS = 12;

describe('order events in Kafka', () => {
  let shop: TestShop;
  let kafka: TestKafka;
  let queue: Queue;
  let metrics: Metrics;
  let publishing: PublishingSide[];
  let user: string;
  let product: string;
  /** What a reader of the topic was given, repeats included. */
  const received: Received[] = [];

  const startPublisher = (measures = createMetrics()): PublishingSide => {
    const env = { EVENTSTORE_URL: shop.eventStoreUrl, KAFKA_BROKERS: kafka.brokers.join(',') };
    const side = createOrderPublisher(parseConfig(env), silentLog, measures);
    publishing.push(side);
    side.start();
    return side;
  };
  beforeAll(async () => {
    publishing = [];
    [shop, kafka] = await Promise.all([startShop(), testKafka()]);
    user = `user-${randomUUID()}`;
    product = `thing-${randomUUID()}`;
    await until(async () => (await shop.charge(user, 1_000_000)).status === 201, SET_UP_MAX_MS);
    await until(async () => (await shop.createProduct({ id: product, price: 100, stock: 1_000 })).status === 201, SET_UP_MAX_MS);
    queue = kafkaQueue({ brokers: kafka.brokers, clientId: 'test', log: silentLog });
    const handle = async (messages: readonly Received[]) => void received.push(...messages);
    await queue.consume({ group: 'readers', topic: ORDER_COMPLETED, batchMax: 1_000, handle, onDead: fail });
    metrics = createMetrics();
    startPublisher(metrics);
  }, KAFKA_START_MAX_MS);
  afterAll(async () => {
    await Promise.all(publishing.map((side) => side.stop()));
    await queue.close();
    await Promise.all([shop.stop(), kafka.end()]);
  }, TEST_MAX_MS);

  const placeOrders = async (): Promise<void> => {
    for (let n = 0; n < ORDERS; n += 1) expect(await shop.order(user, { [product]: 1 })).toMatchObject({ status: 201 });
  };
  /** The ids of all placed orders' events, as the log has them. */
  const placed = async (): Promise<readonly string[]> => {
    const events = await shop.store.readStream(accountStream(user as UserId), 0n, { maxCount: 4_000 });
    return events.flatMap(({ type, id }) => (type === ORDER_PLACED ? [id] : []));
  };
  const receivedIds = (): readonly string[] => distinct(received.map(({ headers }) => headers.ce_id ?? ''));
  const untilReceived = async (ids: readonly string[]): Promise<void> => {
    await until(() => ids.every((id) => receivedIds().includes(id)), PUBLISHED_MAX_MS);
    expect(receivedIds()).toEqual(distinct(ids));
  };
  /** Waits until what was sent before has come: nothing new for two seconds. */
  const allReceived = async (): Promise<void> => {
    let [seen, since] = [received.length, performance.now()];
    await until(() => {
      if (received.length !== seen) [seen, since] = [received.length, performance.now()];
      return performance.now() - since > 2_000;
    }, PUBLISHED_MAX_MS);
  };
  /** Sets the topic's own settings to these, and all others back to the broker's. */
  const limitTopic = async (configEntries: { name: string; value: string }[]): Promise<void> => {
    const admin = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name: ORDER_COMPLETED, configEntries }] });
    await admin.disconnect();
  };
  const measured = async (name: string): Promise<number> =>
    Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await metrics.registry.metrics())?.[1]);

  it('orders are placed while no broker is there, and all are published when one is', async () => {
    await placeOrders();
    expect(() => publishing[0]?.health.orderPublisher?.()).toThrow();
    await until(async () => (await measured('till_orders_unpublished')) === ORDERS, 30_000);
    await kafka.start();
    await untilReceived(await placed());
    expect(await measured('till_orders_published_total')).toBeGreaterThanOrEqual(ORDERS);
    await until(async () => (await measured('till_orders_unpublished')) === 0, 30_000);
    await until(() => isHealthy(publishing[0]), 30_000);
  });

  it('orders are placed while the broker is killed, and none is missing when it is back', async () => {
    await kafka.kill();
    await placeOrders();
    await kafka.start();
    await placeOrders();
    await untilReceived(await placed());
    expect(await placed()).toHaveLength(3 * ORDERS);
  });

  it('a message that the broker refuses is parked, and those sent with it are published', async () => {
    await limitTopic([{ name: 'max.message.bytes', value: '3000' }]);
    const before = receivedIds();
    const large = orderPlaced('order-large', 'x'.repeat(5_000));
    const small = Array.from({ length: 12 }, (_, n) => orderPlaced(`order-small-${n}`));
    await record(shop.store, [...small.slice(0, 6), large, ...small.slice(6)], 'account-guest');
    await untilReceived([...before, ...small.map(({ id }) => id)]);
    await until(async () => (await parkedIn(shop.store)).length > 0);
    expect(await parkedIn(shop.store)).toEqual([expect.objectContaining({ eventId: large.id, reason: 'refused' })]);
    expect(await measured('till_orders_parked_total')).toBe(1);
    // The limit is one of a whole batch: left in place, it would have ordinary orders sent in halves, and so repeated.
    await limitTopic([]);
  });

  it('a publisher that was stopped leaves nothing to repeat to the next one', async () => {
    await Promise.all(publishing.splice(0).map((side) => side.stop()));
    await allReceived();
    const [before, placedBefore] = [received.length, new Set(await placed())];
    startPublisher();
    await placeOrders();
    await untilReceived([...receivedIds(), ...(await placed())]);
    await allReceived();
    const since = received.slice(before);
    expect(since.length).toBeGreaterThanOrEqual(ORDERS);
    expect(since.filter(({ headers }) => placedBefore.has(headers.ce_id ?? ''))).toEqual([]);
  });
});

/** Fails in the test rather than in the consumer. */
const fail = (error: Error): void => {
  throw error;
};

const isHealthy = (side: PublishingSide | undefined): boolean => {
  try {
    void side?.health.orderPublisher?.();
    return true;
  } catch {
    return false;
  }
};
