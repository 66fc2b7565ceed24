import { describe, expect, it } from '@jest/globals';
import type { Request } from 'express';
import { commandIdOf, fingerprintOf, idempotencyKeyOf } from '../../src/platform/idempotency.ts';

const withKey = (key: string | undefined): Request => ({ get: () => key }) as unknown as Request;

describe('an idempotency key', () => {
  it.each([
    ['k', 'k'],
    ['"k"', 'k'],
    [' k ', 'k'],
    ['a key, with {signs}', 'a key, with {signs}'],
    ['x'.repeat(255), 'x'.repeat(255)],
    [`"${'x'.repeat(255)}"`, 'x'.repeat(255)],
    ['"', '"'],
  ])('%j is the key %j', (header, key) => expect(idempotencyKeyOf(withKey(header), false)).toBe(key));

  it.each(['', '""', '   ', 'x'.repeat(256), 'ключ', 'a\u0000b', 'a\tb', 'a\u007fb'])('%j is refused, required or not', (header) => {
    for (const required of [true, false]) expect(() => idempotencyKeyOf(withKey(header), required)).toThrow(/Idempotency-Key/);
  });

  it('may be left out, unless it is required', () => {
    expect(idempotencyKeyOf(withKey(undefined), false)).toBeNull();
    expect(() => idempotencyKeyOf(withKey(undefined), true)).toThrow(/required/);
  });
});

describe('the id of a command', () => {
  it('is the same for the same scope and key, in every process', () => {
    expect(commandIdOf(['charge', 'ann'], 'k')).toBe(commandIdOf(['charge', 'ann'], 'k'));
    expect(commandIdOf(['charge', 'ann'], 'k')).toBe('c8f9be969c3ea77b2ce69fe0afd9d676');
  });

  it('is an id of the shop that does not show the key', () => {
    expect(commandIdOf(['charge', 'ann'], 'secret')).toMatch(/^[0-9a-f]{32}$/);
  });

  it.each([
    [['charge', 'bob'], 'k'],
    [['order', 'ann'], 'k'],
    [['charge', 'ann'], 'K'],
    [['charge', 'ann', ''], 'k'],
    [['chargeann'], 'k'],
  ])('is another for %j under %j', (scope, key) => expect(commandIdOf(scope, key)).not.toBe(commandIdOf(['charge', 'ann'], 'k')));

  it('without a key is new each time, and is no key that someone could send', () => {
    expect(commandIdOf(['charge', 'ann'], null)).not.toBe(commandIdOf(['charge', 'ann'], null));
    expect(commandIdOf(['charge', 'ann'], null)).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe('a fingerprint', () => {
  it('tells requests apart by what they say', () => {
    expect(fingerprintOf({ amount: 1 })).toBe(fingerprintOf({ amount: 1 }));
    expect(fingerprintOf({ amount: 1 })).not.toBe(fingerprintOf({ amount: 2 }));
    expect(fingerprintOf({ items: [1, 2] })).not.toBe(fingerprintOf({ items: [2, 1] }));
  });
});
