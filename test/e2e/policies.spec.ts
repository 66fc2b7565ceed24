import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { atOnce, expectProblem, type Json } from '../support/client.ts';
import { type CommandProcess, startShop, type TestShop, terms } from '../support/shop.ts';

let shop: TestShop;
let other: CommandProcess;
beforeAll(async () => {
  shop = await startShop();
  other = await shop.anotherCommandApi();
}, 90_000);
afterAll(() => shop.stop());

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

describe('a coupon policy', () => {
  it('is answered in full, and found again at its Location', async () => {
    const wished = terms({ name: '여름 세일', count: 10, discountType: 'rate', discountAmount: 20, expireMinutes: 60, perUser: 1 });
    const answer = await shop.client.post('/coupon-policies', wished);
    const policyId = answer.body.policyId as string;
    const policy = {
      ...wished,
      policyId,
      number: expect.any(Number),
      type: 'limited',
      issued: 0,
      remaining: 10,
      createdAt: TIME,
      updatedAt: TIME,
      deletedAt: null,
    };
    expect([answer.status, answer.body]).toEqual([201, policy]);
    expect(policyId.length).toBeLessThanOrEqual(48);
    expect(answer.headers.location).toBe(`/coupon-policies/${policyId}`);
    const found = await shop.client.get(answer.headers.location as string, { after: answer });
    expect(found.body).toEqual(answer.body);
  });

  it('has a week, and one for each user, unless it says otherwise (R6, R14)', async () => {
    const { expireMinutes: _, perUser: __, ...least } = terms();
    const { body } = await shop.client.post('/coupon-policies', least);
    expect(body).toMatchObject({ expireMinutes: 10_080, perUser: 1 });
  });

  it('without a count is unlimited, and has nothing left to count (R1, R8)', async () => {
    const answer = await shop.createPolicy({ count: null });
    expect(answer.body).toMatchObject({ type: 'unlimited', count: null, issued: 0 });
    expect(answer.body).not.toHaveProperty('remaining');
    expect((await shop.policy(answer.body.policyId, { after: answer })).body).not.toHaveProperty('remaining');
  });

  it('takes the next number, also when two processes create at once (R16)', async () => {
    const before = (await shop.createPolicy()).body.number;
    const answers = await atOnce(10, (i) => (i % 2 === 0 ? shop : other).createPolicy());
    const numbers = answers.map(({ body }) => body.number).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 10 }, (_, i) => before + 1 + i));
  });

  it.each([
    ['rate', 1],
    ['rate', 100],
    ['amount', 1],
    ['amount', 101],
    ['amount', 1_000_000_000],
  ])('may take off: %s %d (R4)', async (discountType, discountAmount) => {
    expect((await shop.createPolicy({ discountType, discountAmount })).status).toBe(201);
  });

  it.each([
    ['rate', -1],
    ['rate', 0],
    ['rate', 101],
    ['rate', 0.5],
    ['rate', 29.5],
    ['rate', '29'],
    ['amount', -1],
    ['amount', 0],
    ['amount', 1.5],
    ['amount', 1_000_000_001],
    ['amount', null],
    ['gift', 1],
    [1, 1],
  ])('may not take off: %p %p (R4, D3)', async (discountType, discountAmount) => {
    const answer = await shop.createPolicy({ discountType, discountAmount });
    expectProblem(answer, 400, 'invalid-request');
  });

  const at = (ms: number) => new Date(ms).toISOString();
  it.each<Json>([
    { count: 0 },
    { count: -1 },
    { count: 1.5 },
    { count: 2_147_483_648 },
    { count: '10' },
    { perUser: 0 },
    { perUser: 2 },
    { expireMinutes: 0 },
    { expireMinutes: 2_147_483_648 },
    { name: '' },
    { name: 'x'.repeat(101) },
    { startsAt: at(2_000), endsAt: at(2_000) },
    { startsAt: at(2_001), endsAt: at(2_000) },
    { startsAt: '2026-01-05T00:00:00' },
    { startsAt: 0 },
    { endsAt: 'tomorrow' },
    { number: 7 },
    { policyId: 'mine' },
  ])('may not have %j (R1, R5)', async (wrong) => {
    expectProblem(await shop.createPolicy(wrong), 400, 'invalid-request');
  });

  it.each(['name', 'count', 'discountType', 'discountAmount', 'startsAt', 'endsAt'])('needs its %s', async (member) => {
    const { [member]: _, ...rest } = terms();
    const answer = await shop.client.post('/coupon-policies', rest);
    expectProblem(answer, 400, 'invalid-request');
    expect(answer.body).toMatchObject({ errors: [{ pointer: `/${member}` }] });
  });

  it('under a key is made once', async () => {
    const wished = terms();
    const make = (body: Json) => shop.client.post('/coupon-policies', body, { key: 'policy-1' });
    const first = await make(wished);
    const again = await make(wished);
    expect([again.status, again.body, again.headers['idempotent-replayed']]).toEqual([201, first.body, 'true']);
    expectProblem(await make({ ...wished, count: 101 }), 422, 'key-reused');
  });

  it('under a key at once in two processes, and later in a third, is one policy with one number (R16)', async () => {
    const wished = terms({ name: 'raced' });
    const make = (on: Pick<TestShop, 'client'>) => on.client.post('/coupon-policies', wished, { key: 'policy-race' });
    const answers = await atOnce(10, (i) => make(i % 2 === 0 ? shop : other));
    const later = await make(await shop.anotherCommandApi());
    expect(new Set([...answers, later].map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect([later.status, later.headers['idempotent-replayed']]).toEqual([201, 'true']);
  });

  it('is listed while it can be issued, sold out ones too, and closed ones on request (R8)', async () => {
    const open = (await shop.createPolicy({ count: 1 })).body.policyId;
    const early = (await shop.createPolicy({ startsAt: at(Date.now() + 60_000), endsAt: at(Date.now() + 90_000) })).body.policyId;
    const over = (await shop.createPolicy({ startsAt: at(Date.now() - 60_000), endsAt: at(Date.now() - 1) })).body.policyId;
    const issued = await shop.issue('ann', open);
    const listed = async (path: string) => (await shop.client.get<{ policyId: string }[]>(path, { after: issued })).body;
    const issuable = await listed('/coupon-policies');
    expect(issuable).toContainEqual(expect.objectContaining({ policyId: open, issued: 1, remaining: 0 }));
    const ids = issuable.map(({ policyId }) => policyId);
    expect([ids.includes(early), ids.includes(over)]).toEqual([false, false]);
    const all = (await listed('/coupon-policies?all=true')).map(({ policyId }) => policyId);
    expect(all).toEqual(expect.arrayContaining([open, early, over]));
  });

  it('that nobody made is 404', async () => {
    expectProblem(await shop.client.get('/coupon-policies/ghost'), 404, 'unknown-policy');
  });
});
