import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaAdmin } from './kafkaAdmin.ts';
import type { Watched } from './kafkaMember.ts';

/** How often it is looked, and after how many looks in a row without progress a member counts as dead: 30 s. */
export type WatchTimes = Readonly<{ lookEveryMs: number; looksMax: number }>;
export const WATCH_TIMES: WatchTimes = { lookEveryMs: 5_000, looksMax: 6 };

type Stall = Readonly<{ committed: bigint; looks: number }>;

/**
 * Looks whether a member makes progress: a partition it holds has messages, and the committed offset does not move. Such a member
 * may be dead inside and look alive (kafkajs #1443, #1445). Counts looks, not time, so that a process that slept is not judged by
 * its sleep; a broker that does not answer says nothing about the member.
 */
export const watch = async (member: Watched, admin: KafkaAdmin, stopped: AbortSignal, times: WatchTimes): Promise<void> => {
  const { group, topic } = member.options;
  let stalls = new Map<number, Stall>();
  for (;;) {
    await sleep(times.lookEveryMs, undefined, { signal: stopped, ref: false }).catch(() => undefined);
    if (stopped.aborted) return;
    const lags = (await admin.lag(group, topic).catch(() => [])).filter(
      ({ partition, committed, end }) => committed < end && member.holds(partition),
    );
    const before = stalls;
    stalls = new Map(
      lags.map(({ partition, committed }) => {
        const stall = before.get(partition);
        return [partition, { committed, looks: stall?.committed === committed ? stall.looks + 1 : 0 }];
      }),
    );
    const [stalled] = [...stalls].find(([, { looks }]) => looks >= times.looksMax) ?? [];
    if (stalled === undefined) continue;
    const seconds = (times.lookEveryMs * times.looksMax) / 1_000;
    member.dies(new Error(`${group} made no progress in partition ${stalled} of ${topic} for ${seconds} s, although messages are there`));
    return;
  }
};
