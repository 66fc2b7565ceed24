import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, atOnce, byStatus, expectProblem, type Json } from '../support/client.ts';
import { expectAnswer, POSITION, TIME } from '../support/contract.ts';
import { until } from '../support/processes.ts';
import { expectNothingRecorded, startShop, type TestShop } from '../support/shop.ts';

let shop: TestShop;
beforeAll(async () => {
  shop = await startShop();
}, 60_000);
afterAll(() => shop.stop());

type Outcome = Readonly<{
  transactionId: string;
  userId: string;
  couponId: number | null;
  status: string;
  reason: string | null;
  userCouponId: string | null;
  decidedAt: string;
}>;
type Status = Readonly<{ message: string; code: number; data: Outcome }>;

const request = (body: Json, headers: Readonly<Record<string, string>> = {}) => shop.client.post('/api/v1/coupon/issue', body, { headers });
const status = (transactionId: string, query = '') => shop.client.get<Status>(`/api/v1/coupon/issue/${transactionId}${query}`);
const newId = (): string => randomUUID().slice(0, 18);
const decided = (transactionId: string, query = ''): Promise<Outcome> =>
  until(async () => {
    const answer = await status(transactionId, query);
    return answer.status === 200 && answer.body.data;
  });
const expectTaken = (answer: Answer<unknown>): void => expectAnswer(answer, 200, { message: '쿠폰 발급 요청 성공', code: 200, data: null });
const expectEnveloped = (answer: Answer<unknown>, status: number, problem: string): void => {
  expectProblem(answer, status, problem);
  expect(answer.body).toMatchObject({ code: status, data: null });
};

describe('a queued request for a coupon (7.1)', () => {
  it('is taken, decided, and its outcome found by its transaction id', async () => {
    const { policyId, number } = (await shop.createPolicy({ perUser: 1 })).body;
    const [transactionId, userId] = [newId(), newId()];
    expectTaken(await request({ userId, couponId: number, transactionId }));
    const outcome = await decided(transactionId);
    expect(outcome).toEqual({
      transactionId,
      userId,
      couponId: number,
      status: 'issued',
      reason: null,
      userCouponId: `${policyId}-1`,
      decidedAt: TIME,
    });
    const found = await status(transactionId);
    expect([found.body.code, found.headers['as-of'], found.headers['cache-control']]).toEqual([200, POSITION, 'no-store']);
    expect((await shop.coupon(`${policyId}-1`)).body.userId).toBe(userId);
  });

  it('may carry its transaction id as a header, and numbers as decimal text', async () => {
    const { number } = (await shop.createPolicy()).body;
    const transactionId = newId();
    expectTaken(await request({ userId: 'ann', couponId: String(number) }, { transactionId }));
    expect((await decided(transactionId)).status).toBe('issued');
  });

  it('tells a refusal by its problem: sold out, already issued, not open, unknown (D14)', async () => {
    const one = (await shop.createPolicy({ count: 1, perUser: 1 })).body.number;
    const many = (await shop.createPolicy({ count: 5, perUser: 1 })).body.number;
    const startsAt = new Date(Date.now() + 600_000).toISOString();
    const later = (await shop.createPolicy({ startsAt })).body.number;
    const asked = [
      [one, 'ann', 'issued', null],
      [one, 'bob', 'refused', 'sold-out'],
      [many, 'ann', 'issued', null],
      [many, 'ann', 'refused', 'already-issued'],
      [later, 'ann', 'refused', 'not-open'],
      [987_654, 'ann', 'refused', 'unknown-policy'],
    ] as const;
    for (const [couponId, userId, outcome, reason] of asked) {
      const transactionId = newId();
      expectTaken(await request({ userId, couponId, transactionId }));
      expect(await decided(transactionId)).toMatchObject({ status: outcome, reason, couponId });
    }
  });

  it('has one outcome however often it is sent, also when that would now be another (R48, D13)', async () => {
    const { policyId, number } = (await shop.createPolicy({ count: 1, perUser: null })).body;
    const [wins, loses] = [newId(), newId()];
    await request({ userId: 'ann', couponId: number, transactionId: wins });
    await decided(wins);
    await request({ userId: 'bob', couponId: number, transactionId: loses });
    await decided(loses);
    await shop.addCount(policyId, 10);
    await atOnce(20, (i) => request({ userId: i % 2 ? 'ann' : 'bob', couponId: number, transactionId: i % 2 ? wins : loses }));
    const last = newId();
    await request({ userId: 'eve', couponId: number, transactionId: last });
    expect((await decided(last)).userCouponId).toBe(`${policyId}-2`);
    expect([(await decided(wins)).status, (await decided(loses)).reason]).toEqual(['issued', 'sold-out']);
  });

  it('stands beside one of the same transaction id for another policy', async () => {
    const [first, second] = [(await shop.createPolicy()).body.number, (await shop.createPolicy()).body.number];
    const transactionId = newId();
    await request({ userId: 'ann', couponId: first, transactionId });
    await decided(transactionId, `?couponId=${first}`);
    await request({ userId: 'ann', couponId: second, transactionId });
    await decided(transactionId, `?couponId=${second}`);
    expect((await decided(transactionId)).couponId).toBe(second);
    expect((await decided(transactionId, `?couponId=${first}`)).couponId).toBe(first);
  });

  it('gives exactly min(count, users) coupons to a crowd, each answer 200 (R13, D13)', async () => {
    const { policyId, number } = (await shop.createPolicy({ count: 25, perUser: 1 })).body;
    const crowd = newId();
    const answers = await atOnce(60, (i) => request({ userId: `u-${i % 50}`, couponId: number, transactionId: `${crowd}-${i}` }));
    expect(byStatus(answers)).toEqual({ 200: 60 });
    const outcomes = async () => {
      const text = 'select status, count(*)::int as n from coupon_requests where policy_id = $1 group by status';
      const { rows } = await shop.database.query<{ status: string; n: number }>(text, [policyId]);
      return Object.fromEntries(rows.map(({ status: outcome, n }) => [outcome, n]));
    };
    await until(async () => Object.values(await outcomes()).reduce((sum, n) => sum + n, 0) === 60, 20_000);
    expect(await outcomes()).toEqual({ issued: 25, refused: 35 });
    expect((await shop.policy(policyId)).body).toMatchObject({ issued: 25, remaining: 0 });
  }, 90_000);

  it('is 404 with a hint to ask again while nothing is recorded', async () => {
    const answer = await status(newId());
    expectEnveloped(answer, 404, 'not-found');
    expect(answer.headers['retry-after']).toBe('1');
  });

  it('leaves the number to be that of the present generation', async () => {
    const { policyIds } = (await shop.init({ policies: 1, couponCount: 5 })).body;
    const transactionId = newId();
    await request({ userId: 'ann', couponId: 1, transactionId });
    expect((await decided(transactionId)).userCouponId).toBe(`${policyIds[0]}-1`);
  });
});

describe('a malformed queued request', () => {
  expectNothingRecorded(() => shop);
  const good = { userId: 'ann', couponId: 1, transactionId: 'tx-1' };
  it.each<[Json]>([
    [{}],
    [{ ...good, userId: undefined }],
    [{ ...good, userId: 'a'.repeat(21) }],
    [{ ...good, userId: '../a' }],
    [{ ...good, couponId: undefined }],
    [{ ...good, couponId: 0 }],
    [{ ...good, couponId: -1 }],
    [{ ...good, couponId: 1.5 }],
    [{ ...good, couponId: 2_147_483_648 }],
    [{ ...good, couponId: 'cp0-1' }],
    [{ ...good, couponId: [1] }],
    [{ ...good, couponId: null }],
    [{ ...good, transactionId: undefined }],
    [{ ...good, transactionId: '' }],
    [{ ...good, transactionId: 'a/b' }],
    [{ ...good, transactionId: 'a'.repeat(129) }],
    [{ ...good, transactionId: 7 }],
    [{ ...good, more: 1 }],
  ])('is 400 and records nothing: %j', async (body) => {
    expectEnveloped(await request(body), 400, 'invalid-request');
  });

  it('is 400 when body and header name different transactions, or the query has a wish of its own', async () => {
    expectEnveloped(await request(good, { transactionId: 'tx-2' }), 400, 'invalid-request');
    expectEnveloped(await shop.client.post('/api/v1/coupon/issue?couponId=2', good), 400, 'invalid-request');
  });

  it('is told in the envelope also by what never reaches the route', async () => {
    const raw = (method: string, headers: Record<string, string>, body: string) =>
      shop.client.raw({ method, path: '/api/v1/coupon/issue', headers, body });
    expectEnveloped(await raw('POST', { 'Content-Type': 'application/json' }, '{'), 400, 'invalid-request');
    expectEnveloped(await raw('POST', { 'Content-Type': 'text/plain' }, '{}'), 415, 'unsupported-media-type');
    expectEnveloped(await raw('PUT', { 'Content-Type': 'application/json' }, '{}'), 405, 'method-not-allowed');
  });

  it.each(['?couponId=0', '?couponId=x', '?couponId=2147483648', '?more=1'])('is 400 in the status query: %s', async (query) => {
    expectEnveloped(await status('tx-1', query), 400, 'invalid-request');
  });
});

describe('POST /coupons/async (7.3)', () => {
  type Taken = Readonly<{ message: string; transactionId: string }>;
  const ask = (query: string, key?: string) =>
    shop.client.post<Taken>(`/coupons/async${query}`, undefined, key === undefined ? {} : { key });

  it('takes the request and says where its outcome will be', async () => {
    const { policyId, number } = (await shop.createPolicy()).body;
    const answer = await ask(`?userId=ann&policyId=${policyId}`);
    const { transactionId } = answer.body;
    expectAnswer(answer, 202, { message: '쿠폰 발급 요청이 접수되었습니다.', transactionId: expect.stringMatching(/./) });
    expect(answer.headers.location).toBe(`/api/v1/coupon/issue/${transactionId}`);
    expect(await decided(transactionId)).toMatchObject({
      userId: 'ann',
      couponId: number,
      status: 'issued',
      userCouponId: `${policyId}-1`,
    });
  });

  it('is the same request under the same key, and another without one', async () => {
    const { policyId } = (await shop.createPolicy()).body;
    const query = `?userId=ann&policyId=${policyId}`;
    const answers = [await ask(query, 'k'), await ask(query, 'k'), await ask(query, 'other'), await ask(query), await ask(query)];
    const ids = answers.map(({ body }) => body.transactionId);
    expect(ids[1]).toBe(ids[0]);
    expect(new Set(ids).size).toBe(4);
    await Promise.all(ids.map((transactionId) => decided(transactionId)));
    expect((await shop.policy(policyId)).body.issued).toBe(4);
  });

  it('tells also of a policy that there is not', async () => {
    const { transactionId } = (await ask('?userId=ann&policyId=nothing')).body;
    expect(await decided(transactionId)).toMatchObject({ status: 'refused', reason: 'unknown-policy', couponId: null, userCouponId: null });
  });

  it.each(['', '?userId=ann', '?policyId=cp0-1', '?userId=a%20b&policyId=cp0-1'])('is 400 for a malformed one: %s', async (query) => {
    expectProblem(await ask(query), 400, 'invalid-request');
  });
});
