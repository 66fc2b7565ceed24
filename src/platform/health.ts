import type { RequestHandler } from 'express';
import { z } from 'zod';
import type { Logger } from './log.ts';
import { type RouteTable, route } from './route.ts';
import { sendJson } from './sendJson.ts';

/** A check that throws makes the process not ready. */
export type HealthChecks = Readonly<Record<string, () => Promise<void> | void>>;

const HEALTH_CHECK_MS_MAX = 2_000;

const liveAnswer = z.object({ status: z.literal('live') });
const readyAnswer = z.object({
  status: z.enum(['ready', 'not-ready']),
  checks: z.record(z.string(), z.enum(['ok', 'failing'])).meta({ examples: [{ eventStore: 'ok' }] }),
});

/** Liveness, which asks nobody, and readiness, which asks every part this process needs. Neither says why: the log does. */
export const healthRoutes = (checks: HealthChecks, log: Logger): RouteTable => ({
  'GET /health/live': route({ summary: 'Whether the process runs', kind: 'system', answers: { 200: liveAnswer } }, live),
  'GET /health/ready': route(
    {
      summary: 'Whether all that the process needs answers',
      kind: 'system',
      answers: { 200: readyAnswer, 503: { body: readyAnswer, what: 'A part is missing.' } },
    },
    readiness(checks, log),
  ),
});

const live: RequestHandler = (_req, res) => {
  sendJson(res, 200, { status: 'live' });
};

const readiness =
  (checks: HealthChecks, log: Logger): RequestHandler =>
  async (_req, res) => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => {
        const failure = await failureOf(check);
        if (failure) log.warn({ check: name, err: failure }, 'not ready');
        return [name, failure ? 'failing' : 'ok'] as const;
      }),
    );
    const ready = results.every(([, result]) => result === 'ok');
    sendJson(res, ready ? 200 : 503, { status: ready ? 'ready' : 'not-ready', checks: Object.fromEntries(results) });
  };

const failureOf = async (check: () => Promise<void> | void): Promise<Error | null> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${HEALTH_CHECK_MS_MAX} ms`)), HEALTH_CHECK_MS_MAX);
  });
  try {
    await Promise.race([check(), late]);
    return null;
  } catch (error) {
    return error as Error;
  } finally {
    clearTimeout(timer);
  }
};
