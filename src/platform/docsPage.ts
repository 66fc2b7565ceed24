import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { RequestHandler, Response } from 'express';
import { z } from 'zod';
import { parseParams } from './input.ts';
import { Problem } from './problem.ts';
import { type RouteTable, route } from './route.ts';

/** Files of the optional package that the page loads; nothing else of it can be asked for. */
const FILES = ['swagger-ui.css', 'swagger-ui-bundle.js'] as const;
const INITIALIZER = 'initializer.js';

/** Scripts and data come from this server alone. Swagger UI sets styles on its elements, and draws with images of its own. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const page = (title: string): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${title}</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="docs"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/${INITIALIZER}"></script></body>
</html>
`;

const plainPage = (title: string): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${title}</title></head>
<body><h1>${title}</h1><p><a href="/openapi.json">openapi.json</a> describes this interface. The package swagger-ui-dist, which shows it as a page, is not installed.</p></body>
</html>
`;

/** Without a validator: that would be a request to somebody else. */
const initializer = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', deepLinking: true, validatorUrl: null, defaultModelsExpandDepth: -1 });
`;

/** Where the optional package lies, or null when it is not installed. */
const packageFolder = (): string | null => {
  try {
    return dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  } catch {
    return null;
  }
};

const fileParams = z.object({ file: z.enum([...FILES, INITIALIZER]) });

/** The interface as a page, from this server alone. `folder` holds Swagger UI; without it a plain page names the document. */
export const docsRoutes = (title: string, folder: string | null = packageFolder()): RouteTable => {
  const html: RequestHandler = (_req, res) => {
    guarded(res)
      .type('html')
      .send(folder === null ? plainPage(title) : page(title));
  };
  const file: RequestHandler = (req, res) => {
    const name = parseParams(fileParams, req).file;
    if (folder === null) throw new Problem('not-found', `There is nothing at ${req.path}.`);
    if (name === INITIALIZER) guarded(res).type('js').send(initializer);
    else guarded(res).sendFile(name, { root: folder });
  };
  const answers = { 200: { body: z.string(), type: 'text/html' } };
  return {
    'GET /docs': route({ summary: 'This page', kind: 'system', answers }, html),
    'GET /docs/:file': route(
      {
        summary: 'What this page loads',
        kind: 'system',
        params: fileParams,
        answers: { 200: { body: z.string(), type: '*/*' } },
        problems: ['invalid-request', 'not-found'],
      },
      file,
    ),
  };
};

const guarded = (res: Response): Response => res.setHeader('Content-Security-Policy', POLICY);
