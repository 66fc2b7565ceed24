// A consumer of Tillstream's order events, as a data platform would run one: it keeps every placed order once in a table of its own.
import { readFileSync } from 'node:fs';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { keep, sort } from './orders.mjs';

const TOPIC = 'order.completed.v1';
const { KAFKA_BROKERS, DATABASE_URL, KAFKA_GROUP = 'data-platform' } = process.env;
if (!KAFKA_BROKERS || !DATABASE_URL) {
  console.error('usage: KAFKA_BROKERS=host:port[,…] DATABASE_URL=postgres://… [KAFKA_GROUP=data-platform] node consumer.mjs');
  process.exit(2);
}

const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 2, connectionTimeoutMillis: 5_000, statement_timeout: 10_000 });
pool.on('error', (error) => console.error(`a connection to Postgres was lost: ${error.message}`));
await pool.query(readFileSync(new URL('schema.sql', import.meta.url), 'utf8'));

const kafka = new Kafka({
  brokers: KAFKA_BROKERS.split(','),
  clientId: 'data-platform',
  logLevel: logLevel.ERROR,
  retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 8 },
});
const consumer = kafka.consumer({ groupId: KAFKA_GROUP, sessionTimeout: 6_000, heartbeatInterval: 1_000, allowAutoTopicCreation: false });

/** The rows first, then the offset: who dies between the two is given the batch again and finds it kept. */
const work = async ({ batch, resolveOffset, commitOffsetsIfNecessary, heartbeat }) => {
  const { topic, partition, messages } = batch;
  const sorted = sort(messages);
  const fresh = await keep(pool, topic, partition, sorted);
  const last = batch.lastOffset();
  resolveOffset(last);
  const offset = String(BigInt(last) + 1n);
  // Not `consumer.commitOffsets`: that one makes a lost membership an error for good.
  await commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset }] }] });
  await heartbeat();
  const repeated = sorted.orders.length - fresh;
  console.log(`partition ${partition} up to offset ${last}: ${fresh} new, ${repeated} kept before, ${sorted.unreadable.length} unreadable`);
};

const stop = async (status) => {
  await consumer.disconnect().catch(() => undefined);
  await pool.end();
  process.exit(status);
};
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void stop(0));
// Where kafkajs gives up for good, whoever supervises this process starts it again; it goes on where it was.
consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
  console.error(`the consumer failed: ${error.message}`);
  if (!restart) void stop(1);
});

await consumer.connect();
await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: work });
console.log(`keeping the orders of ${TOPIC} as group ${KAFKA_GROUP}`);
