import { describe, expect, it } from '@jest/globals';
import { type CouponShop, couponIdentities, serialsToRead } from '../../load/lib/couponOracle.ts';

type Identity = { id: string; ok: boolean; expected: string; actual: string };
type Counters = Record<string, number>;
type Coupons = { policyId: string; count: number; issued: number; names: number | null; asked: 'coupon' | 'request'; warmed: number };
type Report = { totals: { requestsIssued: number; requestsRefused: number }; policies: { policyId: string; issued: number }[] };
type Judge = {
  demanded(counters: Counters, coupons: Coupons): Identity;
  queued(counters: Counters, coupons: Coupons, report: Report, deadLetters: number | null): Identity[];
  busyMinutes(lag: [number, number][]): number[];
  overflow(stages: { name: string; lagMin: number }[]): string | null;
  slopePerHour(samples: [number, number][]): number;
  soaked(
    soak: { afterS: number; slopeMaxPerHour: number },
    parts: Record<string, { memory: [number, number][] }>,
    lag: [number, number][],
  ): Identity[];
};
type Setup = { up: string[]; servers: string[]; outages: { server: string; how: string; seconds: number; lasting: number }[] };
const runner = (name: string) => import(new URL(`../../load/runner/${name}`, import.meta.url).href);
const judge = (await runner('couponJudge.mjs')) as Judge;
const { setupOf } = (await runner('setups.mjs')) as { setupOf(options: object): Setup };

const misses = (identities: readonly Identity[]): string[] => identities.filter(({ ok }) => !ok).map(({ id }) => id);

describe('K3: a policy of one coupon a user', () => {
  const read = [1, 2, 3].map((serial) => ({ serial, coupon: { policyId: 'c', serial, userId: `u${serial}` } }));
  const right: CouponShop = {
    policy: { policyId: 'c', count: 10, issued: 3, remaining: 7, perUser: 1 },
    read,
    beyond: { serial: 4, coupon: null },
    lagMs: 20,
  };
  const [first, second, third] = read;
  if (!first || !second || !third) throw new Error('three coupons were read');

  it('finds nothing in a right shop', () => {
    expect(misses(couponIdentities(right) as Identity[])).toEqual([]);
  });

  it.each<[string, CouponShop, string[]]>([
    ['a policy oversold by one', { ...right, policy: { ...right.policy, count: 2, remaining: -1 } }, ['K3 never more than the count']],
    ['a count that does not add up', { ...right, policy: { ...right.policy, remaining: 8 } }, ['K3 issued = count - remaining']],
    ['a coupon beyond the last', { ...right, beyond: { ...third, serial: 4 } }, ['K3 never more than the count']],
    ['a serial left out', { ...right, read: [first, { serial: 2, coupon: null }, third] }, ['K3 serials 1, 2, 3 …']],
    [
      'a serial given twice',
      { ...right, read: [first, { serial: 2, coupon: { ...second.coupon, serial: 1 } }, third] },
      ['K3 serials 1, 2, 3 …', 'K3 one coupon a user'],
    ],
    [
      'a user with two',
      { ...right, read: [first, { serial: 2, coupon: { ...second.coupon, userId: 'u1' } }, third] },
      ['K3 one coupon a user'],
    ],
    ['views behind after 30 s', { ...right, lagMs: 30_001 }, ['K7 views at the end of the log']],
  ])('finds %s', (_, shop, expected) => {
    expect(misses(couponIdentities(shop) as Identity[])).toEqual(expected);
  });

  it('reads every serial of a few, and the first, the last and evenly between of many', () => {
    expect(serialsToRead(0, 10)).toEqual([]);
    expect(serialsToRead(4, 10)).toEqual([1, 2, 3, 4]);
    expect(serialsToRead(25, 10)).toEqual([1, 4, 7, 10, 13, 16, 19, 22, 25]);
    expect(serialsToRead(26, 10)).toEqual([1, 4, 7, 10, 13, 16, 19, 22, 25, 26]);
  });
});

describe('K3: exactly min(count, users who asked) are issued', () => {
  const asked = (answered: number, sent = answered): Counters => ({ answered_coupon: answered, sent_coupon: sent });
  const coupons = (issued: number, names: number | null = null): Coupons => ({
    policyId: 'c',
    count: 100,
    issued,
    names,
    asked: 'coupon',
    warmed: 0,
  });

  it.each<[string, Counters, Coupons, boolean]>([
    ['fewer users than coupons: each has one', asked(40), coupons(40), true],
    ['a user went without although there were coupons', asked(40), coupons(39), false],
    ['more users than coupons: all are gone', asked(400), coupons(100), true],
    ['one is left although a user asked', asked(400), coupons(99), false],
    ['one too many', asked(400), coupons(101), false],
    ['an answer that stayed unknown leaves both open', asked(40, 41), coupons(41), true],
    ['no more than the unknown ones', asked(40, 41), coupons(42), false],
    ['the same users again and again', asked(400), coupons(30, 30), true],
    ['a user twice', asked(400), coupons(31, 30), false],
  ])('%s', (_, counters, state, ok) => {
    expect(judge.demanded(counters, state).ok).toBe(ok);
  });
});

describe('K10: what the queue accepted has its outcome', () => {
  const coupons: Coupons = { policyId: 'c', count: 100, issued: 100, names: null, asked: 'request', warmed: 0 };
  const counters = { sent_request: 130, answered_request: 130, acked_request: 130 };
  const report = (requestsIssued: number, requestsRefused: number, issued = 100): Report => ({
    totals: { requestsIssued, requestsRefused },
    policies: [{ policyId: 'c', issued }],
  });
  const judged = (counted: Counters, found: Report, dead: number | null = 0) => misses(judge.queued(counted, coupons, found, dead));

  it('finds nothing when all is right', () => {
    expect(judged(counters, report(100, 30))).toEqual([]);
    expect(judge.demanded(counters, coupons).ok).toBe(true);
  });

  it.each<[string, Counters, Report, number | null, string[]]>([
    ['an accepted request without outcome', counters, report(100, 29), 0, ['K10 outcomes = accepted']],
    ['two outcomes of one request', counters, report(100, 31), 0, ['K10 outcomes = accepted']],
    ['a coupon that no outcome tells of', counters, report(99, 31), 0, ['K10 outcomes issued = coupons']],
    ['a view that is ahead of the log', counters, report(100, 30, 99), 0, ['K10 coupons in the view = in the log']],
    ['a dead letter', counters, report(100, 30), 1, ['K10 dead letters']],
    ['dead letters that nobody could count', counters, report(100, 30), null, ['K10 dead letters']],
  ])('finds %s', (_, counted, found, dead, expected) => {
    expect(judged(counted, found, dead)).toEqual(expected);
  });

  it('takes off what was asked before the run', () => {
    const judgedAfter = (warmed: number) => misses(judge.queued(counters, { ...coupons, warmed }, report(120, 30), 0));
    expect(judgedAfter(20)).toEqual([]);
    expect(judgedAfter(19)).toEqual(['K10 outcomes = accepted', 'K10 outcomes issued = coupons']);
  });

  it('a request whose answer was lost may have been accepted or not', () => {
    const lost = { ...counters, sent_request: 131 };
    expect(judged(lost, report(100, 30))).toEqual([]);
    expect(judged(lost, report(100, 31))).toEqual([]);
    expect(judged(lost, report(100, 32))).toEqual(['K10 outcomes = accepted']);
  });
});

describe('the course of a long run', () => {
  it('names the minutes in which the queue never ran empty', () => {
    const lag: [number, number][] = [
      [0, 5],
      [59_000, 0],
      [60_000, 3],
      [119_000, 1],
      [120_000, 0],
    ];
    expect(judge.busyMinutes(lag)).toEqual([1]);
    expect(
      judge.overflow([
        { name: 'a', lagMin: 0 },
        { name: 'b', lagMin: 2 },
      ]),
    ).toBe('b');
    expect(judge.overflow([{ name: 'a', lagMin: 0 }])).toBeNull();
  });

  it('tells memory that grows from memory that only moves', () => {
    const half = 1_800_000;
    const grows: [number, number][] = [0, 1, 2, 3, 4].map((i) => [i * half, 1_000 + i * 10]);
    const moves: [number, number][] = [0, 1, 2, 3, 4].map((i) => [i * half, 1_000 + (i % 2) * 100]);
    expect(judge.slopePerHour(grows)).toBeCloseTo(20 / 1_020, 6);
    expect(judge.slopePerHour(moves)).toBeCloseTo(0, 6);
    expect(judge.slopePerHour([])).toBe(0);
    const soak = { afterS: 0, slopeMaxPerHour: 0.01 };
    expect(misses(judge.soaked(soak, { api: { memory: grows }, k6: { memory: moves } }, [[0, 0]]))).toEqual(['K13 memory of api']);
    expect(misses(judge.soaked({ ...soak, afterS: 7_200 }, { api: { memory: grows } }, [[0, 1]]))).toEqual([
      'K10 lag back to 0 each minute',
    ]);
  });
});

describe('what a scenario needs beside its script', () => {
  const options = (subject: string, more: object = {}) => ({ subject, env: {}, servers: [], outages: [], ...more });

  it('comes with the scenario, scaled as it is', () => {
    const { servers, outages } = setupOf(options('fault-queue', { env: { SCALE: '0.1' } }));
    expect(servers).toEqual(['kafka']);
    expect(outages).toEqual([{ server: 'kafka', how: 'stop', seconds: 6, lasting: 1.5 }]);
    expect(setupOf(options('two-processes.ts')).up).toEqual(['--command-apis', '2']);
    expect(setupOf(options('give-1500')).up).toEqual([]);
  });

  it('yields to the command line', () => {
    const freeze = { server: 'kafka', how: 'freeze', seconds: 1, lasting: 2 };
    const setup = setupOf(options('fault-queue', { outages: [freeze], servers: ['redis', 'kafka'], 'command-apis': '3' }));
    expect(setup).toMatchObject({ outages: [freeze], servers: ['kafka', 'redis'], up: ['--command-apis', '3'] });
  });
});
