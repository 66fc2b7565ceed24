import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { correlationIdOf, createApp, type Listening, listen, type RouteTable } from '../../src/platform/http.ts';
import { type Client, clientOf, expectProblem, type Json } from '../support/client.ts';
import { silentLog } from '../support/silentLog.ts';

const table: RouteTable = {
  'GET /things': (_req, res) => void res.json([]),
  'POST /things': (_req, res) => void res.status(201).json({}),
  'GET /slow': async (_req, res) => {
    await sleep(300);
    res.json({ correlationId: correlationIdOf(res) });
  },
};
const serve = (): Promise<Listening> => listen(createApp({ log: silentLog, tables: [table], health: {} }), '127.0.0.1', 0);

let server: Listening;
let client: Client;
beforeAll(async () => {
  server = await serve();
  client = clientOf(`http://127.0.0.1:${server.port}`);
});
afterAll(async () => {
  client.close();
  await server.close();
});

describe('limits on the wire', () => {
  it('are 2 KB for the address and 8 KB for the headers (S6)', async () => {
    expect((await client.get(`/things?q=${'a'.repeat(2_048 - 10)}`)).status).toBe(200);
    expectProblem(await client.get(`/things?q=${'a'.repeat(2_048 - 9)}`), 400, 'invalid-request');
    const answer = await client.get('/things', { headers: { 'X-Long': 'a'.repeat(9_000) } });
    expect(answer.status).toBe(431);
  });

  it('end a client that is slow with its headers or its body, and no other (HT2)', async () => {
    const endsAfter = (text: string) =>
      new Promise<number>((resolve, reject) => {
        const begun = performance.now();
        const socket = net.connect(server.port, '127.0.0.1', () => socket.write(text));
        socket.on('data', () => undefined);
        socket.on('error', reject);
        socket.on('close', () => resolve(performance.now() - begun));
      });
    const head = 'POST /things HTTP/1.1\r\nHost: till\r\n';
    const [slowHead, slowBody, other] = await Promise.all([
      endsAfter(head),
      endsAfter(`${head}Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{`),
      sleep(2_000).then(() => client.get('/things')),
    ]);
    expect(slowHead).toBeLessThan(6_500);
    expect(slowBody).toBeLessThan(11_500);
    expect(other.status).toBe(200);
  }, 90_000);

  it('refuse a request with two lengths (S20)', async () => {
    const answer = await new Promise<string>((resolve) => {
      const socket = net.connect(server.port, '127.0.0.1');
      let text = '';
      socket.on('data', (chunk) => {
        text += String(chunk);
      });
      socket.on('close', () => resolve(text));
      socket.end('POST /things HTTP/1.1\r\nHost: till\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
    });
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('closing', () => {
  it('takes nothing new, and lets what runs finish', async () => {
    const own = await serve();
    const toOwn = clientOf(`http://127.0.0.1:${own.port}`);
    const running = toOwn.get<Json>('/slow', { headers: { 'X-Correlation-Id': 'last' } });
    await sleep(100);
    const closed = own.close();
    await expect(clientOf(`http://127.0.0.1:${own.port}`).get('/things')).rejects.toThrow('ECONNREFUSED');
    expect((await running).body).toEqual({ correlationId: 'last' });
    await closed;
    toOwn.close();
  });

  it('says which port is taken', async () => {
    await expect(listen(createApp({ log: silentLog, tables: [], health: {} }), '127.0.0.1', server.port)).rejects.toMatchObject({
      code: 'EADDRINUSE',
      port: server.port,
    });
  });
});
