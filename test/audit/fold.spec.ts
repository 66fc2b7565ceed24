import { describe, expect, it } from '@jest/globals';
import { conclude } from '../../src/audit/conclude.ts';
import { Findings, type Invariant } from '../../src/audit/findings.ts';
import { Ledger } from '../../src/audit/ledger.ts';
import { reportOf } from '../../src/audit/report.ts';
import type { IssuedCoupon } from '../../src/domain/couponPolicy.ts';
import type { RecordedEvent } from '../../src/platform/eventStore/eventStore.ts';
import { History, NOON } from './history.ts';

type Log = readonly RecordedEvent[];

const SOON = NOON + 30_000;

const auditOf = (log: Log, asOf = SOON) => {
  const findings = new Findings();
  const ledger = new Ledger('Asia/Seoul', findings);
  for (const event of log) ledger.take(event);
  conclude(ledger.books, findings, asOf);
  return reportOf(ledger, findings, [], asOf);
};

const broken = (log: Log, asOf?: number): readonly Invariant[] =>
  auditOf(log, asOf)
    .invariants.filter(({ ok }) => !ok)
    .map(({ id }) => id);

/** The `nth` event of a type with its data changed. */
const changed = (log: Log, type: string, change: (data: Record<string, unknown>) => Record<string, unknown>, nth = 0): Log => {
  const found = log.filter((event) => event.type === type)[nth];
  if (!found) throw new Error(`there is no ${type} number ${nth}`);
  const data = found.data as Record<string, unknown>;
  return log.map((event) => (event === found ? { ...event, data: { ...data, ...change(data) } } : event));
};

/** The log with revisions and positions made anew, so that only what an event says is wrong. */
const renumbered = (log: Log): Log => {
  const revisions = new Map<string, bigint>();
  return log.map((event, i) => {
    const revision = (revisions.get(event.stream) ?? -1n) + 1n;
    revisions.set(event.stream, revision);
    return { ...event, revision, position: BigInt(i + 1) };
  });
};

const without = (log: Log, type: string, nth = 0): Log => {
  const found = log.filter((event) => event.type === type)[nth];
  return renumbered(log.filter((event) => event !== found));
};

/** The log with one event more at its end. */
const andThen = (log: Log, stream: string, type: string, data: unknown): Log =>
  renumbered([...log, { id: 'more', metadata: {}, createdAt: NOON, stream, type, data, revision: 0n, position: 0n }]);

/** Ann orders with a coupon, bob without: both are placed. */
const twoOrders = (): Log => {
  const history = new History();
  history.open();
  history.charge('ann', 30_000);
  history.charge('bob', 30_000);
  history.order('ann', ['p1', 'p2'], history.issue('ann'));
  history.order('bob', ['p1']);
  return history.recorded;
};

const FIGURES = new Set(
  'amount balanceAfter movement subtotal discount totalAmount unitPrice quantity stockAfter serial price discountAmount expiresAt added'.split(
    ' ',
  ),
);

/** Paths to all figures in the data of an event; the terms of a policy are what it says, so nothing can contradict them. */
const figuresOf = (data: unknown, path: readonly string[] = []): readonly (readonly string[])[] => {
  if (typeof data === 'number') return FIGURES.has(path.at(-1) ?? '') ? [path] : [];
  if (typeof data !== 'object' || data === null) return [];
  return Object.entries(data).flatMap(([name, value]) => (name === 'terms' ? [] : figuresOf(value, [...path, name])));
};

const oneMore = (data: unknown, path: readonly string[]): void => {
  const at = path.slice(0, -1).reduce((inside, name) => inside[name] as Record<string, unknown>, data as Record<string, unknown>);
  const name = path.at(-1) ?? '';
  at[name] = (at[name] as number) + 1;
};

const lastOf = (log: Log, type: string): Record<string, unknown> =>
  log.findLast((event) => event.type === type)?.data as Record<string, unknown>;

const WITH_COUPONS = ['CouponUsed', 'CouponUseCancelled', 'CouponDeleted', 'CouponPolicyChanged', 'CouponCountAdded'];

describe('a log that the shop itself has written', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('holds every invariant at every prefix: seed %i', (seed) => {
    const history = new History(seed);
    history.open(15, 6);
    history.run(12, 600);
    const report = auditOf(history.recorded);
    expect(report.violations).toEqual([]);
    expect(report.totals.ordersPlaced).toBeGreaterThan(0);
    expect(report.totals.ordersRejected).toBeGreaterThan(0);
    expect(report.totals.couponsIssued).toBeGreaterThanOrEqual(12);
    expect(report.events).toBe(history.recorded.length);
  });

  it.each(WITH_COUPONS)('has each kind of fact about coupons: %s', (type) => {
    const history = new History(1);
    history.open(15, 6);
    history.run(12, 600);
    expect(history.recorded.some((event) => event.type === type)).toBe(true);
  });

  it('gives the sums', () => {
    const report = auditOf(twoOrders());
    expect(report.violations).toEqual([]);
    expect(report.totals).toMatchObject({
      accounts: 2,
      charged: 60_000,
      held: 0,
      ordersPlaced: 2,
      ordersPlacedWithCoupon: 1,
      couponsUsed: 1,
    });
    expect(report.totals.balances + report.totals.spent).toBe(60_000);
    expect(report.policies).toContainEqual({ policyId: 'cp1-1', count: 10, issued: 1 });
  });

  it('may have young open orders, which are counted', () => {
    const history = new History();
    history.open();
    history.charge('ann', 30_000);
    history.submit('ann', ['p1']);
    const report = auditOf(history.recorded);
    expect(report.violations).toEqual([]);
    expect(report.openOrders).toEqual({ count: 1, oldestSeconds: 29 });
    expect(broken(history.recorded, SOON + 60_000)).toEqual(['I12']);
  });
});

describe('one fault in the log is found', () => {
  const log = twoOrders();
  const more = (data: Record<string, unknown>) => ({ amount: (data.amount as number) + 1 });

  it('I1: one won off in a balance', () => {
    expect(broken(changed(log, 'BalanceCharged', (data) => ({ balanceAfter: (data.balanceAfter as number) + 1 })))).toEqual(['I1']);
    expect(broken(changed(log, 'BalanceCharged', more))).toEqual(['I1']);
    expect(broken(changed(log, 'OrderSubmitted', (data) => ({ movement: (data.movement as number) + 1 })))).toEqual(['I1']);
  });

  it('I2: more is spent than there is', () => {
    const poor = changed(log, 'BalanceCharged', () => ({ amount: 1_000, balanceAfter: 1_000 }));
    const overdrawn = changed(poor, 'OrderSubmitted', (data) => ({ balanceAfter: 1_000 - (data.totalAmount as number) }));
    expect(broken(overdrawn)).toEqual(['I2']);
  });

  it('I3: a charge is recorded twice under its key', () => {
    const balance = lastOf(log, 'OrderSubmitted').balanceAfter as number;
    const data = { ...lastOf(log, 'BalanceCharged'), balanceAfter: balance + 30_000, movement: 3 };
    expect(broken(andThen(log, 'account-bob', 'BalanceCharged', data))).toEqual(['I3']);
  });

  it('I4: a receipt, an issue, a product, a policy recorded twice', () => {
    const receipt = { ...lastOf(log, 'StockReceived'), stockAfter: 40 };
    expect(broken(andThen(log, 'inventory-main', 'StockReceived', receipt))).toEqual(['I4']);
    const issue = { ...lastOf(log, 'CouponIssued'), serial: 2, couponId: 'cp1-1-2' };
    expect(broken(andThen(log, 'couponPolicy-cp1-1', 'CouponIssued', issue))).toEqual(['I4']);
    expect(broken(andThen(log, 'product-p5--1', 'ProductCreated', lastOf(log, 'ProductCreated')))).toEqual(['I4']);
    expect(broken(andThen(log, 'couponPolicy-cp1-2', 'CouponPolicyOpened', lastOf(log, 'CouponPolicyOpened')))).toEqual(['I4']);
  });

  it('I5: a coupon too many, and a hole in the serials', () => {
    const terms = (data: Record<string, unknown>) => ({ terms: { ...(data.terms as object), count: 0 } });
    expect(broken(changed(log, 'CouponPolicyOpened', terms))).toEqual(['I5']);
    expect(broken(changed(log, 'CouponIssued', () => ({ serial: 2 })))).toEqual(['I5']);
  });

  it('I6: a second coupon of a policy that gives one to each', () => {
    const history = new History();
    history.open();
    const first = history.issue('ann', 2);
    const second = { ...first, serial: 2, couponId: 'cp1-2-2', commandId: 'another' };
    expect(broken(andThen(history.recorded, 'couponPolicy-cp1-2', 'CouponIssued', second))).toEqual(['I6']);
  });

  it('I7: two orders use one coupon', () => {
    const history = new History();
    history.open();
    history.charge('ann', 30_000);
    const [first, second] = [history.issue('ann'), history.issue('ann')];
    history.order('ann', ['p1'], first);
    history.order('ann', ['p1'], second);
    const twice = changed(history.recorded, 'OrderSubmitted', () => ({ couponId: first?.couponId }), 1);
    expect(broken(changed(twice, 'OrderPlaced', () => ({ couponId: first?.couponId }), 1))).toEqual(['I7']);
  });

  describe('in what is done with coupons and policies', () => {
    const history = new History();
    history.open();
    const coupon = history.issue('ann') as IssuedCoupon;
    history.use(coupon);
    history.cancel(coupon);
    history.use(coupon);
    history.change(1, 700);
    history.add(1, 5);
    const { couponId } = coupon;
    const used = history.recorded;
    const command = { couponId, fingerprint: 'f', commandId: 'new', at: NOON + 1 };
    const onAnn = (log: Log, type: string, data: unknown) => broken(andThen(log, 'account-ann', type, data));
    const onPolicy = (type: string, data: unknown) => broken(andThen(used, 'couponPolicy-cp1-1', type, data));
    const termsOf = (type: string) => lastOf(used, type).terms as Record<string, unknown>;

    it('which is right as the shop wrote it', () => {
      expect(broken(used)).toEqual([]);
    });

    it('I7: used twice, cancelled twice, deleted twice, or used, held and cancelled after its deletion', () => {
      expect(onAnn(used, 'CouponUsed', { ...command, productId: 'p1' })).toEqual(['I7']);
      expect(onAnn(without(used, 'CouponUsed'), 'CouponUseCancelled', command)).toEqual(['I7']);
      const deleted = andThen(used, 'account-ann', 'CouponDeleted', command);
      expect(broken(deleted)).toEqual([]);
      const again = { ...command, commandId: 'newer' };
      for (const type of ['CouponDeleted', 'CouponUseCancelled']) expect(onAnn(deleted, type, again)).toContain('I7');
    });

    it('I4: a command recorded twice', () => {
      expect(onAnn(used, 'CouponUsed', lastOf(used, 'CouponUsed'))).toContain('I4');
      expect(
        onPolicy('CouponCountAdded', { ...lastOf(used, 'CouponCountAdded'), terms: { ...termsOf('CouponCountAdded'), count: 20 } }),
      ).toEqual(['I4']);
    });

    it("I8: another's coupon, one that has expired, one of a deleted policy", () => {
      expect(broken(andThen(used, 'account-bob', 'CouponDeleted', command))).toEqual(['I8']);
      const late = changed(used, 'CouponUsed', () => ({ at: coupon.expiresAt + 1 }));
      expect(broken(late)).toEqual(['I8']);
      const ended = andThen(used, 'couponPolicy-cp1-2', 'CouponPolicyDeleted', {
        terms: lastOf(used, 'CouponPolicyOpened').terms,
        ...command,
      });
      const { issuedAt, expiresAt } = coupon;
      const issue = {
        couponId: 'cp1-2-1',
        serial: 1,
        userId: 'bob',
        commandId: 'late',
        discountType: 'rate',
        discountAmount: 29,
        issuedAt,
        expiresAt,
      };
      expect(broken(andThen(ended, 'couponPolicy-cp1-2', 'CouponIssued', issue))).toEqual(['I8']);
    });

    it('I5, I6: a count that shrinks or grows by something else, terms that never change', () => {
      const having = (terms: Record<string, unknown>) => ({ ...command, terms: { ...termsOf('CouponCountAdded'), ...terms } });
      expect(onPolicy('CouponPolicyChanged', having({}))).toEqual([]);
      expect(onPolicy('CouponPolicyChanged', having({ count: 14 }))).toEqual(['I5']);
      expect(onPolicy('CouponPolicyChanged', having({ count: null }))).toEqual(['I5']);
      expect(onPolicy('CouponCountAdded', { ...having({ count: 17 }), added: 1 })).toEqual(['I5']);
      expect(onPolicy('CouponPolicyChanged', having({ perUser: 1 }))).toEqual(['I6']);
    });
  });

  it("I8: another's coupon, an expired one, one with other terms, one that was never issued", () => {
    expect(broken(changed(log, 'CouponIssued', () => ({ userId: 'bob' })))).toEqual(['I8']);
    expect(broken(changed(log, 'OrderSubmitted', () => ({ at: NOON + 8 * 86_400_000 })))).toEqual(['I8']);
    expect(broken(changed(log, 'CouponIssued', (data) => ({ expiresAt: (data.expiresAt as number) + 1 })))).toEqual(['I8']);
    expect(broken(without(log, 'CouponIssued'))).toEqual(['I8', 'I16']);
  });

  describe('with requests of the queue', () => {
    const history = new History();
    history.open(20, 2);
    for (const [user, transaction] of ['ann tx-1', 'ann tx-2', 'bob tx-3', 'bob tx-4'].map((text) => text.split(' '))) {
      history.request(user ?? '', transaction ?? '', 2);
    }
    history.request('eve', 'tx-5', 2);
    history.request('eve', 'tx-1', 2);
    history.request('eve', 'tx-6', 99);
    const requested = history.recorded;
    const ofRefusal = (data: Record<string, unknown>) => changed(requested, 'CouponRequestRefused', () => data, 1);

    it('finds nothing in what the shop itself decides', () => {
      const { violations, totals } = auditOf(requested);
      expect(violations).toEqual([]);
      expect([totals.requestsIssued, totals.requestsRefused, totals.couponsIssued]).toEqual([2, 4, 2]);
    });

    it('I4: a transaction with two outcomes (R48)', () => {
      expect(broken(ofRefusal({ transactionId: 'tx-1' }))).toEqual(['I4']);
      expect(broken(ofRefusal({ commandId: 'request-tx-1' }))).toEqual(['I4']);
      expect(broken(changed(requested, 'CouponIssued', () => ({ queued: { transactionId: 'tx-2', decidedAt: NOON } })))).toEqual(['I4']);
    });

    it('I9: a refusal for a reason that was not true', () => {
      const reasons = requested
        .filter(({ type }) => type === 'CouponRequestRefused')
        .map(({ data }) => (data as { reason: string }).reason);
      expect(reasons).toEqual(['already-issued', 'sold-out', 'sold-out', 'unknown-policy']);
      for (const reason of ['not-open', 'already-issued', 'unknown-policy']) expect(broken(ofRefusal({ reason }))).toEqual(['I9']);
      expect(broken(ofRefusal({ requestedAt: NOON + 86_400_001 }))).toEqual(['I9']);
      const more = changed(requested, 'CouponPolicyOpened', ({ terms }) => ({ terms: { ...(terms as object), count: 3 } }), 1);
      expect(broken(more)).toEqual(['I9']);
    });
  });

  it('I10: more is taken than there was', () => {
    const received = (data: Record<string, unknown>) => ({ quantity: 1, stockAfter: data.productId === 'p1--1' ? 1 : 20 });
    expect(broken(changed(log, 'StockReceived', received))).toEqual(['I10']);
  });

  it('I11: received is not on hand and taken', () => {
    expect(broken(changed(log, 'StockReceived', () => ({ stockAfter: 21 })))).toEqual(['I11']);
  });

  it('I13: a second verdict, a second settlement, a second submission, one for nobody', () => {
    const { orderId } = lastOf(log, 'OrderPlaced');
    expect(broken(andThen(log, 'inventory-main', 'StockTaken', { orderId, lines: [], at: NOON }))).toContain('I13');
    expect(broken(andThen(log, 'inventory-main', 'StockDenied', { orderId, reason: 'expired', at: NOON }))).toContain('I13');
    expect(broken(andThen(log, 'account-bob', 'OrderPlaced', lastOf(log, 'OrderPlaced')))).toContain('I13');
    expect(broken(andThen(log, 'account-bob', 'OrderSubmitted', lastOf(log, 'OrderSubmitted')))).toContain('I13');
    expect(broken(andThen(log, 'inventory-main', 'StockDenied', { orderId: 'none', reason: 'expired', at: NOON }))).toEqual(['I13']);
  });

  it('I14: placed without stock, or with other lines than were taken', () => {
    expect(broken(without(log, 'StockTaken'))).toEqual(['I14']);
    expect(broken(changed(log, 'StockTaken', () => ({ lines: [{ productId: 'p5--1', quantity: 1 }] })))).toEqual(['I14']);
  });

  it('I15: rejected though stock was taken, or given back in part', () => {
    const history = new History();
    history.open(1);
    history.charge('ann', 30_000);
    for (const _ of [1, 2, 3]) history.order('ann', ['p1']);
    const denied = history.recorded;
    expect(broken(denied)).toEqual([]);
    expect(broken(without(denied, 'StockDenied'))).toEqual(['I15']);
    const part = changed(denied, 'OrderRejected', (data) => ({ totalAmount: (data.totalAmount as number) - 1 }));
    expect(broken(part)).toContain('I15');
  });

  it('I16: another price, discount or total, and an OrderPlaced that says something else', () => {
    const cheaper = (data: Record<string, unknown>) => ({
      lines: (data.lines as { unitPrice: number }[]).map((l) => ({ ...l, unitPrice: 1 })),
    });
    expect(broken(changed(log, 'OrderSubmitted', cheaper))).toContain('I16');
    expect(broken(changed(log, 'OrderSubmitted', () => ({ discount: 0 })))).toContain('I16');
    expect(broken(changed(log, 'ProductCreated', () => ({ price: 1_999 })))).toEqual(['I16']);
    const placedFor = (data: Record<string, unknown>) => ({ totalAmount: (data.totalAmount as number) + 1 });
    expect(broken(changed(log, 'OrderPlaced', placedFor))).toEqual(['I1', 'I2', 'I16']);
    expect(broken(changed(log, 'OrderPlaced', () => ({ couponId: null })))).toEqual(['I12', 'I16']);
  });

  it('log: a hole in a stream, an event twice, positions that fall, what nobody can read', () => {
    const gap = log.filter((event) => event.type !== 'BalanceCharged' || event.stream !== 'account-bob');
    expect(broken(gap)).toContain('log');
    expect(broken([...log, ...log.slice(-1)])).toEqual(['log']);
    expect(broken(log.map((event, i) => (i === 5 ? { ...event, position: 1n } : event)))).toEqual(['log']);
    expect(broken(andThen(log, 'account-bob', 'BalanceFrozen', {}))).toEqual(['log']);
    expect(broken(andThen(log, 'account-bob', 'BalanceCharged', { amount: '1' }))).toEqual(['log']);
    expect(broken(andThen(log, 'account-bob', 'StockDenied', { orderId: 'o', reason: 'expired', at: NOON }))).toEqual(['log']);
    expect(broken(andThen(log, 'parcel-1', 'ParcelSent', {}))).toEqual([]);
  });

  it('in every single figure of money, stock and coupons', () => {
    const history = new History(9);
    history.open(6, 3);
    history.run(4, 80);
    const missed: string[] = [];
    let tried = 0;
    for (const [i, event] of history.recorded.entries()) {
      if (event.stream === 'shop-main') continue;
      for (const path of figuresOf(event.data)) {
        const data = structuredClone(event.data);
        oneMore(data, path);
        tried += 1;
        if (broken(history.recorded.with(i, { ...event, data })).length === 0) missed.push(`${event.type} ${path.join('/')}`);
      }
    }
    expect(missed).toEqual([]);
    expect(tried).toBeGreaterThan(200);
  });

  it('I1: of one account, and of all together', () => {
    const wrong = changed(log, 'OrderSubmitted', (data) => ({ balanceAfter: (data.balanceAfter as number) + 1 }), 1);
    expect(auditOf(wrong).violations.map(({ where }) => where)).toEqual([
      'account-bob @1: balanceAfter',
      'account-bob: balance + held + spent',
      'all accounts: balance + held + spent',
    ]);
  });

  it('and told with stream, revision, expected and found', () => {
    const { violations } = auditOf(changed(log, 'BalanceCharged', (data) => ({ balanceAfter: (data.balanceAfter as number) + 1 })));
    expect(violations[0]).toEqual({ invariant: 'I1', where: 'account-ann @0: balanceAfter', expected: '30000', actual: '30001' });
  });
});
