import { hash, randomUUID } from 'node:crypto';
import type { Request } from 'express';
import type { CommandId, Fingerprint } from '../domain/ids.ts';
import { Problem } from './problem.ts';

const KEY = /^[\x20-\x7e]{1,255}$/;
const DIGEST_HEX_CHARS = 32;

/** The key of a request's header. @throws Problem as `readKey`. */
export const idempotencyKeyOf = (req: Request, required: boolean): string | null => readKey(req.get('Idempotency-Key'), required);

/**
 * The client's Idempotency-Key, bare or quoted (draft-ietf-httpapi-idempotency-key-header-07); `null` without one.
 * @throws Problem invalid-request when it is malformed, or missing though `required`.
 */
export const readKey = (given: string | undefined, required: boolean): string | null => {
  if (given === undefined) {
    if (required) throw new Problem('invalid-request', 'The header Idempotency-Key is required here.');
    return null;
  }
  const quoted = /^"(.*)"$/.exec(given.trim());
  const key = quoted ? (quoted[1] as string) : given.trim();
  if (!KEY.test(key)) throw new Problem('invalid-request', 'Idempotency-Key must be 1 to 255 printable ASCII characters.');
  return key;
};

/**
 * The same key in the same scope (operation, user, and whatever chooses the stream) is the same command,
 * whichever process it reaches. Without a key each request is a command of its own. The key itself is
 * neither stored nor logged.
 */
export const commandIdOf = (scope: readonly string[], key: string | null): CommandId =>
  (key === null ? randomUUID().replaceAll('-', '') : digest([...scope, `key ${key}`])) as CommandId;

/** What the client sent, parsed, as a hash. Prices and other things of ours are no part of it. */
export const fingerprintOf = (request: unknown): Fingerprint => digest(request) as Fingerprint;

const digest = (value: unknown): string => hash('sha256', JSON.stringify(value), 'hex').slice(0, DIGEST_HEX_CHARS);
