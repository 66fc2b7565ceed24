import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { createCommandSide } from '../../src/commands/module.ts';
import { parseConfig } from '../../src/platform/config.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import type { OpenApiDocument } from '../../src/platform/openapi.ts';
import { descriptionOf, partsOf, type RouteTable } from '../../src/platform/route.ts';
import { createQuerySide } from '../../src/read-api/module.ts';
import { type Answer, clientOf, type Json } from '../support/client.ts';
import { faultsOf } from '../support/openapiRules.ts';
import { newUser, startShop, type TestShop, terms } from '../support/shop.ts';
import { silentLog } from '../support/silentLog.ts';

let shop: TestShop;
let tables: Readonly<{ commands: RouteTable; queries: RouteTable }>;
const documents: Record<'edge' | 'commands' | 'queries', OpenApiDocument> = {} as never;
beforeAll(async () => {
  shop = await startShop();
  const config = parseConfig({ EVENTSTORE_URL: shop.eventStoreUrl, DATABASE_URL: shop.databaseUrl, ENABLE_TEST_ENDPOINTS: '1' });
  const [commands, queries] = [createCommandSide(config, silentLog, createMetrics()), await createQuerySide(config, silentLog)];
  tables = { commands: commands.routes, queries: queries.routes };
  await Promise.all([commands.close(), queries.close()]);
  for (const port of ['edge', 'commands', 'queries'] as const) {
    documents[port] = (await (await fetch(`${shop[port]}/openapi.json`)).json()) as OpenApiDocument;
  }
}, 90_000);
afterAll(() => shop.stop());

const SYSTEM = ['GET /docs', 'GET /docs/{file}', 'GET /health/live', 'GET /health/ready', 'GET /metrics', 'GET /openapi.json'];
const templateOf = (key: string): string => key.replace(/:(\w+)/g, '{$1}');
const operationsOf = ({ paths }: OpenApiDocument): string[] =>
  Object.entries(paths).flatMap(([path, item]) => Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`));

describe('the document (S23)', () => {
  it('has the routes of the routers, all of them and no others, on each port', () => {
    const routes = { commands: Object.keys(tables.commands), queries: Object.keys(tables.queries) };
    const all = { ...routes, edge: [...routes.commands, ...routes.queries] };
    for (const port of ['edge', 'commands', 'queries'] as const) {
      expect([port, new Set(operationsOf(documents[port]))]).toEqual([port, new Set([...all[port].map(templateOf), ...SYSTEM])]);
    }
    const bare = Object.entries({ ...tables.commands, ...tables.queries }).filter(([, entry]) => descriptionOf(entry) === null);
    expect(bare.map(([key]) => key)).toEqual([]);
  });

  it('names for every path the methods that the server takes there', async () => {
    for (const port of ['edge', 'commands', 'queries'] as const) {
      const client = clientOf(shop[port]);
      for (const [path, item] of Object.entries(documents[port].paths)) {
        const { status, headers } = await client.raw({ method: 'OPTIONS', path: path.replaceAll(/\{\w+\}/g, 'x1') });
        const documented = Object.keys(item).map((method) => method.toUpperCase());
        const taken = (headers.allow ?? '').split(', ').filter((method) => method !== 'HEAD');
        expect([path, status, new Set(taken)]).toEqual([path, 405, new Set(documented)]);
      }
      client.close();
    }
  });

  it('is an OpenAPI document by the rules of OpenAPI, on each port', () => {
    for (const port of ['edge', 'commands', 'queries'] as const) expect([port, faultsOf(documents[port])]).toEqual([port, []]);
  });

  it('is shown at /docs by files of each port alone, and the page is let load no others', async () => {
    for (const port of ['edge', 'commands', 'queries'] as const) {
      const page = await fetch(`${shop[port]}/docs`);
      expect([port, page.status, page.headers.get('content-security-policy')]).toEqual([
        port,
        200,
        expect.stringMatching(/default-src '(self|none)'/),
      ]);
      const files = [...(await page.text()).matchAll(/(?:src|href)="(?!data:)([^"]+)"/g)].map(([, file]) => file as string);
      expect(files.length).toBeGreaterThan(0);
      for (const file of files) {
        const { origin, href } = new URL(file, `${shop[port]}/docs`);
        expect([port, file, origin, (await fetch(href)).status]).toEqual([port, file, shop[port], 200]);
      }
    }
  });

  it('shows the test endpoint only where it is switched on', async () => {
    expect(documents.commands.paths).toHaveProperty('/init');
    const without = await shop.anotherCommandApi({ ENABLE_TEST_ENDPOINTS: '0' });
    const other = (await without.client.get('/openapi.json')).body as unknown as OpenApiDocument;
    expect(Object.keys(other.paths)).not.toContain('/init');
  });
});

type Operation = Readonly<{ responses: Record<string, { headers: Json; content: Record<string, { schema: Json }> }> }>;

/** The answer has a status, a type, a shape and headers that the document names for this operation. */
const expectDescribed = (operation: string, answer: Answer<unknown>): void => {
  const [method, path] = partsOf(operation);
  const described = documents.edge.paths[path]?.[method.toLowerCase()] as unknown as Operation | undefined;
  const response = described?.responses[answer.status];
  expect([operation, answer.status, response !== undefined]).toEqual([operation, answer.status, true]);
  const [type = ''] = (answer.headers['content-type'] ?? '').split(';');
  const schema = response?.content[type]?.schema as Json | undefined;
  expect([operation, type, schema !== undefined]).toEqual([operation, type, true]);
  if (schema === undefined) return;
  if (answer.status < 400)
    expect({ operation, ...z.fromJSONSchema(schema).safeParse(answer.body) }).toMatchObject({ operation, success: true });
  else expect(JSON.stringify(schema)).toContain(`"${(answer.body as Json).type as string}"`);
  for (const header of ['read-after', 'as-of', 'location', 'link', 'retry-after', 'idempotent-replayed']) {
    if (answer.headers[header] === undefined) continue;
    expect([operation, Object.keys(response?.headers ?? {}).map((name) => name.toLowerCase())]).toEqual([
      operation,
      expect.arrayContaining([header]),
    ]);
  }
};

describe('what the shop answers', () => {
  it('to commands is what the document says', async () => {
    const user = await newUser(shop, 10_000);
    expectDescribed('POST /users/{userId}/balance', await shop.charge(user, 5, { key: 'k-1' }));
    expectDescribed('POST /users/{userId}/balance', await shop.charge(user, 5, { key: 'k-1' }));
    expectDescribed('POST /users/{userId}/balance', await shop.charge(user, 6, { key: 'k-1' }));
    expectDescribed('POST /users/{userId}/balance', await shop.charge(user, 0));
    const product = await shop.createProduct({ stock: 10 });
    expectDescribed('POST /products', product);
    expectDescribed('POST /products', await shop.createProduct({ id: product.body.id }));
    expectDescribed('POST /products/{productId}/stock', await shop.receive(product.body.id, 5));
    expectDescribed('POST /products/{productId}/stock', await shop.receive('nothing', 5));
    const policy = await shop.createPolicy({ count: 1 });
    expectDescribed('POST /coupon-policies', policy);
    expectDescribed('POST /coupon-policies', await shop.createPolicy({ discountAmount: -1 }));
    const coupon = await shop.issue(user, policy.body.policyId);
    expectDescribed('POST /coupons', coupon);
    expectDescribed('POST /coupons', await shop.issue(user, policy.body.policyId));
    expectDescribed('POST /coupons', await shop.issue(user, 'no-policy'));
    expectDescribed('POST /orders', await shop.order(user, { [product.body.id]: 1 }, coupon.body.couponId));
    expectDescribed('POST /orders', await shop.order(user, { [product.body.id]: 1 }, coupon.body.couponId));
    expectDescribed('POST /orders', await shop.order(user, { [product.body.id]: 10_000 }));
    expectDescribed('POST /orders', await shop.order(user, { nothing: 1 }));
    expectDescribed('POST /init', await shop.init({ policies: 1 }));
    expectDescribed(
      'POST /init',
      await shop.client.raw({ method: 'POST', path: '/init', body: 'x', headers: { 'Content-Type': 'text/plain' } }),
    );
  });

  it('to queries is what the document says', async () => {
    const user = await newUser(shop, 10_000);
    const product = (await shop.createProduct({ stock: 10 })).body.id;
    const { policyId } = (await shop.createPolicy({ count: null, ...terms({ discountType: 'rate', discountAmount: 10 }), perUser: null }))
      .body;
    const { couponId } = (await shop.issue(user, policyId)).body;
    const order = await shop.order(user, { [product]: 1 }, couponId);
    const last = await shop.issue(user, policyId);
    const after = { after: last };
    const get = async (template: string, path: string) => expectDescribed(`GET ${template}`, await shop.client.get(path, after));
    await get('/users/id', '/users/id?name=u1');
    await get('/users/{userId}/balance', `/users/${user}/balance`);
    await get('/users/{userId}/balance/history', `/users/${user}/balance/history?limit=1`);
    await get('/users/{userId}/coupons', `/users/${user}/coupons?limit=1`);
    await get('/users/{userId}/orders', `/users/${user}/orders`);
    await get('/orders/{orderId}', `/orders/${order.body.orderId}`);
    await get('/orders/{orderId}', '/orders/none');
    await get('/products', '/products');
    await get('/products', '/products?limit=0');
    await get('/products/{productId}', `/products/${product}`);
    await get('/products/{productId}', '/products/none');
    await get('/products/top', '/products/top');
    await get('/products/top/realtime', '/products/top/realtime');
    await get('/coupon-policies', '/coupon-policies');
    await get('/coupon-policies/{policyId}', `/coupon-policies/${policyId}`);
    await get('/coupons/{couponId}', `/coupons/${couponId}`);
    for (const path of ['/health/live', '/health/ready', '/metrics', '/openapi.json', '/docs']) await get(path, path);
  });
});
