import { setFlagsFromString } from 'node:v8';
import { FILTER_KNOWN_TYPE_BYTES_MAX, FILTER_KNOWN_TYPES_MAX, FILTER_STEPS_MAX } from '../limits.ts';
import { recordStream, recordType, recordTypeKey } from '../storage/record.ts';
import { CallFailed, Status } from '../transport/status.ts';

/** What a client asks `$all` to be narrowed to. An empty expression matches everything. */
export type FilterExpression = Readonly<{ on: 'stream' | 'type'; regex: string; prefixes: readonly string[] }>;
export type Filter = (record: Buffer) => boolean;

/**
 * What .NET, whose dialect a client writes, and JavaScript would both take without complaint but read differently: escapes of
 * one of them only (`\A`, `\z`, `\p{L}`, octal numbers) and one class taken out of another (`[a-z-[aeiou]]`).
 */
const ESCAPES = /\\([\s\S])/g;
const SHARED_LETTER_ESCAPES = 'bBdDwWsStrnfvxuc0';
const CLASS_SUBTRACTION = /\[(?:\\[\s\S]|[^\]\\])*-\[/;

const checkDialect = (regex: string): void => {
  for (const [whole, escaped = ''] of regex.matchAll(ESCAPES)) {
    if (/[a-z0-9]/i.test(escaped) && !SHARED_LETTER_ESCAPES.includes(escaped)) throw new SyntaxError(`${whole} is not supported`);
  }
  if (CLASS_SUBTRACTION.test(regex)) throw new SyntaxError('a class taken out of another is not supported');
};

/**
 * A regular expression that takes time in proportion to the text, whatever it is: V8's engine without backtracking, by its
 * flag `l`. It refuses what it cannot promise that for: look-around, references back, large counts.
 * Source: https://v8.dev/blog/non-backtracking-regexp
 */
const compileLinear = (regex: string): RegExp => {
  checkDialect(regex);
  // Makes the flag known; no other regular expression of the process is run in another way.
  setFlagsFromString('--enable-experimental-regexp-engine');
  return new RegExp(regex, 'l');
};

const matching = (regex: string): ((text: Buffer) => boolean) => {
  const pattern = compileLinear(regex);
  return (text) => {
    if (text.length * regex.length > FILTER_STEPS_MAX) {
      throw new CallFailed(Status.resourceExhausted, `the regular expression is too long for a name of ${text.length} bytes`);
    }
    return pattern.test(text.toString('utf8'));
  };
};

const beginning = (prefixes: readonly string[]): ((text: Buffer) => boolean) => {
  const starts = prefixes.map((prefix) => Buffer.from(prefix));
  return (text) => starts.some((start) => text.length >= start.length && text.compare(start, 0, start.length, 0, start.length) === 0);
};

/**
 * Filters by type, and remembers what it said of each: a log has few types, and to look one up costs a fraction of a regular
 * expression.
 */
const byType = (matches: (type: Buffer) => boolean): Filter => {
  const known = new Map<string, boolean>();
  return (record) => {
    const key = recordTypeKey(record);
    const before = known.get(key);
    if (before !== undefined) return before;
    const matched = matches(recordType(record));
    if (known.size < FILTER_KNOWN_TYPES_MAX && key.length <= FILTER_KNOWN_TYPE_BYTES_MAX) known.set(key, matched);
    return matched;
  };
};

/**
 * Compiles a filter. Prefixes compare byte by byte; a regular expression matches anywhere unless anchored.
 * @throws SyntaxError on a regular expression that cannot be run, or not in time proportional to the text.
 */
export const compileFilter = ({ on, regex, prefixes }: FilterExpression): Filter => {
  if (regex === '' && prefixes.length === 0) return () => true;
  const matches = regex === '' ? beginning(prefixes) : matching(regex);
  return on === 'type' ? byType(matches) : (record) => matches(recordStream(record));
};
