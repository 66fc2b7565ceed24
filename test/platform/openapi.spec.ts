import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { amountInput, idInput } from '../../src/platform/input.ts';
import { documentOf, mergedDocument } from '../../src/platform/openapi.ts';
import { type RouteTable, route } from '../../src/platform/route.ts';
import { shape } from '../../src/platform/shapes.ts';
import { faultsOf } from '../support/openapiRules.ts';

const nothing = () => undefined;
const terms = z.strictObject({ amount: amountInput, perUser: z.literal(1).nullable().default(1), note: z.string().max(128).optional() });
const table: RouteTable = {
  'POST /users/:userId/things': route(
    {
      summary: 'Make a thing',
      params: z.object({ userId: idInput }),
      body: terms,
      answers: { 201: { body: z.object({ id: shape.id }), headers: ['Location'] } },
      problems: ['sold-out', ['unknown-coupon', 400]],
    },
    nothing,
  ),
  'GET /users/:userId/things': route(
    {
      summary: 'The things of a user',
      params: z.object({ userId: idInput }),
      query: z.strictObject({ limit: z.string().regex(/^\d+$/).transform(Number).default(100) }),
      answers: { 200: { body: z.array(z.object({ id: shape.id })), headers: ['Link'] } },
    },
    nothing,
  ),
  'GET /bare': nothing,
};
// biome-ignore lint/suspicious/noExplicitAny: the tests walk through a document
const document = documentOf('Things', [table]) as any;
const making = document.paths['/users/{userId}/things'].post;
const listing = document.paths['/users/{userId}/things'].get;

describe('the document of a table of routes', () => {
  it('is an OpenAPI document by the rules of OpenAPI', () => {
    expect(faultsOf(document)).toEqual([]);
  });

  it.each([
    ['a path whose parameter is not described', (it) => (it.paths['/users/{userId}/things'].get.parameters = [])],
    ['a reference to nothing', (it) => (it.components.headers = {})],
    ['an operation with the name of another', (it) => (it.paths['/users/{userId}/things'].get.operationId = making.operationId)],
    ['an answer without a description', (it) => delete it.paths['/users/{userId}/things'].get.responses[200].description],
    ['a schema with an unknown word', (it) => (it.components.schemas.Problem.nullable = true)],
    ['a required member that is none', (it) => it.components.schemas.Problem.required.push('code')],
  ] satisfies [string, (it: typeof document) => void][])('would not be one with %s', (_, spoil) => {
    const spoilt = structuredClone(document);
    spoil(spoilt);
    expect(faultsOf(spoilt)).not.toEqual([]);
  });

  it('shows described routes, with what is in their paths', () => {
    expect(Object.keys(document.paths)).toEqual(['/users/{userId}/things']);
    expect(making.parameters[0]).toMatchObject({
      name: 'userId',
      in: 'path',
      required: true,
      schema: { type: 'string', examples: ['u17'] },
    });
  });

  it('says of a body what its parser takes', () => {
    const { schema } = making.requestBody.content['application/json'];
    expect(schema).toMatchObject({ required: ['amount'], additionalProperties: false });
    expect(schema.properties.amount).toMatchObject({ type: 'integer', minimum: 1, maximum: 1_000_000_000 });
    const read = z.fromJSONSchema(schema);
    for (const body of [{ amount: 1 }, { amount: 5, perUser: null }, { amount: 5, perUser: 1, note: 'x' }]) {
      expect([body, read.safeParse(body).success, terms.safeParse(body).success]).toEqual([body, true, true]);
    }
    for (const body of [{}, { amount: 0 }, { amount: 1.5 }, { amount: '1' }, { amount: 1, more: 1 }, { amount: 1, perUser: 2 }]) {
      expect([body, read.safeParse(body).success, terms.safeParse(body).success]).toEqual([body, false, false]);
    }
  });

  it('asks for text where a query is changed while it is read', () => {
    expect(listing.parameters[1]).toMatchObject({ name: 'limit', in: 'query', required: false, schema: { type: 'string' } });
    expect(listing.parameters[1].schema.default).toBeUndefined();
  });

  it('tells every refusal by its status and type', () => {
    const typesAt = (status: number) => making.responses[status].content['application/problem+json'].schema.allOf[1].properties.type.enum;
    expect(typesAt(409)).toEqual(['/problems/sold-out', '/problems/request-in-progress']);
    expect(typesAt(400)).toEqual(['/problems/unknown-coupon', '/problems/invalid-request']);
    expect(typesAt(422)).toEqual(['/problems/key-reused']);
    expect(Object.keys(listing.responses)).not.toContain('422');
    expect(making.responses[503].headers['Retry-After']).toBeDefined();
  });

  it('names tokens and keys where they belong', () => {
    expect(making.parameters).toContainEqual({ $ref: '#/components/parameters/Idempotency-Key' });
    expect(making.responses[201].headers).toHaveProperty('Read-After');
    expect(listing.parameters).toContainEqual({ $ref: '#/components/parameters/Read-After' });
    expect(listing.responses[200].headers).toMatchObject({ 'As-Of': {}, Link: {} });
    expect(listing.responses[200].headers).not.toHaveProperty('Read-After');
  });

  it('of two servers holds the methods that either has on a path', () => {
    const [[post, one], [get, other]] = Object.entries(table) as [[string, RouteTable[string]], [string, RouteTable[string]]];
    const both = mergedDocument('Both', [documentOf('a', [{ [post]: one }]), documentOf('b', [{ [get]: other }])]);
    expect(both.paths['/users/{userId}/things']).toMatchObject({ get: {}, post: {} });
    expect(faultsOf(both)).toEqual([]);
  });
});
