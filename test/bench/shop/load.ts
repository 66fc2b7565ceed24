import type { Request } from './requests.ts';

/** How a list of requests is put on a server. `first`: the number of the first request; the list begins at that place, modulo its length. */
export type Plan = Readonly<{
  url: string;
  requests: readonly Request[];
  first: number;
  connections: number;
  seconds: number;
  /** Requests a second of an open loop; `null` closes it. */
  rate: number | null;
}>;

/** What came of it. Where single answers are not known, `acknowledged` is null and the last `sent − answered` may have been done or not. */
export type Load = Readonly<{
  sent: number;
  answered: number;
  /** Answers that are no success, and requests without an answer though time was left. */
  failed: number;
  seconds: number;
  latencyMs: Readonly<{ p50: number; p95: number; p99: number }>;
  /** How often each request of the list was acknowledged. */
  acknowledged: readonly number[] | null;
  /** CPU time of the generator. */
  cpuMs: number;
}>;

export type Generate = (plan: Plan) => Promise<Load>;
