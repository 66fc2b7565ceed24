type Delay = Readonly<{ minMs: number; maxMs: number }>;

const AT_ONCE: Delay = { minMs: 10, maxMs: 500 };
const SOON: Delay = { minMs: 100, maxMs: 2_000 };
const LATER: Delay = { minMs: 500, maxMs: 5_000 };

/**
 * Failures that say nothing about the statement, so that the same one may succeed later: SQLSTATE or errno, and how long
 * to wait before the next try. As a table, after graphile/worker.
 */
const RETRYABLE: Readonly<Record<string, Delay>> = {
  '08000': SOON, // connection exception
  '08001': SOON,
  '08003': SOON,
  '08004': LATER,
  '08006': SOON,
  '25P03': SOON, // idle in transaction for too long
  '40001': AT_ONCE, // serialization failure
  '40P01': AT_ONCE, // deadlock
  '53000': LATER, // out of resources
  '53100': LATER, // disk full
  '53200': LATER, // out of memory
  '53300': LATER, // too many connections
  '55P03': SOON, // lock not to be had
  '57014': SOON, // cancelled, or over its time
  '57P01': SOON, // server is stopping
  '57P02': SOON,
  '57P03': SOON, // server is starting
  '57P05': SOON, // session idle for too long
  '58000': LATER, // system error
  '58030': LATER, // input or output error
  EAI_AGAIN: LATER,
  ECONNREFUSED: SOON,
  ECONNRESET: SOON,
  EHOSTUNREACH: LATER,
  ENETUNREACH: LATER,
  ENOTFOUND: LATER,
  EPIPE: SOON,
  ETIMEDOUT: SOON,
};

/** What `pg` itself says of a lost connection; these errors carry no code. */
const LOST =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Client was closed|the connection has ended)/;

const codeOf = (error: unknown): string | null => {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : null;
};

const delayOf = (error: unknown): Delay | null => {
  const code = codeOf(error);
  if (code !== null) return RETRYABLE[code] ?? null;
  return error instanceof Error && LOST.test(error.message) ? SOON : null;
};

/** Milliseconds to wait before try number `attempt` + 1, doubling from try to try; `null` when trying again cannot help. */
export const retryDelayMs = (error: unknown, attempt: number): number | null => {
  const delay = delayOf(error);
  return delay && Math.min(delay.minMs * 2 ** Math.max(0, attempt - 1), delay.maxMs);
};

export const isRetryable = (error: unknown): boolean => delayOf(error) !== null;

/** Whether the connection that reported this is of no more use. */
export const isConnectionLoss = (error: unknown): boolean => {
  const code = codeOf(error);
  if (code === null) return error instanceof Error && LOST.test(error.message);
  return code.startsWith('08') || code.startsWith('57P') || code === '25P03' || /^E[A-Z_]+$/.test(code);
};

/** The SQLSTATE of a statement the server refused; `null` for every other error. */
export const sqlStateOf = (error: unknown): string | null => {
  const code = codeOf(error);
  return code !== null && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]+$/.test(code) ? code : null;
};
