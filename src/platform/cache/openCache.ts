import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Cache } from './cache.ts';
import { createInProcessCache } from './inProcessCache.ts';
import { type CacheObserver, createRedisCache } from './redisCache.ts';

/** Who uses it: both may run in one process, and are measured apart. */
export type CacheUser = 'command' | 'query';

/** The cache on this Redis server, measured; without one (`null`) a cache that this process has for itself. */
export const openCache = (url: string | null, user: CacheUser, log: Logger, metrics: Metrics): Cache =>
  url === null ? createInProcessCache() : createRedisCache(url, told(user, log, metrics));

const told = (user: CacheUser, log: Logger, metrics: Metrics): CacheObserver => {
  let up = false;
  metrics.gauge(`till_${user}_cache_up`, `1 while Redis answers the ${user} side.`, [], (gauge) => gauge.set(Number(up)));
  const reads = metrics.counter(`till_${user}_cache_reads_total`, `What the ${user} side found in Redis.`, ['answer']);
  return {
    answers: (does, why) => {
      up = does;
      if (does) log.info({ user }, 'Redis answers');
      else log.warn({ user, err: why }, 'Redis does not answer: the shop goes on without it');
    },
    read: (answer) => reads.inc({ answer }),
  };
};
