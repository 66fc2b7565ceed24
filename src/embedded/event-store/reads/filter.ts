import { setFlagsFromString } from 'node:v8';
import { FILTER_STEPS_MAX } from '../limits.ts';
import { recordStream, recordType } from '../storage/record.ts';
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

/**
 * Compiles a filter. Prefixes compare byte by byte; a regular expression matches anywhere unless anchored.
 * @throws SyntaxError on a regular expression that cannot be run, or not in time proportional to the text.
 */
export const compileFilter = ({ on, regex, prefixes }: FilterExpression): Filter => {
  const text = on === 'stream' ? recordStream : recordType;
  if (regex !== '') {
    const matches = matching(regex);
    return (record) => matches(text(record));
  }
  const starts = prefixes.map((prefix) => Buffer.from(prefix));
  if (starts.length === 0) return () => true;
  return (record) => {
    const bytes = text(record);
    return starts.some((start) => bytes.length >= start.length && bytes.compare(start, 0, start.length, 0, start.length) === 0);
  };
};
