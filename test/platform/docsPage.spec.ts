import { describe, expect, it } from '@jest/globals';
import { docsRoutes } from '../../src/platform/docsPage.ts';
import { createApp, listen, type RouteTable } from '../../src/platform/http.ts';
import { type Client, clientOf, expectProblem } from '../support/client.ts';
import { silentLog } from '../support/silentLog.ts';

/** The routes as they are without the package, under another name than the one every app has. */
const plainRoutes: RouteTable = Object.fromEntries(
  Object.entries(docsRoutes('Things', null)).map(([key, entry]) => [key.replace('/docs', '/plain'), entry]),
);

const onServer = async (check: (client: Client) => Promise<void>): Promise<void> => {
  const app = createApp({ log: silentLog, tables: [plainRoutes], health: {}, title: 'Things' });
  const server = await listen(app, '127.0.0.1', 0);
  const client = clientOf(`http://127.0.0.1:${server.port}`);
  await check(client);
  client.close();
  await server.close();
};

const sourcesIn = (html: string): string[] => [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, source]) => source as string);

describe('the page of the interface', () => {
  it('loads everything from this server, and is let do nothing else', async () => {
    await onServer(async (client) => {
      const page = await client.get<string>('/docs');
      expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
      expect(page.headers['content-security-policy']).toMatch(/default-src 'none'; script-src 'self';/);
      expect(page.text).not.toMatch(/<script>|https?:/);
      const sources = sourcesIn(page.text).filter((source) => !source.startsWith('data:'));
      expect(sources).toHaveLength(3);
      for (const source of sources) {
        const file = await client.get(source);
        expect([source, file.status]).toEqual([source, 200]);
        expect(file.headers['content-security-policy']).not.toMatch(/https?:|\*|unsafe-eval/);
      }
    });
  });

  it('asks this server for the document, and nobody whether it is valid', async () => {
    await onServer(async (client) => {
      const { text } = await client.get('/docs/initializer.js');
      expect(text).toMatch(/url: '\/openapi\.json'/);
      expect(text).toMatch(/validatorUrl: null/);
    });
  });

  it('gives no other file of the package, nor any beside it', async () => {
    await onServer(async (client) => {
      for (const path of ['/docs/package.json', '/docs/index.js', '/docs/..%2fpackage.json', '/docs/%2e%2e%2fexpress%2findex.js']) {
        expectProblem(await client.get(path), 400, 'invalid-request');
      }
    });
  });

  it('is plain where the package is not installed', async () => {
    await onServer(async (client) => {
      const page = await client.get('/plain');
      expect(sourcesIn(page.text)).toEqual(['/openapi.json']);
      expectProblem(await client.get('/plain/swagger-ui.css'), 404, 'not-found');
    });
  });
});
