import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { isConnectionLoss } from './postgresErrors.ts';
import { Flight, type Prepared, type Sql } from './postgresFlight.ts';

export type { Sql };
/** `bigint` columns arrive as text, so that no digit is lost; `date` columns as `YYYY-MM-DD`; `timestamptz` as Date. */
export type Rows<Row> = Readonly<{ rows: readonly Row[]; affected: number }>;

export interface Queries {
  query<Row extends object = Record<string, unknown>>(sql: string | Sql, values?: readonly unknown[]): Promise<Rows<Row>>;
}

export interface Database extends Queries {
  /** Commits what `work` did when it returns, rolls it back when it throws. */
  transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T>;
  /** A connection of one's own, outside the pool. */
  openSession(options?: SessionOptions): Promise<Session>;
  close(): Promise<void>;
}

/** One connection that keeps what belongs to it: settings, advisory locks. When it is lost, so are they. */
export interface Session extends Queries {
  /** Runs the statements in one transaction and one round trip: all of them take effect, or none. */
  flight(statements: readonly Sql[]): Promise<void>;
  /** As of a database. Nothing else may be asked of the session meanwhile. */
  transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T>;
  /** Aborted when the connection is gone. */
  readonly lost: AbortSignal;
  close(): Promise<void>;
}

export type SessionOptions = Readonly<{
  /** Server settings of this connection only. */
  settings?: Readonly<Record<string, string>>;
}>;

export type DatabaseOptions = Readonly<{
  /** Told of connections that broke while nobody was asking them; the pool replaces them by itself. */
  onConnectionError: (error: Error) => void;
  /** Connections at most. */
  connectionsMax?: number;
  /** Milliseconds a statement may take, and a caller may wait for a connection. */
  statementMaxMs?: number;
  applicationName?: string;
}>;

const CONNECTIONS_MAX = 10;
const CONNECT_MAX_MS = 5_000;
const STATEMENT_MAX_MS = 10_000;
/** How much longer than the server's own limit: it counts when the server no longer answers at all. */
const ANSWER_GRACE_MS = 500;
const IDLE_IN_TRANSACTION_MAX_MS = 10_000;
const IDLE_MAX_MS = 30_000;
/** A server that hangs does not hold up the end of the process. */
const CLOSE_MAX_MS = 2_000;

const DATE_OID = 1082;
const asText = (text: string): string => text;
const types = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === DATE_OID ? asText : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
};

const connectionOf = (url: string, { applicationName, statementMaxMs = STATEMENT_MAX_MS }: DatabaseOptions): pg.ClientConfig => ({
  connectionString: url,
  ...(applicationName !== undefined && { application_name: applicationName }),
  connectionTimeoutMillis: Math.min(CONNECT_MAX_MS, statementMaxMs),
  statement_timeout: statementMaxMs,
  query_timeout: statementMaxMs + ANSWER_GRACE_MS,
  idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MAX_MS,
  keepAlive: true,
  types,
});

const ask = async <Row extends object>(
  client: pg.ClientBase | pg.Pool,
  sql: string | Sql,
  values?: readonly unknown[],
): Promise<Rows<Row>> => {
  const given: Sql = typeof sql === 'string' ? { text: sql, ...(values && { values }) } : sql;
  const { rows, rowCount } = await client.query<Row>(given as pg.QueryConfig);
  return { rows, affected: rowCount ?? 0 };
};

const inTransaction = async <T>(client: pg.ClientBase, work: (tx: Queries) => Promise<T>): Promise<T> => {
  await client.query('begin');
  try {
    const result = await work({ query: (sql, values) => ask(client, sql, values) });
    await client.query('commit');
    return result;
  } catch (error) {
    // The first error is the one to tell; a connection that cannot roll back is closed, which rolls back too.
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
};

class Pooled implements Database {
  private readonly pool: pg.Pool;
  private readonly url: string;
  private readonly options: DatabaseOptions;

  constructor(url: string, options: DatabaseOptions) {
    this.url = url;
    this.options = options;
    this.pool = new pg.Pool({
      ...connectionOf(url, options),
      max: options.connectionsMax ?? CONNECTIONS_MAX,
      idleTimeoutMillis: IDLE_MAX_MS,
    });
    // An error event nobody listens to ends the process: the pool tells of idle connections, a client of its own.
    this.pool.on('error', options.onConnectionError);
    this.pool.on('connect', (client) => void client.on('error', options.onConnectionError));
  }

  query<Row extends object>(sql: string | Sql, values?: readonly unknown[]): Promise<Rows<Row>> {
    return ask<Row>(this.pool, sql, values);
  }

  async transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    let broken = false;
    try {
      return await inTransaction(client, work);
    } catch (error) {
      broken = isConnectionLoss(error);
      throw error;
    } finally {
      client.release(broken);
    }
  }

  async openSession({ settings = {} }: SessionOptions = {}): Promise<Session> {
    const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
    const client = new pg.Client({ ...connectionOf(this.url, this.options), options: options.join(' ') });
    const session = new OwnConnection(client, this.options.onConnectionError);
    await client.connect();
    return session;
  }

  close(): Promise<void> {
    return this.pool.end();
  }
}

class OwnConnection implements Session {
  private readonly client: pg.Client;
  private readonly prepared: Prepared = new Map();
  private readonly gone = new AbortController();
  readonly lost = this.gone.signal;

  constructor(client: pg.Client, onConnectionError: (error: Error) => void) {
    this.client = client;
    client.on('error', (error) => {
      onConnectionError(error);
      this.gone.abort(error);
    });
    client.on('end', () => this.gone.abort(new Error('the connection has ended')));
  }

  query<Row extends object>(sql: string | Sql, values?: readonly unknown[]): Promise<Rows<Row>> {
    return ask<Row>(this.client, sql, values);
  }

  transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T> {
    return inTransaction(this.client, work);
  }

  flight(statements: readonly Sql[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.client.query(new Flight(statements, this.prepared, (error) => (error ? reject(error) : resolve())));
    });
  }

  async close(): Promise<void> {
    const ended = this.client.end().catch(() => undefined);
    await Promise.race([ended, sleep(CLOSE_MAX_MS, undefined, { ref: false })]);
  }
}

/** A bounded pool of connections, opened when they are first needed; every wait has a limit. */
export const openDatabase = (url: string, options: DatabaseOptions): Database => new Pooled(url, options);
