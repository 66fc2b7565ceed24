import { describe, expect, it } from '@jest/globals';
import { isOurs, MalformedEvent, parseEvent, UnknownEventType } from '../../src/domain/events.ts';
import { isId, partsOfCouponId } from '../../src/domain/ids.ts';

describe('a stored event', () => {
  const data = { orderId: 'o1', lines: [{ productId: 'p1', quantity: 1 }], at: 1 };

  it('is parsed member by member, and members of newer writers pass', () => {
    expect(parseEvent({ type: 'StockTaken', data: { ...data, since: 'v9' } })).toEqual({ type: 'StockTaken', data });
  });

  it.each([
    ['a missing member', { ...data, at: undefined }],
    ['a fraction', { ...data, at: 1.5 }],
    ['text for a number', { ...data, at: '1' }],
    ['a wrong line', { ...data, lines: [{ productId: 'p1' }] }],
    ['no object', null],
  ])('is malformed with %s', (_what, broken) => {
    expect(() => parseEvent({ type: 'StockTaken', data: broken })).toThrow(MalformedEvent);
  });

  it('of an unknown type is refused, never skipped (ES12)', () => {
    expect(() => parseEvent({ type: 'StockBorrowed', data })).toThrow(UnknownEventType);
    expect(() => parseEvent({ type: 'toString', data })).toThrow(UnknownEventType);
  });

  it('is ours by the category of its stream', () => {
    expect(['account-u1', 'couponPolicy-cp1-1', 'inventory-main', 'product-p1', 'shop-main'].every(isOurs)).toBe(true);
    expect(['$$account-u1', 'account', 'store-identity', 'accounts-1', '-x', ''].some(isOurs)).toBe(false);
  });
});

describe('ids', () => {
  it.each(['a', 'u1--2', 'A_b-3', '0', 'x'.repeat(64)])('accept %s', (id) => expect(isId(id)).toBe(true));
  it.each(['', '-a', '_a', 'x'.repeat(65), 'a b', 'a/b', '$all', 'ä', 'a\n', 'a\u0000'])('refuse %j (S10)', (id) =>
    expect(isId(id)).toBe(false),
  );

  it('of a coupon name its policy and serial', () => {
    expect(partsOfCouponId('cp1-2-30')).toEqual({ policyId: 'cp1-2', serial: 30 });
    expect(['cp1', 'cp1-0', 'cp1-01', '-1-1', 'cp1-', 'cp1-99999999999'].map(partsOfCouponId).filter(Boolean)).toEqual([]);
  });
});
