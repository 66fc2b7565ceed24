import { createHash } from 'node:crypto';
import type { Projection, Stored } from './projection.ts';
import { specimens } from './specimens.ts';

/** The code of a version is not the code its rows were made with. */
export class DefinitionChanged extends Error {
  override name = 'DefinitionChanged';
  constructor(table: string) {
    super(
      `${table} was filled by other code than this program has for that version (or under another SERVICE_ZONE): raise the version of ` +
        'the projection, or start the program that filled it',
    );
  }
}

/** Any name: the definition is the same whatever the table is called. */
const TABLE = 'the_table';

/** Specimens of the events it handles: a type that is new elsewhere changes nothing here. */
const handledBy = ({ handles }: Projection): readonly Stored[] => {
  const types: readonly string[] = Object.values(handles).flat();
  return specimens.filter(({ event }) => types.includes(event.type));
};

const known = new WeakMap<Projection, string>();

/**
 * A fingerprint of what a projection makes: its tables and views, the events it handles, and the statements and values it
 * answers to specimens of those, one by one and together. It tells of what the code does, so that formatting or
 * building it differently changes nothing.
 */
export const definitionOf = (projection: Projection): string => {
  const found = known.get(projection);
  if (found !== undefined) return found;
  const { name, version, handles, createTable, viewOf, furtherViews = {}, toSql } = projection;
  const mine = handledBy(projection);
  const made = [
    [name, version, Object.entries(handles).map(([category, types]) => [category, [...types].sort()])],
    [createTable(TABLE), viewOf?.(TABLE) ?? null, furtherViews],
    [...mine.map((specimen) => [specimen]), mine].map((events) => toSql(TABLE, events)),
  ];
  const text = JSON.stringify(made, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  const definition = createHash('sha256').update(text).digest('hex').slice(0, 16);
  known.set(projection, definition);
  return definition;
};
