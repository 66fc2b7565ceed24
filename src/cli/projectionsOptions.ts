import { userInfo } from 'node:os';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { Position } from '../platform/eventStore/eventStore.ts';

/** What `till projections --help` prints behind `usage: till projections`. */
export const PROJECTIONS_OPTIONS = `status [--json]
       till projections rebuild NAME... | --all [--promote] [--json]
       till projections promote NAME [--json]
       till projections retire NAME [--json]
       till projections park NAME POSITION --reason TEXT [--json]

  status    every version of every view: where it stands, how late it is, where and why it halted; status 1 when a live one halted
  rebuild   has a view filled anew beside the live one, and waits until it has caught up; Ctrl-C ends the waiting, not the filling
  promote   makes a filled version the live one; refused while it is behind. The old one stands by, is fed on, and can be promoted back
  retire    drops the table of a version that is not live
  park      lets a view that has halted go on without the event at POSITION, on record

  NAME           a view (accounts), or the table of one of its versions (accounts_v1_2) where there are several
  --all          every view
  --promote      promotes what was rebuilt as soon as it has caught up
  --reason TEXT  why the view may do without that event, for those who come later
  --json         one JSON document on stdout`;

export type ProjectionsOptions = Readonly<{ json: boolean }> &
  Readonly<
    | { kind: 'status' }
    | { kind: 'rebuild'; names: readonly string[] | 'all'; promote: boolean }
    | { kind: 'promote'; name: string }
    | { kind: 'retire'; name: string }
    | { kind: 'park'; name: string; position: Position; reason: string; by: string }
  >;

/** Wrong usage, in one line. */
export class WrongUsage extends Error {}

const flag = { type: 'boolean' } as const;
const POSITION_LIMIT = 2n ** 63n;
const REASON_MAX_CHARACTERS = 500;

const parsed = <T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> => {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new WrongUsage((error as Error).message);
  }
};

const rebuildOptions = (args: readonly string[]): ProjectionsOptions => {
  const options = { all: flag, promote: flag, json: flag };
  const { values, positionals } = parsed({ args: [...args], options, strict: true, allowPositionals: true });
  if ((positionals.length === 0) === (values.all !== true)) throw new WrongUsage('name the views to rebuild, or --all');
  const names = values.all ? 'all' : [...new Set(positionals)];
  return { kind: 'rebuild', names, promote: values.promote === true, json: values.json === true };
};

const oneName = (kind: 'promote' | 'retire', args: readonly string[]): ProjectionsOptions => {
  const { values, positionals } = parsed({ args: [...args], options: { json: flag }, strict: true, allowPositionals: true });
  const [name, further] = positionals;
  if (name === undefined || further !== undefined) throw new WrongUsage(`name the one view or table to ${kind}`);
  return { kind, name, json: values.json === true };
};

const parkOptions = (args: readonly string[]): ProjectionsOptions => {
  const options = { reason: { type: 'string' }, json: flag } as const;
  const { values, positionals } = parsed({ args: [...args], options, strict: true, allowPositionals: true });
  const [name, place, further] = positionals;
  if (name === undefined || place === undefined || further !== undefined) throw new WrongUsage('name the view and the position');
  const position = /^\d{1,19}$/.test(place) ? BigInt(place) : POSITION_LIMIT;
  if (position >= POSITION_LIMIT) throw new WrongUsage(`not a position: "${place}"`);
  const reason = values.reason?.trim() ?? '';
  if (reason === '' || reason.length > REASON_MAX_CHARACTERS) {
    throw new WrongUsage(`--reason must say why, in 1 to ${REASON_MAX_CHARACTERS} characters`);
  }
  return { kind: 'park', name, position, reason, by: userInfo().username, json: values.json === true };
};

/** @throws WrongUsage */
export const parseProjectionsOptions = ([kind, ...args]: readonly string[]): ProjectionsOptions => {
  if (kind === 'status') return { kind, json: parsed({ args, options: { json: flag }, strict: true }).values.json === true };
  if (kind === 'rebuild') return rebuildOptions(args);
  if (kind === 'promote' || kind === 'retire') return oneName(kind, args);
  if (kind === 'park') return parkOptions(args);
  throw new WrongUsage(
    kind === undefined ? 'what to do is missing: status, rebuild, promote, retire or park' : `unknown: projections ${kind}`,
  );
};
