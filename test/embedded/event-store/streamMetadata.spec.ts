import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TOMBSTONE_REVISION } from '../../../src/embedded/event-store/storage/record.ts';
import {
  isSoftDeleted,
  NO_METADATA,
  readStreamMetadata,
  SOFT_DELETED,
  type StreamMetadata,
  withTruncateBefore,
} from '../../../src/embedded/event-store/streams/streamMetadata.ts';
import { firstKept, firstYoung } from '../../../src/embedded/event-store/streams/truncation.ts';

const read = (json: string): StreamMetadata => readStreamMetadata(Buffer.from(json), true);

describe('reading metadata', () => {
  it.each<[string, Partial<StreamMetadata>]>([
    ['{"$maxCount":5}', { maxCount: 5 }],
    ['{"$maxAge":60,"$tb":3,"name":"이름"}', { maxAgeMs: 60_000, truncateBefore: 3 }],
    ['{"$maxCount":0,"$maxAge":-1,"$tb":-1}', {}],
    ['{"$tb":9223372036854775807}', { truncateBefore: TOMBSTONE_REVISION }],
    ['{"$tb":9223372036854775806}', { truncateBefore: TOMBSTONE_REVISION - 1 }],
    ['{"$tb":9007199254740991}', { truncateBefore: TOMBSTONE_REVISION - 1 }],
    ['{"$maxCount":9223372036854775807}', { maxCount: 2 ** 63 }],
    ['{"$tb":9223372036854775808,"$maxCount":1}', {}],
    ['{"$maxCount":"5"}', {}],
    ['{"$maxCount":1.5,"$tb":2}', {}],
    ['{"$maxCount":null}', {}],
    ['{"nested":{"$tb":4},"text":"\\"$tb\\":9223372036854775807"}', {}],
    ['[1]', {}],
    ['null', {}],
    ['{"$tb":3', {}],
    ['', {}],
  ])('%s', (json, expected) => {
    expect(read(json)).toEqual({ ...NO_METADATA, ...expected });
  });

  it('takes data that are not said to be JSON for none', () => {
    expect(readStreamMetadata(Buffer.from('{"$maxCount":1}'), false)).toEqual(NO_METADATA);
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.json(), (bytes, json) => {
        readStreamMetadata(Buffer.from(bytes), true);
        readStreamMetadata(Buffer.from(`{"$maxCount":1,"x":${json}}`), true);
      }),
    );
  });

  it('what deletes softly says so, and nothing else does', () => {
    expect(SOFT_DELETED.toString()).toBe('{"$tb":9223372036854775807}');
    expect(isSoftDeleted(readStreamMetadata(SOFT_DELETED, true))).toBe(true);
    expect(isSoftDeleted(read('{"$tb":9223372036854775806}'))).toBe(false);
  });
});

describe('metadata with another $tb', () => {
  it('keep all the rest, numbers beyond 2^53 and strings that look like them included', () => {
    const json =
      '{"a":12345678901234567890,"$tb":9223372036854775807,"s":"12345678901234567890","f":0.1234567890123456,"n":[-1234567890123456789]}';
    expect(withTruncateBefore(Buffer.from(json), 7)?.toString()).toBe(json.replace('9223372036854775807', '7'));
  });

  it('are none when the old ones are no JSON object', () => {
    expect(withTruncateBefore(Buffer.from('[]'), 7)).toBeUndefined();
    expect(withTruncateBefore(Buffer.from('{'), 7)).toBeUndefined();
  });

  it('read as the old ones but for $tb', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(), (properties, from) => {
        const changed = withTruncateBefore(Buffer.from(JSON.stringify(properties)), from);
        expect(JSON.parse(String(changed))).toEqual(JSON.parse(JSON.stringify({ ...properties, $tb: from })));
      }),
    );
  });
});

describe('what readers of a stream see', () => {
  it.each<[string, Partial<StreamMetadata>, number, number]>([
    ['all', {}, 9, 0],
    ['the newest three', { maxCount: 3 }, 9, 7],
    ['fewer than there may be', { maxCount: 30 }, 9, 0],
    ['from $tb on', { truncateBefore: 4 }, 9, 4],
    ['the narrower of both', { truncateBefore: 8, maxCount: 5 }, 9, 8],
    ['the narrower of both', { truncateBefore: 2, maxCount: 5 }, 9, 5],
    ['nothing when $tb lies above', { truncateBefore: 20 }, 9, 20],
  ])('%s', (_what, metadata, last, first) => {
    expect(firstKept({ ...NO_METADATA, ...metadata }, last)).toBe(first);
  });

  it('by age: the first young one, found without looking at many', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.nat(1_000_000), fc.nat(1_000_001), (low, length, border) => {
        const last = low + length;
        let looks = 0;
        const createdAtMs = (revision: number): number => {
          looks++;
          return revision;
        };
        expect(firstYoung(createdAtMs, low, last, border)).toBe(Math.min(Math.max(low, border), last + 1));
        expect(looks).toBeLessThanOrEqual(22);
      }),
    );
  });

  it('by age: one look when nothing is too old, none when nothing is there', () => {
    let looks = 0;
    const look = (): number => ++looks;
    expect(firstYoung(look, 5, 1_000_000, 0)).toBe(5);
    expect(looks).toBe(1);
    expect(firstYoung(look, 5, 4, 0)).toBe(5);
    expect(looks).toBe(1);
  });
});
