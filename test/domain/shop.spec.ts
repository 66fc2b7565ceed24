import { describe, expect, it } from '@jest/globals';
import type { PolicyTerms } from '../../src/domain/couponPolicy.ts';
import type { CommandId, Fingerprint } from '../../src/domain/ids.ts';
import { foldAll } from '../../src/domain/kernel.ts';
import type { Won } from '../../src/domain/money.ts';
import { type GenerationOpening, numberPolicy, openGeneration, shopFold } from '../../src/domain/shop.ts';
import { specificationOf } from '../support/specification.ts';

const given = specificationOf(shopFold);
const terms: PolicyTerms = {
  name: 'n',
  count: 1,
  discountType: 'rate',
  discountAmount: 10,
  startsAt: 0,
  endsAt: 9,
  expireMinutes: 1,
  perUser: 1,
};
const creation = (id: string) => ({ terms, commandId: id as CommandId, fingerprint: 'f' as Fingerprint, at: 1 });
const opening = (id: string): GenerationOpening => ({
  commandId: id as CommandId,
  fingerprint: 'f' as Fingerprint,
  products: [{ name: 'p1', price: 10 as Won, stock: 5, soldBefore: [{ day: '2026-01-01', quantity: 7 }] }],
  policies: [terms, terms],
  at: 1,
});

describe('numbering policies (R16)', () => {
  it('counts 1, 2, 3 … within a generation and says so once for each command', () => {
    const first = numberPolicy(creation('a'))(shopFold.initial);
    const shop = foldAll(shopFold, shopFold.initial, first.events);
    expect(first.outcome).toMatchObject({ policy: { number: 1, policyId: 'cp0-1', generation: 0 } });
    expect(numberPolicy(creation('b'))(shop).outcome).toMatchObject({ policy: { number: 2, policyId: 'cp0-2' } });
    expect(numberPolicy(creation('a'))(shop).outcome).toMatchObject({ replayed: true, policy: { number: 1 } });
    expect(numberPolicy({ ...creation('a'), fingerprint: 'g' as Fingerprint })(shop).outcome).toMatchObject({ reason: 'key-reused' });
  });
});

describe('opening a generation', () => {
  it('makes ids of that generation and begins its numbers anew (R32)', () => {
    given()
      .when(openGeneration(opening('i1')))
      .answers({
        opened: {
          generation: 1,
          products: [{ productId: 'p1--1' }],
          carriedOver: [{ productId: 'p1--1', day: '2026-01-01', quantity: 7 }],
        },
        policies: [{ policyId: 'cp1-1' }, { policyId: 'cp1-2' }],
      })
      .answersAgain({ replayed: true, policies: [{ number: 1 }, { number: 2 }] });
    const shop = foldAll(shopFold, shopFold.initial, openGeneration(opening('i1'))(shopFold.initial).events);
    expect(numberPolicy(creation('a'))(shop).outcome).toMatchObject({ policy: { number: 3, policyId: 'cp1-3', generation: 1 } });
    const different = { ...opening('i1'), fingerprint: 'g' as Fingerprint };
    expect(openGeneration(different)(shop).outcome).toEqual({ kind: 'refused', reason: 'key-reused' });
    expect(openGeneration(opening('i2'))(shop).outcome).toMatchObject({
      opened: { generation: 2 },
      policies: [{ number: 1 }, { number: 2 }],
    });
  });
});
