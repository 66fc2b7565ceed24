import { type ParseArgsConfig, parseArgs } from 'node:util';

/** What `till dlq --help` prints behind `usage: till dlq`. */
export const DLQ_OPTIONS = `list [--json]
       till dlq show PLACE [--json]
       till dlq replay [PLACE] [--json]

  list    every dead letter: where it lies, when it came there, why, and whether it was sent again
  show    one of them with the original message
  replay  sends the originals of all that were not sent again yet, or of one, to the topic they came from; twice is harmless

  PLACE   partition and offset of a dead letter, as list shows them: 0:17
  --json  one JSON document on stdout`;

/** Where a dead letter lies. */
export type Place = Readonly<{ partition: number; offset: bigint }>;
export type DlqOptions = Readonly<{ json: boolean }> &
  Readonly<{ kind: 'list' } | { kind: 'show'; place: Place } | { kind: 'replay'; place: Place | null }>;

/** Wrong usage, in one line. */
export class WrongUsage extends Error {}

const parsed = <T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> => {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new WrongUsage((error as Error).message);
  }
};

const placeOf = (text: string): Place => {
  const [, partition, offset] = /^(\d{1,3}):(\d{1,18})$/.exec(text) ?? [];
  if (partition === undefined || offset === undefined) throw new WrongUsage(`not a place like 0:17: "${text}"`);
  return { partition: Number(partition), offset: BigInt(offset) };
};

/** @throws WrongUsage */
export const parseDlqOptions = ([kind, ...args]: readonly string[]): DlqOptions => {
  const { values, positionals } = parsed({ args, options: { json: { type: 'boolean' } }, strict: true, allowPositionals: true });
  const [place, further] = positionals;
  const json = values.json === true;
  if (further !== undefined) throw new WrongUsage(`one place at most, not "${further}" too`);
  if (kind === 'list') {
    if (place !== undefined) throw new WrongUsage(`"list" takes no place; see "till dlq show ${place}"`);
    return { kind, json };
  }
  if (kind === 'show') {
    if (place === undefined) throw new WrongUsage('name the place of the dead letter');
    return { kind, json, place: placeOf(place) };
  }
  if (kind === 'replay') return { kind, json, place: place === undefined ? null : placeOf(place) };
  throw new WrongUsage(`list, show or replay, not "${kind ?? ''}"`);
};
