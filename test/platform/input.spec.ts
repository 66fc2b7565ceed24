import { describe, expect, it } from '@jest/globals';
import type { Request } from 'express';
import { z } from 'zod';
import { amountInput, idInput, invalid, nameInput, parse, parseQuery, readAfterOf, timeInput } from '../../src/platform/input.ts';
import { Problem } from '../../src/platform/problem.ts';

/** What a request says in its headers and query, as the parsers see it. */
const asking = (headers: Readonly<Record<string, string>>, query: unknown = {}): Request =>
  ({ get: (name: string) => headers[name.toLowerCase()], query }) as unknown as Request;

const problemOf = (run: () => unknown): Problem => {
  try {
    run();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

describe('an id (S10)', () => {
  it.each(['a', 'u17', 'A-b_c', '9'.repeat(64)])('may be %s', (id) => expect(parse(idInput, id)).toBe(id));

  it.each([
    [0, '0'],
    [17, '17'],
    [9_007_199_254_740_991, '9007199254740991'],
  ])('given as the number %s is its decimal text', (given, id) => expect(parse(idInput, given)).toBe(id));

  it.each(['', '-a', '_a', '$all', '$$x', 'a b', 'a/b', '../a', 'a\n', 'a\u0000', 'ä', '\ud800', '‮a', 'a'.repeat(65), 'a%2e'])(
    'is not %j',
    (id) => expect(problemOf(() => parse(idInput, id)).problem).toBe('invalid-request'),
  );

  it.each([-1, 1.5, 2 ** 53, Number.POSITIVE_INFINITY, Number.NaN, null, undefined, true, ['a'], { a: 1 }])(
    'is not the value %p',
    (value) => expect(problemOf(() => parse(idInput, value)).problem).toBe('invalid-request'),
  );
});

describe('an amount (HT7, S9)', () => {
  it.each([1, 1_000_000_000, 1e3])('may be %p', (amount) => expect(parse(amountInput, amount)).toBe(amount));

  it.each([
    0,
    -0,
    -1,
    1.5,
    0.1,
    1_000_000_001,
    2 ** 53,
    2 ** 53 + 1,
    Number.POSITIVE_INFINITY,
    Number.NaN,
    '10',
    '1e3',
    [10],
    {},
    null,
    true,
  ])('is not %p', (amount) => expect(problemOf(() => parse(amountInput, amount)).status).toBe(400));
});

describe('a name (S11)', () => {
  it.each(['a', '여름 세일', '👍🏽', 'x'.repeat(100), "Robert'); drop table orders;--"])('may be %j', (name) =>
    expect(parse(nameInput, name)).toBe(name),
  );

  it.each(['', 'x'.repeat(101), 'a\u0000b', 'a\nb', '\u001b[31m', '\u007f', '\ud800', 'a\udc00', 7, null])('is not %j', (name) =>
    expect(problemOf(() => parse(nameInput, name)).status).toBe(400),
  );
});

describe('a time', () => {
  it.each([
    ['2026-01-05T00:00:00Z', '2026-01-05T00:00:00.000Z'],
    ['2026-01-05T09:00:00.123+09:00', '2026-01-05T00:00:00.123Z'],
  ])('may be %s', (text, same) => expect(new Date(parse(timeInput, text)).toISOString()).toBe(same));

  it.each(['2026-01-05T00:00:00', '2026-01-05', '2026-02-30T00:00:00Z', '2026-01-05T25:00:00Z', 'now', '', 1_767_571_200_000, null])(
    'is not %p',
    (text) => expect(problemOf(() => parse(timeInput, text)).status).toBe(400),
  );
});

describe('what is wrong with a request', () => {
  const order = z.strictObject({ userId: idInput, items: z.array(z.strictObject({ quantity: amountInput })) });

  it('is told by member, with the message of the first that has one', () => {
    const { extra, status, message } = problemOf(() => parse(order, { userId: 'ann', items: [{ quantity: 0 }] }));
    expect(status).toBe(400);
    expect(message).toMatch(/^\/items\/0\/quantity: /);
    expect(extra).toMatchObject({ message: '수량은 1개 이상이어야 합니다.', errors: [{ pointer: '/items/0/quantity' }] });
  });

  it('includes members nobody asked for (S5, R34)', () => {
    expect(problemOf(() => parse(order, { userId: 'ann', items: [], price: 1 })).message).toMatch(/price/);
  });

  it.each(['{"userId":"a","items":[],"__proto__":{"admin":true}}', '{"userId":"a","items":[],"constructor":{"prototype":{}}}'])(
    'includes keys that aim at prototypes (S12): %s',
    (text) => {
      expect(problemOf(() => parse(order, JSON.parse(text))).status).toBe(400);
      expect({}).not.toHaveProperty('admin');
    },
  );

  it('stays short, however much is wrong', () => {
    const { extra } = problemOf(() => parse(order, { userId: 'ann', items: Array.from({ length: 1_000 }, () => ({ quantity: 0 })) }));
    expect(extra.errors).toHaveLength(20);
  });

  it('can be told of a member by hand', () => {
    expect(invalid('items', 'is too much', 'quantity')).toMatchObject({
      status: 400,
      message: '/items: is too much',
      extra: { errors: [{ pointer: '/items', detail: 'is too much' }], message: '수량은 1개 이상이어야 합니다.' },
    });
  });
});

describe('a read token', () => {
  const max = String(2n ** 63n - 1n);

  it('is the header, else the member of the query, else nothing', () => {
    expect(readAfterOf(asking({ 'read-after': '7' }, { readAfter: '9' }))).toBe(7n);
    expect(readAfterOf(asking({}, { readAfter: '9' }))).toBe(9n);
    expect(readAfterOf(asking({}))).toBeNull();
    expect(readAfterOf(asking({ 'read-after': max }))).toBe(2n ** 63n - 1n);
  });

  it.each(['', '-1', '1.5', '0x10', '1e3', 'abc', ' 1', '01', String(2n ** 63n), '9'.repeat(40), '७'])('is not %j', (text) => {
    expect(problemOf(() => readAfterOf(asking({ 'read-after': text }))).problem).toBe('invalid-request');
    expect(problemOf(() => readAfterOf(asking({}, { readAfter: text }))).problem).toBe('invalid-request');
  });

  it('is one, not a list', () => {
    expect(problemOf(() => readAfterOf(asking({}, { readAfter: ['1', '2'] }))).problem).toBe('invalid-request');
  });

  it('is no member of the query that a route reads', () => {
    const query = z.strictObject({ limit: z.string() });
    expect(parseQuery(query, asking({}, { limit: '1', readAfter: '9' }))).toEqual({ limit: '1' });
    expect(problemOf(() => parseQuery(query, asking({}, { limit: '1', other: '9' }))).status).toBe(400);
  });
});
