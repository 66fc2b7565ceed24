import { TOMBSTONE_REVISION } from '../storage/record.ts';

/** What a stream's metadata say about which of its events readers see. */
export type StreamMetadata = Readonly<{
  /** Only so many of the newest events. */
  maxCount: number | undefined;
  /** Only events not older than this. */
  maxAgeMs: number | undefined;
  /** Only events from this revision on; `TOMBSTONE_REVISION` means that the stream is deleted until the next append. */
  truncateBefore: number;
}>;

export const METADATA_TYPE = '$metadata';
export const NO_METADATA: StreamMetadata = { maxCount: undefined, maxAgeMs: undefined, truncateBefore: 0 };
/** Of a stream that holds another's metadata only the last event counts. */
export const METADATA_OF_META_STREAMS: StreamMetadata = { ...NO_METADATA, maxCount: 1 };

const META_PREFIX = '$$';
export const isMetaStream = (stream: string): boolean => stream.startsWith(META_PREFIX);
export const metaStreamOf = (stream: string): string => `${META_PREFIX}${stream}`;
/** The stream whose metadata `metaStream` holds. */
export const originalOf = (metaStream: string): string => metaStream.slice(META_PREFIX.length);

export const isSoftDeleted = ({ truncateBefore }: StreamMetadata): boolean => truncateBefore === TOMBSTONE_REVISION;

const INT64_MAX = 2n ** 63n - 1n;
/** Data of the metadata event that deletes a stream softly. What metadata the stream had is gone, as on EventStoreDB. */
export const SOFT_DELETED: Buffer = Buffer.from(`{"$tb":${INT64_MAX}}`);

/** Marks a whole number that JavaScript's own cannot hold; it is parsed as a string. */
const LONG_MARK = '\\u0000long:';
const LONG_DIGITS = 16;
const HAS_LONG = new RegExp(`\\d{${LONG_DIGITS}}`);
/** A string, passed over, or a long whole number. */
const STRING_OR_LONG = new RegExp(`"(?:[^"\\\\]|\\\\.)*"|(?<![\\d.eE+-])-?\\d{${LONG_DIGITS},}(?![\\d.eE])`, 'g');
const MARKED_LONG = /"\\u0000long:(-?\d+)"/g;
const markLong = (json: string): string =>
  HAS_LONG.test(json) ? json.replace(STRING_OR_LONG, (token) => (token.startsWith('"') ? token : `"${LONG_MARK}${token}"`)) : json;

type JsonObject = Readonly<Record<string, unknown>>;

const parse = (data: Buffer): JsonObject | undefined => {
  try {
    const parsed: unknown = JSON.parse(markLong(data.toString('utf8')));
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as JsonObject) : undefined;
  } catch {
    return undefined;
  }
};

/** A whole number, `undefined` where there is none; `invalid` for whatever is no 64-bit integer. */
const integer = (value: unknown): bigint | undefined | 'invalid' => {
  if (value === undefined) return undefined;
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : 'invalid';
  const digits = typeof value === 'string' ? /^\0long:(-?\d+)$/.exec(value)?.[1] : undefined;
  if (digits === undefined) return 'invalid';
  const long = BigInt(digits);
  return long >= -INT64_MAX - 1n && long <= INT64_MAX ? long : 'invalid';
};

/** The highest revision an event can have stands for every number above it. */
const revision = (value: bigint): number => {
  if (value === INT64_MAX) return TOMBSTONE_REVISION;
  return Math.min(Number(value), TOMBSTONE_REVISION - 1);
};

/**
 * Reads the data of a `$metadata` event. Data that are no JSON object, or give a limit that is no whole number, say nothing;
 * limits that make no sense (a count below 1) are passed over one by one.
 * Source: `StreamMetadata.TryFromJsonBytes` of EventStoreDB 24.6.
 */
export const readStreamMetadata = (data: Buffer, isJson: boolean): StreamMetadata => {
  const json = isJson && data.length > 0 ? parse(data) : undefined;
  if (json === undefined) return NO_METADATA;
  const maxCount = integer(json.$maxCount);
  const maxAge = integer(json.$maxAge);
  const truncateBefore = integer(json.$tb);
  if (maxCount === 'invalid' || maxAge === 'invalid' || truncateBefore === 'invalid') return NO_METADATA;
  return {
    maxCount: maxCount !== undefined && maxCount > 0n ? Number(maxCount) : undefined,
    maxAgeMs: maxAge !== undefined && maxAge > 0n ? Number(maxAge) * 1_000 : undefined,
    truncateBefore: truncateBefore !== undefined && truncateBefore > 0n ? revision(truncateBefore) : 0,
  };
};

/** The same metadata with another `$tb`, all else as it was; `undefined` when they are no JSON object. */
export const withTruncateBefore = (data: Buffer, truncateBefore: number): Buffer | undefined => {
  const json = parse(data);
  if (json === undefined) return undefined;
  return Buffer.from(JSON.stringify({ ...json, $tb: truncateBefore }).replace(MARKED_LONG, '$1'));
};
