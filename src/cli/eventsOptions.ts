import { type ParseArgsConfig, parseArgs } from 'node:util';
import { isId, type UserId } from '../domain/ids.ts';
import type { Position, Revision } from '../platform/eventStore/eventStore.ts';

/** What `till events --help` prints behind `usage: till events`. */
export const EVENTS_OPTIONS = `tail [--from POSITION|start|end] [--type T]... [--stream PREFIX] [--count N] [--json]
       till events stream NAME [--from REVISION] [--backwards] [--count N] [--json]
       till events account USER [--at POSITION] [--json]
       till events export [--from POSITION] [--type T]... [--system] [--to-file FILE]

  tail    follows the log until Ctrl-C or N events, from its end unless --from says otherwise
  stream  prints one stream, from REVISION on
  account prints what had happened to a user's account by POSITION (now without it), and its balance and held money then
  export  prints the log up to its end at the moment of asking, and on stderr the position it got to

  --at POSITION     as the headers Read-After and As-Of of an answer tell it
  --from POSITION   only what lies behind it: "export --from" goes on where the last export got to
  --type T          only events of this type; may be given again for further types
  --stream PREFIX   only events of streams whose name begins so
  --count N         N events at most
  --system          the store's own events too (types that begin with $)
  --json            one JSON object a line (export prints nothing else): positions and revisions as strings, what is not
                    JSON as base64 with dataIsBase64 or metadataIsBase64
  --to-file FILE    to a new file instead of stdout`;

export type TailOptions = Readonly<{
  /** Only events behind it; `null` for the whole log. */
  from: Position | 'end' | null;
  types: readonly string[] | null;
  streamPrefix: string;
  count: number | null;
  json: boolean;
}>;

export type StreamOptions = Readonly<{ name: string; from: Revision | null; backwards: boolean; count: number | null; json: boolean }>;

export type AccountOptions = Readonly<{
  userId: UserId;
  /** The last moment that counts; `null` for now. */
  at: Position | null;
  json: boolean;
}>;

export type ExportOptions = Readonly<{ from: Position | null; types: readonly string[] | null; system: boolean; toFile: string | null }>;

export type EventsOptions =
  | Readonly<{ kind: 'tail'; options: TailOptions }>
  | Readonly<{ kind: 'stream'; options: StreamOptions }>
  | Readonly<{ kind: 'account'; options: AccountOptions }>
  | Readonly<{ kind: 'export'; options: ExportOptions }>;

/** Wrong usage, in one line. */
export class WrongUsage extends Error {}

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const texts = { type: 'string', multiple: true } as const;

const COUNT_MAX = 1_000_000_000;
/** Positions and revisions are below 2^63 in every store. */
const PLACE_LIMIT = 2n ** 63n;

const place = (option: string, given: string): bigint => {
  const number = /^\d{1,19}$/.test(given) ? BigInt(given) : PLACE_LIMIT;
  if (number >= PLACE_LIMIT) throw new WrongUsage(`${option} must be a whole number from 0 to ${PLACE_LIMIT - 1n}, not "${given}"`);
  return number;
};

const placeOrNull = (option: string, given: string | undefined): bigint | null => (given === undefined ? null : place(option, given));

const countOf = (given: string | undefined): number | null => {
  if (given === undefined) return null;
  const count = /^\d{1,10}$/.test(given) ? Number(given) : 0;
  if (count < 1 || count > COUNT_MAX) throw new WrongUsage(`--count must be a whole number from 1 to ${COUNT_MAX}, not "${given}"`);
  return count;
};

const typesOf = (given: readonly string[] | undefined): readonly string[] | null => {
  if (given?.includes('')) throw new WrongUsage('--type must not be empty');
  return given ?? null;
};

const parsed = <T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> => {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new WrongUsage((error as Error).message);
  }
};

const tailOptions = (args: readonly string[]): TailOptions => {
  const options = { from: text, type: texts, stream: text, count: text, json: flag };
  const { values } = parsed({ args: [...args], options, strict: true });
  const { from = 'end' } = values;
  return {
    from: from === 'end' ? from : from === 'start' ? null : place('--from', from),
    types: typesOf(values.type),
    streamPrefix: values.stream ?? '',
    count: countOf(values.count),
    json: values.json === true,
  };
};

const streamOptions = (args: readonly string[]): StreamOptions => {
  const options = { from: text, count: text, backwards: flag, json: flag };
  const { values, positionals } = parsed({ args: [...args], options, strict: true, allowPositionals: true });
  const [name, further] = positionals;
  if (name === undefined || name === '') throw new WrongUsage('the name of the stream is missing');
  if (further !== undefined) throw new WrongUsage(`only one stream at a time, not "${further}" too`);
  return {
    name,
    from: placeOrNull('--from', values.from),
    backwards: values.backwards === true,
    count: countOf(values.count),
    json: values.json === true,
  };
};

const accountOptions = (args: readonly string[]): AccountOptions => {
  const options = { at: text, json: flag };
  const { values, positionals } = parsed({ args: [...args], options, strict: true, allowPositionals: true });
  const [user, further] = positionals;
  if (user === undefined) throw new WrongUsage('the user is missing');
  if (further !== undefined) throw new WrongUsage(`only one user at a time, not "${further}" too`);
  if (!isId(user)) throw new WrongUsage(`a user is 1 to 64 letters, digits, _ and - behind a letter or digit, not "${user}"`);
  return { userId: user as UserId, at: placeOrNull('--at', values.at), json: values.json === true };
};

const exportOptions = (args: readonly string[]): ExportOptions => {
  const options = { from: text, type: texts, system: flag, 'to-file': text, json: flag };
  const { values } = parsed({ args: [...args], options, strict: true });
  if (values['to-file'] === '') throw new WrongUsage('--to-file must name a file');
  return {
    from: placeOrNull('--from', values.from),
    types: typesOf(values.type),
    system: values.system === true,
    toFile: values['to-file'] ?? null,
  };
};

/** @throws WrongUsage */
export const parseEventsOptions = ([kind, ...args]: readonly string[]): EventsOptions => {
  if (kind === 'tail') return { kind, options: tailOptions(args) };
  if (kind === 'stream') return { kind, options: streamOptions(args) };
  if (kind === 'account') return { kind, options: accountOptions(args) };
  if (kind === 'export') return { kind, options: exportOptions(args) };
  throw new WrongUsage(kind === undefined ? 'what to do is missing: tail, stream, account or export' : `unknown: events ${kind}`);
};
