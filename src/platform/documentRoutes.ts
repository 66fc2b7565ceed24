import { z } from 'zod';
import type { OpenApiDocument } from './openapi.ts';
import { type RouteTable, route } from './route.ts';

/** Serves an OpenAPI document, made when it is first asked for and kept as text: few ask, and starting must not wait for it. */
export const documentRoutes = (make: () => Promise<OpenApiDocument>): RouteTable => {
  let made: Promise<string> | null = null;
  const text = async (): Promise<string> => {
    made ??= make().then((document) => JSON.stringify(document));
    try {
      return await made;
    } catch (error) {
      made = null;
      throw error;
    }
  };
  return {
    'GET /openapi.json': route(
      { summary: 'This interface, as OpenAPI 3.1', kind: 'system', answers: { 200: z.record(z.string(), z.unknown()) } },
      async (_req, res) => {
        res.type('json').send(await text());
      },
    ),
  };
};
