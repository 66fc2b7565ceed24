import { describe, expect, it } from '@jest/globals';
import type { ProductId } from '../../src/domain/ids.ts';
import type { Won } from '../../src/domain/money.ts';
import { discountOn, mergeLines, type Price, quote } from '../../src/domain/quote.ts';

const p = (id: string) => id as ProductId;
const prices = new Map<ProductId, Price>([
  [p('p1'), { name: 'one', price: 2_000 as Won }],
  [p('p2'), { name: 'two', price: 20_000 as Won }],
  [p('dear'), { name: 'dear', price: 1_000_000_000 as Won }],
]);
const priceOf = (id: ProductId) => prices.get(id);

describe('a discount (R35)', () => {
  it.each([
    [40_000, 'amount', 5_000, 35_000],
    [1_000, 'rate', 20, 800],
    [100, 'rate', 29, 71],
    [999, 'rate', 50, 500],
    [3_000, 'amount', 5_000, 0],
    [10_000, 'amount', 2_000, 8_000],
    [1_000_000_000_000, 'rate', 99, 10_000_000_000],
  ] as const)('of %i with %s %i leaves %i to pay (D28)', (subtotal, discountType, discountAmount, total) => {
    expect(subtotal - discountOn(subtotal as Won, { discountType, discountAmount })).toBe(total);
  });
});

describe('a quote', () => {
  it('fixes name, unit price and totals', () => {
    const cart = [
      { productId: p('p1'), quantity: 5 },
      { productId: p('p2'), quantity: 1 },
    ];
    expect(quote(cart, priceOf, { discountType: 'amount', discountAmount: 2_000 })).toEqual({
      kind: 'quoted',
      lines: [
        { productId: 'p1', name: 'one', quantity: 5, unitPrice: 2_000 },
        { productId: 'p2', name: 'two', quantity: 1, unitPrice: 20_000 },
      ],
      subtotal: 30_000,
      discount: 2_000,
      totalAmount: 28_000,
    });
  });

  it('merges equal products before anything is checked (R33)', () => {
    const line = { productId: p('p1'), quantity: 6_000 };
    expect(mergeLines([line, line])).toEqual([{ productId: 'p1', quantity: 12_000 }]);
    expect(quote([line, line], priceOf, null)).toMatchObject({ kind: 'refused', reason: 'quantity-above-limit' });
  });

  it('names the product it does not know', () => {
    expect(quote([{ productId: p('ghost'), quantity: 1 }], priceOf, null)).toMatchObject({ reason: 'unknown-product', productId: 'ghost' });
  });

  it('has a limit on the total', () => {
    expect(quote([{ productId: p('dear'), quantity: 1_000 }], priceOf, null)).toMatchObject({
      kind: 'quoted',
      totalAmount: 1_000_000_000_000,
    });
    expect(quote([{ productId: p('dear'), quantity: 1_001 }], priceOf, null)).toMatchObject({ reason: 'total-above-limit' });
  });
});
