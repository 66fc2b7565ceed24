import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { OpenApiDocument } from '../../../src/platform/openapi.ts';
import { prepareBodies, TAKING } from '../../support/bodies.ts';
import { type Answer, type Client, clientOf, expectProblem } from '../../support/client.ts';
import { documentOf, SYSTEM_PATHS } from '../../support/contract.ts';
import { expectNothingRecorded, startShop, type TestShop } from '../../support/shop.ts';

type Port = 'edge' | 'commands' | 'queries';
const PORTS: readonly Port[] = ['edge', 'commands', 'queries'];

let shop: TestShop;
let document: OpenApiDocument;
const clients: Record<Port, Client> = {} as never;
beforeAll(async () => {
  shop = await startShop();
  await prepareBodies(shop);
  document = await documentOf(shop.edge);
  for (const port of PORTS) clients[port] = clientOf(shop[port]);
});
afterAll(async () => {
  for (const client of Object.values(clients)) client.close();
  await shop.stop();
});
expectNothingRecorded(() => shop);

const expectInvalid = (answer: Answer, what: string): void => {
  expect([what, answer.status]).toEqual([what, 400]);
  expectProblem(answer, 400, 'invalid-request');
};

type Parameter = Readonly<{ name: string; in: string; required: boolean }>;
type Operation = Readonly<{ parameters?: readonly Parameter[]; requestBody?: unknown }>;
const operations = () =>
  Object.entries(document.paths)
    .filter(([path]) => !SYSTEM_PATHS.includes(path))
    .flatMap(([path, item]) =>
      Object.entries(item as Record<string, Operation>).map(([method, { parameters = [] }]) => ({
        name: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path,
        parameters,
      })),
    );

/** A body that this operation would take, or none. */
const bodyOf = (operation: string): Readonly<{ headers?: Record<string, string>; body?: string }> => {
  const taking = TAKING.find((one) => one.operation === operation);
  return taking ? { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(taking.valid) } : {};
};

const WRONG_TEXTS = ['', '$all', '$$x', '-a', '../a', '%2e%2e', 'a b', 'a/b', 'a\u0000b', '\r\nX: y', '\u202ea', 'ä', "a'--", '\u001b[31m'];
/** Bytes that are no text in UTF-8, as they stand in an address. */
const WRONG_BYTES = ['%ff', '%ed%a0%80', '%', '%zz'];
/** Longer than any id: those of clients' own requests have 128 characters at most. */
const LONG = ['a'.repeat(129), 'a'.repeat(1_900)];

describe('text in an address', () => {
  it('is wrong in place of every id of every path (HT8, S10, S11)', async () => {
    const wrong = [...WRONG_TEXTS.filter((text) => text !== '').map(encodeURIComponent), ...WRONG_BYTES, ...LONG];
    for (const { name, method, path, parameters } of operations()) {
      for (const { name: member } of parameters.filter((parameter) => parameter.in === 'path')) {
        for (const text of wrong) {
          const to = path.replace(`{${member}}`, text).replaceAll(/\{\w+\}/g, 'x');
          expectInvalid(await shop.client.raw({ method, path: to, ...bodyOf(name) }), `${method} ${to.slice(0, 80)}`);
        }
      }
    }
  });

  it('is wrong for every member of every query (HT8, S10, S11)', async () => {
    const wrong = [...WRONG_TEXTS.map(encodeURIComponent), 'a'.repeat(65)];
    for (const { name, method, path, parameters } of operations()) {
      const members = parameters.filter((parameter) => parameter.in === 'query' && parameter.name !== 'readAfter');
      for (const { name: member } of members) {
        for (const text of wrong) {
          const others = members.filter((other) => other.name !== member && other.required).map((other) => `${other.name}=x&`);
          const to = `${path.replaceAll(/\{\w+\}/g, 'x')}?${others.join('')}${member}=${text}`;
          expectInvalid(await shop.client.raw({ method, path: to }), `${name} ${to.slice(0, 80)}`);
        }
        const twice = `${path.replaceAll(/\{\w+\}/g, 'x')}?${member}=x&${member}=x`;
        expectInvalid(await shop.client.raw({ method, path: twice }), `${name} ${twice}`);
      }
    }
  });
});

describe('headers', () => {
  it('with a correlation id that is none get one of the server’s own', async () => {
    for (const wrong of ['a b', '$x', 'é', 'a'.repeat(65), '<script>', 'a\tb']) {
      const { headers } = await shop.client.get('/products', { headers: { 'X-Correlation-Id': wrong } });
      expect(headers['x-correlation-id']).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('that announce what no body is are refused by name', async () => {
    const json = { 'Content-Type': 'application/json' };
    for (const client of Object.values(clients)) {
      const send = (headers: Record<string, string>, body: string | Buffer = '{}') =>
        client.raw({ method: 'POST', path: '/orders', headers, body });
      for (const type of [
        'text/plain',
        'application/json; charset=utf-16',
        'application/json; charset=utf-7',
        'multipart/form-data',
        'x',
      ]) {
        expectProblem(await send({ 'Content-Type': type }), 415, 'unsupported-media-type');
      }
      for (const encoding of ['zip', 'gzip, gzip', '__proto__', 'identity, gzip']) {
        expectProblem(await send({ ...json, 'Content-Encoding': encoding }), 415, 'unsupported-media-type');
      }
      for (const encoding of ['gzip', 'deflate', 'br']) expectInvalid(await send({ ...json, 'Content-Encoding': encoding }), encoding);
    }
  });
});

describe('a body', () => {
  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])(
    'that swells, packed by %s, is refused on every port, and costs no memory (HT3)',
    async (encoding, pack) => {
      const bombs = [40_000_000, 16_000_000, 17_000].map((bytes) => pack(Buffer.alloc(bytes, 32)));
      const before = process.memoryUsage().rss;
      for (const client of Object.values(clients)) {
        for (const body of bombs) {
          const headers = { 'Content-Type': 'application/json', 'Content-Encoding': encoding };
          expectProblem(await client.raw({ method: 'POST', path: '/orders', headers, body }), 413, 'payload-too-large');
        }
      }
      expect(process.memoryUsage().rss - before).toBeLessThan(60_000_000);
    },
    30_000,
  );

  const DEEP = [
    ['arrays', '['.repeat(8_000), ']'.repeat(8_000)],
    ['objects', '{"a":'.repeat(2_000) + 1, '}'.repeat(2_000)],
    ['both', '[{"a":'.repeat(1_500) + 1, '}]'.repeat(1_500)],
    ['arrays that never end', '['.repeat(16_000), ''],
  ] as const;
  it.each(DEEP)(
    'nested deep, of %s, is refused wherever it stands (HT5)',
    async (_, open, close) => {
      for (const { operation, method, path, valid } of TAKING) {
        for (const member of [...Object.keys(valid), 'unknown']) {
          const others = Object.fromEntries(Object.entries(valid).filter(([name]) => name !== member));
          const body = `${JSON.stringify(others).slice(0, -1)}${Object.keys(others).length > 0 ? ',' : ''}"${member}":${open}${close}}`;
          if (body.length > 16_384) continue;
          const answer = await shop.client.raw({ method, path, headers: { 'Content-Type': 'application/json' }, body });
          expectInvalid(answer, `${operation} ${member}`);
          expect(answer.text.length).toBeLessThan(2_000);
        }
      }
    },
    30_000,
  );
});
