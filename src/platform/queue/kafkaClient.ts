import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, type KafkaMessage, type LogEntry, logLevel } from 'kafkajs';
import type { Logger } from '../log.ts';
import { sparingly } from '../sparingly.ts';
import { QueueUnavailable, type Received } from './queue.ts';

/** An answer that is not there after these milliseconds makes kafkajs ask again. */
const REQUEST_MS = 5_000;
const CONNECT_MS = 1_000;
/** 100, 200, 400, 800, then 1,000 ms: some 6 s in all, longer than any caller waits. */
const RETRY = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 8 };

/** Lines of kafkajs in so many seconds: one broker that is away would give ten a second. */
const LINES_MAX = 2;
const LINES_SECONDS = 10;

/**
 * kafkajs with the settings that were seen to survive stopped, killed and frozen brokers. `retry` has to stand here: on a producer
 * alone it does not shorten `connect`. What kafkajs says about a broker that is away becomes a line now and then.
 */
export const kafkaClient = (brokers: readonly string[], clientId: string, log: Logger): Kafka => {
  const sparing = sparingly(LINES_MAX, () => performance.now() / LINES_SECONDS);
  const say = ({ namespace, level, log: { message, stack, timestamp, logger, ...about } }: LogEntry): void =>
    sparing((unsaid) => {
      const told = { ...about, kafkajs: namespace, ...(unsaid > 0 && { unsaid }) };
      // An error of kafkajs is one try that failed; what came of it in the end is told by those who asked.
      if (level === logLevel.ERROR) log.warn(told, message);
      else log.debug(told, message);
    });
  return new Kafka({
    brokers: [...brokers],
    clientId,
    requestTimeout: REQUEST_MS,
    connectionTimeout: CONNECT_MS,
    retry: RETRY,
    logLevel: logLevel.WARN,
    logCreator: () => say,
  });
};

/** Settles as `work` does, or rejects with `QueueUnavailable` after so many milliseconds. */
export const within = async <T>(ms: number, what: string, work: Promise<T>): Promise<T> => {
  const settled = new AbortController();
  const late = sleep(ms, undefined, { signal: settled.signal }).then(() => {
    throw new QueueUnavailable(`${what}: no answer within ${ms} ms`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    settled.abort();
  }
};

/** Lets go of a client without waiting: against a frozen broker its `disconnect` never resolves. */
export const dropClient = (client: Readonly<{ disconnect(): Promise<void> }>): void => {
  client.disconnect().catch(() => undefined);
};

const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 5_000;

/** The pause before the next try after so many failures in a row (1, 2 …): 100 ms, each time twice as long, 5 s at most. */
export const pauseMs = (failures: number): number => Math.min(PAUSE_MS_MIN * 2 ** Math.min(failures - 1, 10), PAUSE_MS_MAX);

/** The type of a protocol error, as `MESSAGE_TOO_LARGE`, wherever it stands in the chain of causes. */
export const protocolErrorOf = (error: unknown): string | undefined => {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('type' in cause && typeof cause.type === 'string') return cause.type;
  }
  return undefined;
};

type Header = NonNullable<KafkaMessage['headers']>[string];

/** Of a header that stands more than once, the last one counts. */
const headerText = (header: Header): string => String((Array.isArray(header) ? header.at(-1) : header) ?? '');

export const receivedFrom = (topic: string, partition: number, { key, value, headers, offset, timestamp }: KafkaMessage): Received => ({
  topic,
  partition,
  offset: BigInt(offset),
  key: key?.toString() ?? null,
  value: value?.toString() ?? '',
  headers: Object.fromEntries(Object.entries(headers ?? {}).map(([name, header]) => [name, headerText(header)])),
  at: Number(timestamp),
});
