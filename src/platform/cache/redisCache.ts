import { Redis } from 'ioredis';
import { CACHE_CALL_MS_MAX, CACHE_VALUE_CHARS_MAX, type Cache } from './cache.ts';

/** Milliseconds before the second try to connect, doubling from try to try. */
const RECONNECT_MS_MIN = 50;
const RECONNECT_MS_MAX = 1_000;

/** What a cache tells of itself, for metrics and log; calls are counted and return at once. */
export type CacheObserver = Readonly<{
  /** The server began to answer, or stopped. `why`: the error that showed it. Called at changes only. */
  answers(does: boolean, why: Error | null): void;
  read(answer: 'hit' | 'miss' | 'unanswered'): void;
}>;

/**
 * Without `autoResendUnfulfilledCommands` nothing runs twice that was asked once; without the queue nothing waits for a server that is
 * not there. A command that was rejected may have run all the same: only such are sent as may.
 */
const connect = (url: string): Redis =>
  new Redis(url, {
    connectTimeout: 1_000,
    commandTimeout: CACHE_CALL_MS_MAX,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (tries) => Math.min(RECONNECT_MS_MIN * 2 ** tries, RECONNECT_MS_MAX),
    // How long a server that does not say goodbye is waited for.
    disconnectTimeout: CACHE_CALL_MS_MAX,
  });

/** Whether the server answered, and what it said was an error: it is there, and may answer the next. */
const isReply = (error: unknown): boolean => (error as Error | null)?.name === 'ReplyError';

/** Settles like the call, or rejects when its time is over: a client that forgets one must not hold up a request. */
const inTime = async <T>(call: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis did not answer within ${CACHE_CALL_MS_MAX} ms`)), CACHE_CALL_MS_MAX);
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(timer);
  }
};

/**
 * A cache on a Redis server. The first call that is not answered in time ends the connection, and until there is a new one, on which the
 * server has answered, no call is sent: a server that hangs holds up the callers of one moment and not each one after them.
 */
class RedisCache implements Cache {
  readonly isShared = true;
  private readonly redis: Redis;
  private readonly observer: CacheObserver;
  /** `null` before either was seen. */
  private isUp: boolean | null = null;
  private closed = false;

  constructor(url: string, observer: CacheObserver) {
    this.observer = observer;
    this.redis = connect(url);
    this.redis.on('ready', () => this.turn(true, null));
    this.redis.on('error', (error: Error) => this.turn(false, error));
    this.redis.on('close', () => this.turn(false, new Error('the connection is gone')));
  }

  async get(key: string): Promise<string | null> {
    const value = await this.ask((redis) => redis.get(key));
    this.observer.read(value === undefined ? 'unanswered' : value === null ? 'miss' : 'hit');
    return value ?? null;
  }

  async set(key: string, value: string, endsAt: number): Promise<void> {
    if (value.length <= CACHE_VALUE_CHARS_MAX) await this.ask((redis) => redis.set(key, value, 'PXAT', Math.floor(endsAt)));
  }

  close(): Promise<void> {
    this.closed = true;
    return new Promise((resolve) => {
      // Between two tries to connect the client ends without saying so.
      const late = setTimeout(resolve, 2 * CACHE_CALL_MS_MAX);
      this.redis.once('end', () => {
        clearTimeout(late);
        resolve();
      });
      this.redis.disconnect();
    });
  }

  /** `undefined` when it was not answered, or not asked. */
  private async ask<T>(call: (redis: Redis) => Promise<T>): Promise<T | undefined> {
    if (this.isUp !== true || this.closed) return undefined;
    try {
      return await inTime(call(this.redis));
    } catch (error) {
      if (!isReply(error) && this.isUp) {
        this.turn(false, error as Error);
        this.redis.disconnect(true);
      }
      return undefined;
    }
  }

  private turn(isUp: boolean, why: Error | null): void {
    if (this.isUp === isUp || this.closed) return;
    this.isUp = isUp;
    this.observer.answers(isUp, why);
  }
}

/** Begins to connect and returns; until the server has answered, whatever is asked is a miss. */
export const createRedisCache = (url: string, observer: CacheObserver): Cache => new RedisCache(url, observer);
