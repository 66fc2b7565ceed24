import { cpuTimeMs } from '../../proof/storeProcess.ts';
import type { Figure } from './figure.ts';
import { percentile } from './statistics.ts';

/** Warm enough: both sides' hot code is compiled by then. */
export const WARM_UP = { ms: 2_000, calls: 100_000 } as const;
const US_PER_MS = 1_000;

/** One of the callers of a closed loop: makes its next call and resolves when that is answered. */
export type Lane = () => Promise<void>;
export type Limits = Readonly<{ ms: number; calls: number }>;
type Load = Readonly<{ elapsedMs: number; latenciesMs: readonly number[] }>;

/** Lets every lane make call after call until the time is over, or so many calls are made. */
export const drive = async (lanes: readonly Lane[], { ms, calls }: Limits): Promise<Load> => {
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  const run = async (call: Lane): Promise<void> => {
    for (let at = performance.now(); at - startedAt < ms && latenciesMs.length < calls; ) {
      await call();
      const now = performance.now();
      latenciesMs.push(now - at);
      at = now;
    }
  };
  await Promise.all(lanes.map(run));
  return { elapsedMs: performance.now() - startedAt, latenciesMs };
};

/** CPU time used by this process and by the server's while `work` was done, in microseconds. */
export const withCpu = async <T>(pid: number | undefined, work: () => Promise<T>) => {
  const serverBefore = pid === undefined ? undefined : cpuTimeMs(pid);
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  const serverAfter = pid === undefined ? undefined : cpuTimeMs(pid);
  const serverUs = serverBefore === undefined || serverAfter === undefined ? undefined : (serverAfter - serverBefore) * US_PER_MS;
  return { result, clientUs: user + system, serverUs };
};

export const latencyOf = (latenciesMs: readonly number[]): NonNullable<Figure['latencyMs']> => ({
  p50: percentile(latenciesMs, 0.5),
  p95: percentile(latenciesMs, 0.95),
  p99: percentile(latenciesMs, 0.99),
});

/** The figure of a piece of work that was done `count` times; `pid` is the server's. */
export const measure = async (
  about: Pick<Figure, 'name' | 'subject'>,
  pid: number | undefined,
  work: () => Promise<Load & { count?: number }>,
) => {
  const { result, clientUs, serverUs } = await withCpu(pid, work);
  const { elapsedMs, latenciesMs, count = latenciesMs.length } = result;
  return {
    ...about,
    perSecond: (count / elapsedMs) * 1_000,
    ...(latenciesMs.length > 0 && { latencyMs: latencyOf(latenciesMs) }),
    clientCpuUs: clientUs / count,
    ...(serverUs !== undefined && { serverCpuUs: serverUs / count }),
  } satisfies Figure;
};
