import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { seed } from '../../src/cli/seed.ts';

type Sent = Readonly<{ key: string; body: { id: string; price: number; stock: number } }>;

const servers: Server[] = [];
afterEach(() => servers.splice(0).forEach((server) => void server.close()));

/** A command API by script: `answer` says the status of each request, by product and by how often it was asked before. */
const scripted = async (answer: (id: string, before: number) => number): Promise<{ url: string; sent: Sent[] }> => {
  const sent: Sent[] = [];
  const server = createServer(async (request, response) => {
    const text = (await request.toArray()).join('');
    const one: Sent = { key: String(request.headers['idempotency-key']), body: JSON.parse(text) };
    response.statusCode = answer(one.body.id, sent.filter(({ body }) => body.id === one.body.id).length);
    sent.push(one);
    response.end('{}');
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await new Promise((ready) => server.once('listening', ready));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sent };
};

it('creates five products under keys of their own', async () => {
  const { url, sent } = await scripted(() => 201);
  expect(await seed(url)).toEqual({ created: 5, present: 0 });
  const byId = new Map(sent.map((one) => [one.body.id, one]));
  expect([...byId.keys()].sort((a, b) => a.localeCompare(b))).toEqual(['p1', 'p2', 'p3', 'p4', 'p5']);
  for (const [id, { key, body }] of byId) {
    expect(key).toBe(`seed-${id}`);
    expect(body).toEqual({ id, name: id, price: 2_000, stock: 2_000_000 });
  }
});

it('takes a product that is there for done', async () => {
  const { url } = await scripted((id) => (id === 'p3' ? 201 : 409));
  expect(await seed(url)).toEqual({ created: 1, present: 4 });
});

it('asks again after a 503, under the same key', async () => {
  const { url, sent } = await scripted((id, before) => (id === 'p2' && before === 0 ? 503 : 201));
  expect(await seed(url)).toEqual({ created: 5, present: 0 });
  expect(sent.filter(({ key }) => key === 'seed-p2')).toHaveLength(2);
});

it('says which product failed, and how', async () => {
  const { url } = await scripted((id) => (id === 'p5' ? 400 : 201));
  await expect(seed(url)).rejects.toThrow('product p5: 400');
});
