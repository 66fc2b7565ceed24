import { recordStream, recordType } from './record.ts';

/** What a client asks `$all` to be narrowed to. An empty expression matches everything. */
export type FilterExpression = Readonly<{ on: 'stream' | 'type'; regex: string; prefixes: readonly string[] }>;
export type Filter = (record: Buffer) => boolean;

/**
 * Compiles a filter. Prefixes compare byte by byte; a regular expression matches anywhere unless anchored, in JavaScript's dialect.
 * @throws SyntaxError on a regular expression that JavaScript does not know.
 */
export const compileFilter = ({ on, regex, prefixes }: FilterExpression): Filter => {
  const text = on === 'stream' ? recordStream : recordType;
  if (regex !== '') {
    const pattern = new RegExp(regex);
    return (record) => pattern.test(text(record).toString('utf8'));
  }
  const starts = prefixes.map((prefix) => Buffer.from(prefix));
  if (starts.length === 0) return () => true;
  return (record) => {
    const bytes = text(record);
    return starts.some((start) => bytes.length >= start.length && bytes.compare(start, 0, start.length, 0, start.length) === 0);
  };
};
