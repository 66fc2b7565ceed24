import type { HealthChecks } from '../platform/http.ts';
import { mergedDocument, type OpenApiDocument } from '../platform/openapi.ts';
import { Problem } from '../platform/problem.ts';
import type { Upstreams } from './upstreams.ts';

/** Milliseconds for a server to answer about itself; less than a check of this process may take. */
const PROBE_MS_MAX = 1_500;

const fetched = (origin: string, path: string): Promise<Response> =>
  fetch(`${origin}${path}`, { signal: AbortSignal.timeout(PROBE_MS_MAX), redirect: 'error' });

const isReady = async (origin: string): Promise<boolean> => {
  try {
    const answer = await fetched(origin, '/health/ready');
    await answer.body?.cancel();
    return answer.status === 200;
  } catch {
    return false;
  }
};

/** The edge is ready when a server of either side is. */
export const edgeHealth = (commands: Upstreams, queries: Upstreams): HealthChecks => {
  const one =
    ({ all }: Upstreams) =>
    async () => {
      const ready = await Promise.all(all.map(({ origin }) => isReady(origin)));
      if (!ready.includes(true)) throw new Error(`none of ${all.map(({ origin }) => origin).join(', ')} is ready`);
    };
  return { commands: one(commands), queries: one(queries) };
};

const documentOfOne = async ({ all }: Upstreams): Promise<OpenApiDocument> => {
  for (const { origin } of all) {
    try {
      const answer = await fetched(origin, '/openapi.json');
      if (answer.ok) return (await answer.json()) as OpenApiDocument;
    } catch {
      // The next may answer.
    }
  }
  throw new Problem('unavailable', 'No server that knows the document can be reached.');
};

/** What both sides describe, as one. */
export const edgeDocument = async (title: string, commands: Upstreams, queries: Upstreams): Promise<OpenApiDocument> =>
  mergedDocument(title, await Promise.all([documentOfOne(commands), documentOfOne(queries)]));
