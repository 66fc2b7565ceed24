import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createMemoryEventStore, type MemoryEventStore } from '../../src/platform/eventStore/memoryEventStore.ts';
import { type Database, openDatabase } from '../../src/platform/postgres.ts';
import { kafkaQueue } from '../../src/platform/queue/kafkaQueue.ts';
import type { Message, Queue } from '../../src/platform/queue/queue.ts';
import { ORDER_COMPLETED, orderCompleted } from '../../src/publishing/orderCompleted.ts';
import type { OrderPublisher } from '../../src/publishing/publisher.ts';
import { distinct, makePublisher, placeOrders } from '../publishing/support.ts';
import { KAFKA_START_MAX_MS, type TestKafka, testKafka } from '../support/kafka.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { until } from '../support/processes.ts';
import { silentLog } from '../support/silentLog.ts';

const CONSUMER = fileURLToPath(new URL('../../examples/data-platform/consumer.mjs', import.meta.url));
const KEPT_MAX_MS = 60_000;
jest.setTimeout(KAFKA_START_MAX_MS + 120_000);

type Consumer = Readonly<{
  /** The sum of one of the numbers that it tells of each batch. */
  told(what: 'new' | 'kept before' | 'unreadable'): number;
  /** Ends it, and answers its status. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}>;

const consumerOf = (child: ChildProcess): Consumer => {
  let printed = '';
  child.stdout?.on('data', (chunk) => {
    printed += String(chunk);
  });
  const told = (what: string): number =>
    [...printed.matchAll(new RegExp(`(\\d+) ${what}`, 'g'))].reduce((sum, [, n]) => sum + Number(n), 0);
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const ended = once(child, 'close');
    child.kill(signal);
    return (await ended)[0] as number | null;
  };
  return { told, end };
};

describe('the example of a data platform', () => {
  let kafka: TestKafka;
  let home: TestDatabase;
  let database: Database;
  let queue: Queue;
  let store: MemoryEventStore;
  let publisher: OrderPublisher;
  const ids: string[] = [];
  const consumers: Consumer[] = [];

  beforeAll(async () => {
    [kafka, home] = await Promise.all([testKafka(), createTestDatabase()]);
    await kafka.start();
    database = openDatabase(home.url, { onConnectionError: () => undefined });
    queue = kafkaQueue({ brokers: kafka.brokers, clientId: 'test', log: silentLog });
    store = createMemoryEventStore();
    ({ publisher } = makePublisher(store, queue));
    publisher.start();
  }, KAFKA_START_MAX_MS);
  afterEach(async () => {
    await Promise.all(consumers.splice(0).map((one) => one.end('SIGKILL')));
  });
  afterAll(async () => {
    await publisher.stop();
    await Promise.all([queue.close(), store.close(), database.close()]);
    await Promise.all([kafka.end(), home.drop()]);
  });

  const startConsumer = (group = 'data-platform'): Consumer => {
    const env = { PATH: process.env.PATH, KAFKA_BROKERS: kafka.brokers.join(','), DATABASE_URL: home.url, KAFKA_GROUP: group };
    const one = consumerOf(spawn(process.execPath, [CONSUMER], { env, stdio: ['ignore', 'pipe', 'inherit'] }));
    consumers.push(one);
    return one;
  };
  const kept = async (): Promise<readonly string[]> => {
    const { rows } = await database.query<{ event_id: string }>('select event_id from placed_orders order by event_id');
    return rows.map(({ event_id }) => event_id);
  };
  const place = async (from: number, to: number): Promise<void> => void ids.push(...(await placeOrders(store, from, to)));
  const untilKept = async (): Promise<void> => {
    await until(async () => (await kept().catch(() => [])).length >= ids.length, KEPT_MAX_MS);
    expect(await kept()).toEqual(distinct(ids));
  };
  /** Every order once more, as a publisher that was killed would send them. */
  const allAgain = async (): Promise<readonly Message[]> => {
    const events = await store.readStream('account-ann', 0n, { maxCount: 1_000 });
    const storeId = await store.identity();
    return events.map((event) => orderCompleted(event, storeId)).flatMap((one) => (one.kind === 'message' ? [one.message] : []));
  };

  it('keeps each order once, whole', async () => {
    await place(1, 30);
    // The topic is made by the publisher; a consumer that comes before it ends.
    await until(() => queue.lag('nobody', ORDER_COMPLETED).catch(() => undefined), KEPT_MAX_MS);
    const consumer = startConsumer();
    await untilKept();
    const whole = "select user_id, lines, total_amount::int, completed_at from placed_orders where order_id = 'order-7'";
    expect((await database.query(whole)).rows).toEqual([
      {
        user_id: 'ann',
        lines: [{ productId: 'p1', name: 'tea', quantity: 2, unitPrice: 1_500 }],
        total_amount: 3_000,
        completed_at: new Date('2026-03-01T03:00:00.000Z'),
      },
    ]);
    await until(() => consumer.told('new') === 30);
    expect(await consumer.end('SIGTERM')).toBe(0);
  });

  it('keeps repeats out, and what it cannot read aside', async () => {
    const consumer = startConsumer();
    const junk = ['no JSON', '{"specversion":"1.0","type":"order.completed.v1"}', '{"specversion":"1.0","type":"another"}'];
    const message = (value: string): Message => ({ key: 'k', value, headers: {} });
    await queue.send(ORDER_COMPLETED, [...(await allAgain()), ...junk.map(message), ...(await allAgain())]);
    await until(() => consumer.told('kept before') >= 60 && consumer.told('unreadable') >= 2, KEPT_MAX_MS);
    expect(await kept()).toEqual(distinct(ids));
    const { rows } = await database.query<{ reason: string }>('select reason from unreadable_messages order by reason desc');
    expect(rows).toEqual([{ reason: 'lines are missing' }, { reason: expect.stringContaining('JSON') }]);
  });

  it('goes on where it was when it is killed in the midst, and finds what it kept when it is given everything again', async () => {
    const victim = startConsumer();
    await place(31, 60);
    await until(() => victim.told('new') > 0, KEPT_MAX_MS);
    await victim.end('SIGKILL');
    await place(61, 80);
    startConsumer();
    await untilKept();
    const reader = startConsumer('from-the-beginning');
    await until(() => reader.told('kept before') >= 80 + 60, KEPT_MAX_MS);
    expect(reader.told('new')).toBe(0);
    expect(await kept()).toEqual(distinct(ids));
  });
});
