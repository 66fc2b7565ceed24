import { z } from 'zod';
import type { Clock } from '../../platform/clock.ts';
import { idInput, parseParams, parseQuery } from '../../platform/input.ts';
import { type RouteDescription, type RouteTable, route } from '../../platform/route.ts';
import { itemReader } from '../itemReader.ts';
import type { KeepAnswers } from '../keepAnswers.ts';
import { PAGE_MAX, page } from '../page.ts';
import { policySource, readPolicies, readPolicyHistory } from '../queries/policies.ts';
import type { ReadGate } from '../readGate.ts';
import type { ReadModels } from '../readModels.ts';
import { answerOne, answerPage, answerPageOf, fresh, noQuery, pageQuery } from './answer.ts';
import { policy, policyChange } from './shapes.ts';

/** Milliseconds; short, so that a list stays within the lag that views promise. */
const LIST_KEEP_MS = 200;

const policyParams = z.object({ policyId: idInput });
const listQuery = z.strictObject({
  ...pageQuery,
  all: z.enum(['true', 'false']).default('false').meta({ description: 'Whether closed and deleted ones are wanted too.' }),
});
const historyQuery = z.strictObject(pageQuery);

const descriptions = {
  list: {
    summary: 'The coupon policies of the present generation that can be issued now, by number',
    query: listQuery,
    answers: { 200: { body: z.array(policy), headers: ['Link'] } },
  },
  one: {
    summary: 'A coupon policy, also when it is closed or deleted',
    params: policyParams,
    query: noQuery,
    answers: { 200: policy },
    problems: ['unknown-policy'],
  },
  history: {
    summary: 'Every change of a coupon policy with all terms after it, its creation first',
    params: policyParams,
    query: historyQuery,
    answers: { 200: { body: z.array(policyChange), headers: ['Link'] } },
    problems: ['unknown-policy'],
  },
} as const satisfies Record<string, RouteDescription>;

export const policyRoutes = (models: ReadModels, gate: ReadGate, keep: KeepAnswers, clock: Clock): RouteTable => {
  const firstPageOf = (all: boolean) =>
    keep({ name: all ? 'all-policies' : 'policies', keepMs: LIST_KEEP_MS, shape: z.array(policy), value: page }, () =>
      readPolicies(models, clock.now(), { all, limit: PAGE_MAX }),
    );
  const issuable = firstPageOf(false);
  const everything = firstPageOf(true);
  const policies = itemReader(models, policySource);
  return {
    'GET /coupon-policies': route(descriptions.list, async (req, res) => {
      const { limit, after, ...query } = parseQuery(listQuery, req);
      const all = query.all === 'true';
      const found = await fresh(gate, req, ['coupon_policies', 'generations'], async (token) => {
        if (limit === PAGE_MAX && after === undefined) return (all ? everything : issuable).read(token);
        const { asOf, value } = await readPolicies(models, clock.now(), { all, limit, after });
        return { asOf, value: value.value };
      });
      answerPage(req, res, found);
    }),
    'GET /coupon-policies/:policyId': route(descriptions.one, async (req, res) => {
      const { policyId } = parseParams(policyParams, req);
      parseQuery(noQuery, req);
      const found = await fresh(gate, req, ['coupon_policies'], () => policies.read(policyId));
      answerOne(res, found, 'unknown-policy', `There is no coupon policy ${policyId}.`);
    }),
    'GET /coupon-policies/:policyId/history': route(descriptions.history, async (req, res) => {
      const { policyId } = parseParams(policyParams, req);
      const paging = parseQuery(historyQuery, req);
      const found = await fresh(gate, req, ['coupon_policy_history'], () => readPolicyHistory(models, policyId, paging));
      answerPageOf(req, res, found, 'unknown-policy', `There is no coupon policy ${policyId}.`);
    }),
  };
};
