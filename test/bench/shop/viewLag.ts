import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, clientOf } from './client.ts';
import type { Opened } from './world.ts';

const EVERY_MS = 100;
/** Views this late are broken, not late. */
const LAG_MAX_MS = 30_000;

/** Paths whose answers come from all the views between them. */
const pathsOf = (user: string, { policyId }: Opened): string[] => [
  `/users/${user}/balance`,
  `/users/${user}/balance/history`,
  `/users/${user}/coupons`,
  `/users/${user}/orders`,
  '/products',
  '/products/top/realtime',
  `/coupon-policies/${policyId}`,
];

/** Milliseconds from a 201 until every view has shown its position, the answers' own time included. */
const sample = async (client: Client, user: string, paths: readonly string[]): Promise<number | null> => {
  const { readAfter, status } = await client.post(`/users/${user}/balance`, { amount: 1 });
  if (status !== 201) return null;
  const from = performance.now();
  const shown = async (path: string): Promise<void> => {
    while (performance.now() - from < LAG_MAX_MS && (await client.get(path, readAfter)).status !== 200);
  };
  await Promise.all(paths.map(shown));
  return performance.now() - from;
};

/** Looks every 100 ms how late the views are, until it is stopped; `stop` answers all samples. */
export const watchViewLag = (url: string, world: Opened): { stop(): Promise<number[]> } => {
  const client = clientOf(url);
  const user = `${world.users[0]}-probe`;
  const paths = pathsOf(user, world);
  const found: number[] = [];
  let isOver = false;
  const watch = async (): Promise<void> => {
    while (!isOver) {
      const from = performance.now();
      const lag = await sample(client, user, paths);
      if (lag !== null) found.push(lag);
      await sleep(Math.max(0, EVERY_MS - (performance.now() - from)));
    }
  };
  const watching = watch();
  return {
    stop: async () => {
      isOver = true;
      await watching;
      client.close();
      return found;
    },
  };
};
