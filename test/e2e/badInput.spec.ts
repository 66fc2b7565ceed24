import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { prepareBodies, TAKING } from '../support/bodies.ts';
import { type Answer, expectProblem, type Json } from '../support/client.ts';
import { documentOf } from '../support/contract.ts';
import { expectNothingRecorded, startShop, type TestShop } from '../support/shop.ts';

/** As they stand in JSON: what JavaScript would round or turn into Infinity arrives as it was written. */
const WRONG_NUMBERS = [
  '-1',
  '1.5',
  '0.1',
  '9007199254740993',
  '-9007199254740993',
  '1e999',
  '"1"',
  '"1e3"',
  '[1]',
  '{}',
  'true',
  '""',
  'NaN',
];
/** Numbers that may be nothing; the others are 1 at least. */
const FROM_ZERO = ['price', 'stock', 'productPrice', 'productStock'];
const WRONG_TEXTS = ['""', '-1', '1.5', 'true', '[]', '{}', '["a"]', '"a\\u0000b"', '"\\ud800"', '"a\\r\\nb"', '"\\u001b[31m"'];
const WRONG_IDS = [
  ...WRONG_TEXTS,
  ...['9007199254740993', '1e999', '"$all"', '"$$x"', '"-a"', '"../a"', '"%2e%2e"', '"a b"', '"a/b"', '"\\u202ea"', '"ä"'],
  JSON.stringify('a'.repeat(65)),
  JSON.stringify('a'.repeat(10_000)),
];
const WRONG_BODIES = ['null', '[]', '"text"', '7', 'true', '{', '{"a":}', "{'a':1}", '{"amount":NaN}', '{} {}', '[{"amount":1}]', '\u0000'];
const UNKNOWN_MEMBERS = ['total', 'discount', 'balance', '__proto__', 'constructor', 'prototype', 'toString', 'at', ''];

let shop: TestShop;
beforeAll(async () => {
  shop = await startShop();
  await prepareBodies(shop);
}, 90_000);
afterAll(() => shop.stop());

const sendText = (
  path: string,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = { 'Content-Type': 'application/json' },
  method = 'POST',
) => shop.client.raw({ method, path, headers, body });

/** The valid body with one member in raw JSON. */
const textWith = (valid: Json, member: string, raw: string): string => {
  const others = Object.entries(valid).filter(([name]) => name !== member);
  return `{${[...others.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`), `${JSON.stringify(member)}:${raw}`].join(',')}}`;
};

const expectInvalid = (answer: Answer, what: string): void => {
  expect([what, answer.status]).toEqual([what, 400]);
  expectProblem(answer, 400, 'invalid-request');
};

describe.each(TAKING)('$operation', ({ method, path, valid, numbers, ids, names, nullable }) => {
  const send = (body: string | Buffer, headers?: Readonly<Record<string, string>>) => sendText(path, body, headers, method);
  expectNothingRecorded(() => shop);

  const fromOne = numbers.filter((member) => !FROM_ZERO.includes(member));

  if (numbers.length > 0)
    it('takes no wrong number for one of its numbers (HT7)', async () => {
      for (const member of numbers) {
        for (const raw of WRONG_NUMBERS) expectInvalid(await send(textWith(valid, member, raw)), `${member}: ${raw}`);
      }
    });

  it('takes no null where something has to be (HT7)', async () => {
    for (const member of [...numbers, ...ids, ...names].filter((name) => !nullable.includes(name))) {
      expectInvalid(await send(textWith(valid, member, 'null')), `${member}: null`);
    }
  });

  if (ids.length + names.length > 0)
    it('takes no wrong text for an id or a name (HT8, S10, S11)', async () => {
      for (const [members, wrong] of [
        [ids, WRONG_IDS],
        [names, [...WRONG_TEXTS, JSON.stringify('a'.repeat(129)), '7']],
      ] as const) {
        for (const member of members) {
          for (const raw of wrong) expectInvalid(await send(textWith(valid, member, raw)), `${member}: ${raw.slice(0, 80)}`);
        }
      }
    });

  it('takes no member it does not know, and none that aims at a prototype (S5, S12)', async () => {
    for (const member of UNKNOWN_MEMBERS) {
      for (const raw of ['1', '{"admin":true}']) {
        expectInvalid(await send(textWith(valid, member, raw)), `${member}: ${raw}`);
      }
    }
    expect({}).not.toHaveProperty('admin');
  });

  it('takes no member by query that it does not know (S5)', async () => {
    for (const query of ['couponId=x', 'amount=1', '__proto__=1', 'x']) {
      expectInvalid(await sendText(`${path}?${query}`, JSON.stringify(valid), undefined, method), query);
    }
  });

  it('takes no body that is not one JSON object', async () => {
    for (const body of WRONG_BODIES) expectInvalid(await send(body), body);
    const json = JSON.stringify(valid);
    expectInvalid(await send(Buffer.concat([Buffer.from(json.slice(0, -1)), Buffer.from([0xff, 0x7d])])), 'not UTF-8');
    expectInvalid(await send(Buffer.from(`\ufeff${json}`, 'utf16le')), 'UTF-16');
    expectInvalid(await send(`${'['.repeat(8_000)}${']'.repeat(8_000)}`), 'nested 8,000 deep');
  });

  it('takes no other content type (HT4)', async () => {
    const types = ['', 'text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'application/json; charset=iso-8859-1'];
    for (const type of types) {
      const answer = await send(JSON.stringify(valid), type === '' ? {} : { 'Content-Type': type });
      expectProblem(answer, 415, 'unsupported-media-type');
    }
  });

  it('takes no body above 16 KB, packed or not (S6, HT3)', async () => {
    const padded = `${JSON.stringify(valid)}${' '.repeat(17 * 1024)}`;
    expectProblem(await send(padded), 413, 'payload-too-large');
    const headers = { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' };
    expectProblem(await send(gzipSync(Buffer.alloc(10_000_000, 32)), headers), 413, 'payload-too-large');
    expectInvalid(await send(Buffer.from('not gzip'), headers), 'broken gzip');
  });

  if (path !== '/init')
    it('needs its members', async () => {
      for (const body of ['', '{}']) expectInvalid(await send(body), `body "${body}"`);
      expectInvalid(await shop.client.raw({ method, path }), 'no body and no content type');
    });

  it('takes no malformed key', async () => {
    for (const key of ['', '""', 'x'.repeat(256), '\u00e9', 'a\tb']) {
      const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': key };
      expectInvalid(await send(JSON.stringify(valid), headers), `key ${JSON.stringify(key)}`);
    }
  });

  if (fromOne.length > 0)
    it('takes no zero where none makes sense', async () => {
      for (const member of fromOne) {
        for (const raw of ['0', '-0', '-0.0']) expectInvalid(await send(textWith(valid, member, raw)), `${member}: ${raw}`);
      }
    });
});

describe('lines of an order', () => {
  expectNothingRecorded(() => shop);

  const order = (lines: string) => sendText('/orders', `{"userId":"ann","items":${lines}}`);

  it('must be a list of 1 to 50 (S6)', async () => {
    const line = '{"productId":"thing","quantity":1}';
    for (const lines of ['[]', '{}', 'null', '"thing"', line, `[${Array(51).fill(line).join()}]`, '[null]', '[[]]', '["thing"]', '[7]']) {
      expectInvalid(await order(lines), lines.slice(0, 60));
    }
  });

  it('must have a product and a quantity of 1 to 10,000 each, and nothing else', async () => {
    for (const raw of [...WRONG_NUMBERS, '0', '-0', '10001', 'null']) {
      expectInvalid(await order(`[{"productId":"thing","quantity":${raw}}]`), `quantity ${raw}`);
    }
    for (const raw of WRONG_IDS) expectInvalid(await order(`[{"productId":${raw},"quantity":1}]`), `productId ${raw.slice(0, 60)}`);
    for (const member of ['price', 'unitPrice', 'subtotal', '__proto__', 'constructor']) {
      expectInvalid(await order(`[{"productId":"thing","quantity":1,"${member}":0}]`), member);
    }
    expectInvalid(await order('[{"productId":"thing"}]'), 'no quantity');
    expectInvalid(await order('[{"quantity":1}]'), 'no product');
  });
});

describe('the same bodies without a fault', () => {
  it.each(TAKING)('are taken by $operation', async ({ operation, method, path, valid }) => {
    const answer = await sendText(path, JSON.stringify(valid), undefined, method);
    expect([operation, Math.floor(answer.status / 100)]).toEqual([operation, 2]);
  });

  it('are those of every operation that takes one, with every member it knows', async () => {
    const known = Object.fromEntries(
      TAKING.map(({ operation, numbers, ids, names, lists }) => [operation, new Set([...numbers, ...ids, ...names, ...lists])]),
    );
    expect(await membersByOperation()).toEqual(known);
  });
});

/** The members of every body in the document of the command API. */
const membersByOperation = async (): Promise<Record<string, Set<string>>> => {
  type Operation = Readonly<{ requestBody?: { content: Record<string, { schema: { properties: Json } }> } }>;
  const { paths } = await documentOf(shop.commands);
  const members: Record<string, Set<string>> = {};
  for (const [path, item] of Object.entries(paths)) {
    for (const [method, { requestBody }] of Object.entries(item as Record<string, Operation>)) {
      const properties = requestBody?.content['application/json']?.schema.properties;
      if (properties) members[`${method.toUpperCase()} ${path}`] = new Set(Object.keys(properties));
    }
  }
  return members;
};
