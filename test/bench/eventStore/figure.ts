/** What was measured: the unmodified client, our adapter over it, and what they are held against. */
export type Subject = 'client' | 'adapter' | 'in memory' | 'empty call' | 'disk';

/** One measurement of one run. */
export type Figure = Readonly<{
  /** Figures of one name did the same work. */
  name: string;
  subject: Subject;
  /** What is counted: appends, events or calls. */
  perSecond?: number;
  latencyMs?: Readonly<{ p50: number; p95: number; p99: number }>;
  /** CPU time in microseconds for each append, event or call: of this process, and of the server's. */
  clientCpuUs?: number;
  serverCpuUs?: number;
  /** Which empty calls it is held against: so many in flight at a time. */
  besideCalls?: number;
}>;

/** The name of the figure of empty calls with so many in flight. */
export const emptyCalls = (inFlight: number): string => `empty calls, ${inFlight} in flight`;
