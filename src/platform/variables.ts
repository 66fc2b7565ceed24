import { z } from 'zod';

// How the text of a variable is read, by kind. What each says of a fault stands behind the name of the variable.

/** Servers of one kind behind an edge. */
const UPSTREAMS_MAX = 32;

export const whole = (min: number, max: number, fallback: number) =>
  z
    .string()
    .refine((text) => /^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .default(fallback);

export const port = (fallback: number) => whole(0, 65_535, fallback);

export const flag = z
  .enum(['1', '0', 'true', 'false'], 'must be 1, 0, true or false')
  .transform((text) => text === '1' || text === 'true')
  .default(false);

export const isZone = (name: string): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
};

/** With a negative keep-alive the client never notices a server that hangs. */
const keepsAlive = (url: string): boolean =>
  ![...new URLSearchParams(url.split('?')[1] ?? '')].some(
    ([name, value]) => /^keepAlive(Interval|Timeout)$/i.test(name) && Number(value) < 0,
  );

export const eventStoreUrl = z
  .string()
  .regex(/^esdb(\+discover)?:\/\/[^/?]+/, 'must start with esdb:// or esdb+discover:// and name a host')
  .refine(keepsAlive, 'must not switch keep-alive off: a server that hangs would never be noticed')
  .nullable()
  .default(null);

export const databaseUrl = z
  .string()
  .regex(/^postgres(ql)?:\/\/[^/]+/, 'must start with postgres:// and name a host')
  .nullable()
  .default(null);

/** Host and, if need be, user, password, port and number of the database; the client's options are not to be set from here. */
const REDIS = /^rediss?:\/\/(?:[^/?#@\s]*@)?(?:\[[\da-f:]+\]|[^/?#@:\s[\]]+)(?::\d{1,5})?(?:\/\d{0,3})?$/i;

export const redisUrl = z
  .string()
  .refine((url) => REDIS.test(url) && URL.canParse(url), 'must be redis://host or rediss://host, with :port and /database if need be')
  .nullable()
  .default(null);

/** Brokers of one cluster that are named at most. */
const BROKERS_MAX = 32;

/** Kafka's brokers, parted by commas; each tells of all the others. */
export const brokers = z
  .string()
  .transform((text): readonly string[] => text.split(',').map((broker) => broker.trim()))
  .refine(
    (all) => all.length <= BROKERS_MAX && all.every((broker) => /^[^\s,:/@]+:\d{1,5}$/.test(broker)),
    'must be host:port, several parted by commas',
  )
  .default([]);

/** Addresses that only this machine reaches. */
export const isLoopback = (host: string): boolean => /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|\[::1\])$/i.test(host);

const isBase = (text: string): boolean => {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url?.protocol === 'http:' && url.username === '' && `${url.origin}/` === url.href && !text.includes('#') && !text.includes('?');
};

/** Base URLs parted by commas, in the order in which they are asked. */
export const baseUrls = z
  .string()
  .transform((text) => text.split(',').map((url) => url.trim()))
  .refine((urls) => urls.length <= UPSTREAMS_MAX, `must name ${UPSTREAMS_MAX} servers at most`)
  .refine((urls) => urls.every(isBase), 'must be http://host:port, several parted by commas')
  .transform((urls): readonly string[] => urls.map((url) => new URL(url).origin))
  .default([]);
