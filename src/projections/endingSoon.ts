import type { Database, Session } from '../platform/postgres.ts';

/** Milliseconds that a batch beside the front may still take when the lanes are set up anew. */
const LAST_BATCH_MAX_MS = 100;

/** Ends the session when its work goes on for too long after `signal`, so that the front does not wait for a slow statement. */
export const endingSoon = async (database: Database, session: Session, signal: AbortSignal): Promise<Readonly<{ forget(): void }>> => {
  const [{ pid } = { pid: 0 }] = (await session.query<{ pid: number }>('select pg_backend_pid() as pid')).rows;
  let timer: NodeJS.Timeout | undefined;
  const end = () => {
    timer = setTimeout(() => void database.query('select pg_terminate_backend($1)', [pid]).catch(() => undefined), LAST_BATCH_MAX_MS);
  };
  signal.addEventListener('abort', end, { once: true });
  return {
    forget: () => {
      signal.removeEventListener('abort', end);
      clearTimeout(timer);
    },
  };
};
