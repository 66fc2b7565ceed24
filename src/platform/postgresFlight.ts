import type pg from 'pg';

/** One statement. A statement with a name is parsed and planned once for each connection; a name means one text for ever. */
export type Sql = Readonly<{ text: string; values?: readonly unknown[]; name?: string }>;
/** Texts of the statements that a connection has prepared, by name. */
export type Prepared = Map<string, string>;
type Element = string | number | bigint | null | undefined;

/** What quotes and backslashes need inside an element of an array; most elements have none. */
const SPECIAL = /["\\]/g;
const quoted = (text: string): string => (text.includes('"') || text.includes('\\') ? `"${text.replace(SPECIAL, '\\$&')}"` : `"${text}"`);

const arrayLiteral = (elements: readonly Element[]): string => {
  let literal = '{';
  for (const element of elements) {
    if (literal.length > 1) literal += ',';
    if (element === null || element === undefined) literal += 'NULL';
    else literal += typeof element === 'string' ? quoted(element) : String(element);
  }
  return `${literal}}`;
};

const parameter = (value: unknown): string | null => {
  if (value === null || value === undefined) return null;
  return Array.isArray(value) ? arrayLiteral(value) : String(value);
};

/**
 * Statements on their way to the server in one packet, with one Sync behind the last: by the protocol they are one
 * transaction, committed at the Sync, and answered in one packet (PostgreSQL manual, "Pipelining"). No BEGIN and no COMMIT
 * is sent, and what they answer is not looked at. Values are texts, numbers, bigints, nulls and flat arrays of them. Given
 * to `client.query` of a client that is no pipeline.
 */
export class Flight implements pg.Submittable {
  private readonly statements: readonly Sql[];
  private readonly prepared: Prepared;
  /** Prepared by this flight; counts for the next ones only when the flight arrived. */
  private readonly fresh: Prepared = new Map();
  /** Called with what the first failed statement failed with, or with nothing; `pg` puts its time limit around it. */
  callback: (error?: Error | null) => void;

  /** `prepared`: kept by the caller, one for each connection. */
  constructor(statements: readonly Sql[], prepared: Prepared, callback: (error?: Error | null) => void) {
    this.statements = statements;
    this.prepared = prepared;
    this.callback = callback;
  }

  submit(connection: pg.Connection): void {
    connection.stream.cork();
    try {
      for (const statement of this.statements) this.send(connection, statement);
      connection.sync();
    } finally {
      connection.stream.uncork();
    }
  }

  private send(connection: pg.Connection, { name = '', text, values = [] }: Sql): void {
    if (name === '' || (this.prepared.get(name) ?? this.fresh.get(name)) !== text) {
      // A flight that failed may have left this name behind. To close what is not there is no error.
      if (name !== '') connection.close({ type: 'S', name }, true);
      connection.parse({ name, text, types: [] }, true);
      if (name !== '') this.fresh.set(name, text);
    }
    connection.bind({ statement: name, values: values.map(parameter) } as unknown as pg.BindConfig, true);
    connection.execute(null, true);
  }

  handleError(error: Error): void {
    for (const name of this.fresh.keys()) this.prepared.delete(name);
    this.callback(error);
  }

  handleReadyForQuery(): void {
    for (const [name, text] of this.fresh) this.prepared.set(name, text);
    this.callback(null);
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
}
