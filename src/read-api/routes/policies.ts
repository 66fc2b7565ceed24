import { z } from 'zod';
import type { Clock } from '../../platform/clock.ts';
import type { RouteTable } from '../../platform/http.ts';
import { idInput, parseParams, parseQuery } from '../../platform/input.ts';
import { KeptAnswer } from '../keptAnswer.ts';
import { PAGE_MAX } from '../page.ts';
import type { GenerationReader } from '../queries/generation.ts';
import { readPolicies, readPolicy } from '../queries/policies.ts';
import type { ReadGate } from '../readGate.ts';
import type { ReadModels } from '../readModels.ts';
import { answerOne, answerPage, fresh, noQuery, pageQuery } from './answer.ts';

/** Milliseconds; short, so that a list stays within the lag that views promise. */
const LIST_KEEP_MS = 200;

const policyParams = z.object({ policyId: idInput });
const listQuery = z.strictObject({ ...pageQuery, all: z.enum(['true', 'false']).default('false') });

export const policyRoutes = (models: ReadModels, gate: ReadGate, generation: GenerationReader, clock: Clock): RouteTable => {
  const firstPageOf = (all: boolean) =>
    new KeptAnswer(clock, LIST_KEEP_MS, generation, () => readPolicies(models, clock.now(), { all, limit: PAGE_MAX }));
  const issuable = firstPageOf(false);
  const everything = firstPageOf(true);
  return {
    'GET /coupon-policies': async (req, res) => {
      const { limit, after, ...query } = parseQuery(listQuery, req);
      const all = query.all === 'true';
      const page = await fresh(gate, req, ['coupon_policies', 'generations'], async (token) => {
        if (limit === PAGE_MAX && after === undefined) return (all ? everything : issuable).read(token);
        const { asOf, value } = await readPolicies(models, clock.now(), { all, limit, after });
        return { asOf, value: value.value };
      });
      answerPage(req, res, page);
    },
    'GET /coupon-policies/:policyId': async (req, res) => {
      const { policyId } = parseParams(policyParams, req);
      parseQuery(noQuery, req);
      const policy = await fresh(gate, req, ['coupon_policies'], () => readPolicy(models, policyId));
      answerOne(res, policy, 'unknown-policy', `There is no coupon policy ${policyId}.`);
    },
  };
};
