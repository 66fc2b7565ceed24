/**
 * JSON made by Postgres. A list of a hundred rows is asked for often, and one text of them costs an event loop half of
 * what it takes to read the columns and put the text together here; in all it costs the machine the same.
 */

/** SQL for the JSON of one value. */
export type JsonSql = string & { readonly jsonSql: true };

const sql = (text: string): JsonSql => text as JsonSql;
const quoted = (expression: string): JsonSql => sql(`coalesce('"' || ${expression} || '"', 'null')`);

/** Ids and names of states: their forms leave nothing to escape. */
export const id = quoted;

/** Any other text; control characters come out escaped, so what parts the rows of a list is never in it. */
export const text = (column: string): JsonSql => sql(`coalesce(to_json(${column})::text, 'null')`);

export const number = (expression: string): JsonSql => sql(`coalesce((${expression})::text, 'null')`);

/** RFC 3339 in UTC with milliseconds, whatever the zone of the session. */
export const time = (column: string): JsonSql => quoted(`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`);

/** A column that holds JSON. */
export const json = (column: string): JsonSql => sql(`coalesce(${column}::text, 'null')`);

/** An object with these members, in this order. */
export const object = (members: Readonly<Record<string, JsonSql>>): JsonSql =>
  sql(
    Object.entries(members)
      .map(([name, value], i) => `'${i === 0 ? '{' : ','}"${name}":' || ${value}`)
      .concat("'}'")
      .join(' || '),
  );
