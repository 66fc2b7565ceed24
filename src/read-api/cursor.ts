import { crc32 } from 'node:zlib';
import { Problem } from '../platform/problem.ts';

/** Characters of a cursor that are looked at. */
const CURSOR_CHARS_MAX = 200;

/**
 * A place in a list: the key of its last row, parts parted by dots, so that rows added or gone elsewhere shift nothing. Opaque to clients. The
 * checksum covers the list's name: a cursor cut short, changed or taken from another list is told apart from a real one.
 * It is no secret, and need not be: a forged key shows nothing that a caller could not ask for.
 */
export const cursorOf = (list: string, key: string): string => Buffer.from(`${key}.${checksum(list, key)}`).toString('base64url');

/**
 * The parts of the key that a cursor holds; `null` without a cursor.
 * @throws Problem invalid-request for what this list never gave out.
 */
export const keyOf = (list: string, cursor: string | undefined, pattern: RegExp): readonly string[] | null => {
  if (cursor === undefined) return null;
  const text = cursor.length <= CURSOR_CHARS_MAX ? Buffer.from(cursor, 'base64url').toString('latin1') : '';
  const parts = text.split('.');
  const sum = parts.pop();
  const key = parts.join('.');
  if (!pattern.test(key) || sum !== checksum(list, key) || Buffer.from(text).toString('base64url') !== cursor) {
    throw new Problem('invalid-request', 'after is not a cursor of this list.', {
      errors: [{ pointer: '/after', detail: 'must be the cursor of a Link that this list gave' }],
    });
  }
  return parts;
};

const checksum = (list: string, key: string): string => crc32(`${list}:${key}`).toString(36);
