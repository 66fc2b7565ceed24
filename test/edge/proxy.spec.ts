import http from 'node:http';
import net from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { startEdge } from '../../src/edge/edge.ts';
import { parseConfig } from '../../src/platform/config.ts';
import { createApp, type Listening, listen } from '../../src/platform/http.ts';
import { listening } from '../../src/platform/listen.ts';
import { route } from '../../src/platform/route.ts';
import { atOnce, byStatus, type Client, clientOf, expectProblem, type Json } from '../support/client.ts';
import { silentLog } from '../support/silentLog.ts';

const BODY_MAX = 16 * 1024;
const json = { 'Content-Type': 'application/json' };

type Seen = Readonly<{ method: string; url: string; headers: http.IncomingHttpHeaders; body: string }>;
/** What a server behind the edge does with a request, and what it has seen so far. */
type Behaviour = (req: http.IncomingMessage, res: http.ServerResponse, body: string) => void;
type Behind = Listening & Readonly<{ name: string; url: string; seen: Seen[] }>;

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const answering =
  (name: string): Behaviour =>
  (_req, res) => {
    res.writeHead(201, { 'Content-Type': 'application/json', 'Read-After': '7', 'X-Own': name });
    res.end(JSON.stringify({ name }));
  };

const startBehind = async (name: string, behave: Behaviour = answering(name), port = 0): Promise<Behind> => {
  const seen: Seen[] = [];
  const server = http.createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += String(chunk);
    if (!req.url?.startsWith('/health')) seen.push({ method: req.method ?? '', url: req.url ?? '', headers: req.headers, body });
    behave(req, res, body);
  });
  const started = await listening(server, '127.0.0.1', port);
  const close = async () => {
    server.closeAllConnections();
    await started.close();
  };
  closing.push(close);
  return { port: started.port, close, name, url: `http://127.0.0.1:${started.port}`, seen };
};

const startEdgeOver = async (
  commands: readonly string[],
  queries: readonly string[],
  env: Json = {},
): Promise<Client & { port: number }> => {
  const config = parseConfig({
    EDGE_PORT: '0',
    COMMAND_URLS: commands.join(','),
    QUERY_URLS: queries.join(','),
    ...(env as NodeJS.ProcessEnv),
  });
  const edge = await startEdge(config, silentLog);
  const client = clientOf(`http://127.0.0.1:${edge.ports.edge}`);
  closing.push(async () => {
    client.close();
    await edge.stop();
  });
  return { ...client, port: edge.ports.edge ?? 0 };
};

/** A port on which nobody listens. */
const deadUrl = async (): Promise<string> => {
  const server = net.createServer();
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((done) => server.close(done));
  return `http://127.0.0.1:${port}`;
};

/** What a server says to a body that comes in chunks. */
const inChunks = (port: number, body: string): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.write('POST /things HTTP/1.1\r\nHost: till\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n');
      socket.write(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
    });
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });

const described = route({ summary: 'Things', answers: { 200: z.array(z.string()) } }, (_req, res) => void res.json([]));

describe('the edge', () => {
  it('sends GET and HEAD to the queries, all else and the whole queue to the commands', async () => {
    const [commands, queries] = [await startBehind('commands'), await startBehind('queries')];
    const edge = await startEdgeOver([commands.url], [queries.url]);
    for (const [method, path] of [
      ['GET', '/a'],
      ['HEAD', '/b'],
      ['GET', '/api/queues'],
      ['GET', '/api/queue'],
      ['GET', '/api/queue/t'],
      ['POST', '/c'],
      ['DELETE', '/d'],
      ['PUT', '/e'],
    ]) {
      await edge.raw({ method: method as string, path: path as string });
    }
    expect(queries.seen.map(({ url }) => url)).toEqual(['/a', '/b', '/api/queues']);
    expect(commands.seen.map(({ url }) => url)).toEqual(['/api/queue', '/api/queue/t', '/c', '/d', '/e']);
  });

  it('hands both on as they are, but for what belongs to one connection', async () => {
    const commands = await startBehind('commands');
    const edge = await startEdgeOver([commands.url], [commands.url]);
    const headers = {
      ...json,
      'Idempotency-Key': '"k 1"',
      'X-Correlation-Id': 'corr-1',
      Connection: 'X-Mine',
      'X-Mine': '1',
      'X-Forwarded-For': '10.1.1.1',
    };
    const answer = await edge.raw({ method: 'POST', path: '/users/u1/balance?a=%20&b', headers, body: '{"won": 1}' });
    expect([answer.status, answer.body, answer.headers['read-after'], answer.headers['x-own']]).toEqual([
      201,
      { name: 'commands' },
      '7',
      'commands',
    ]);
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    const [seen] = commands.seen;
    expect(seen).toMatchObject({ method: 'POST', url: '/users/u1/balance?a=%20&b', body: '{"won": 1}' });
    expect(seen?.headers).toMatchObject({
      'idempotency-key': '"k 1"',
      'x-correlation-id': 'corr-1',
      'x-forwarded-for': '10.1.1.1, 127.0.0.1',
    });
    expect(seen?.headers).not.toHaveProperty('x-mine');
  });

  it('asks servers in turn', async () => {
    const [one, two] = [await startBehind('one'), await startBehind('two')];
    const edge = await startEdgeOver([one.url, two.url], [one.url]);
    for (let i = 0; i < 10; i += 1) await edge.post('/things', {});
    expect([one.seen.length, two.seen.length]).toEqual([5, 5]);
  });

  it('passes a dead server over, looks at it again later, and loses no request', async () => {
    const [alive, dead] = [await startBehind('alive'), await deadUrl()];
    const edge = await startEdgeOver([dead, alive.url], [alive.url]);
    expect(byStatus(await atOnce(50, () => edge.post('/things', {})))).toEqual({ 201: 50 });
    const back = await startBehind('back', undefined, Number(new URL(dead).port));
    const end = performance.now() + 5_000;
    while (back.seen.length === 0 && performance.now() < end) expect((await edge.post('/things', {})).status).toBe(201);
    expect(back.seen.length).toBeGreaterThan(0);
  });

  it('never sends a command without a key twice: one that may have arrived is answered 503', async () => {
    const breaking = await startBehind('breaking', (req) => void req.socket.destroy());
    const other = await startBehind('other');
    const edge = await startEdgeOver([breaking.url, other.url], [other.url]);
    const answer = await edge.post('/things', {});
    expectProblem(answer, 503, 'unavailable');
    expect(answer.headers['retry-after']).toBe('1');
    expect([breaking.seen.length, other.seen.length]).toEqual([1, 0]);
  });

  it('sends a command under a key elsewhere when it got no answer, and says so when nobody answered', async () => {
    const breaking = await startBehind('breaking', (req) => void req.socket.destroy());
    const other = await startBehind('other');
    const edge = await startEdgeOver([breaking.url, other.url], [other.url]);
    expect((await edge.post('/things', { a: 1 }, { key: 'k' })).body).toEqual({ name: 'other' });
    expect([breaking, other].map(({ seen }) => seen.map(({ headers, body }) => [headers['idempotency-key'], body]))).toEqual([
      [['k', '{"a":1}']],
      [['k', '{"a":1}']],
    ]);

    const alone = await startEdgeOver([breaking.url, await deadUrl()], [other.url]);
    const answer = await alone.post('/things', {}, { key: 'k' });
    expectProblem(answer, 503, 'unavailable');
    expect(answer.body.detail).toContain('not known whether');
  });

  it('asks another server where a query got no answer', async () => {
    const breaking = await startBehind('breaking', (req) => void req.socket.destroy());
    const other = await startBehind('other');
    const edge = await startEdgeOver([other.url], [breaking.url, other.url]);
    expect((await edge.get('/things')).body).toEqual({ name: 'other' });
    expect(breaking.seen.length).toBe(1);
  });

  it('answers 503 when nobody is there, at once', async () => {
    const edge = await startEdgeOver([await deadUrl()], [await deadUrl(), await deadUrl()]);
    const begun = performance.now();
    expectProblem(await edge.post('/things', {}), 503, 'unavailable');
    expectProblem(await edge.get('/things'), 503, 'unavailable');
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  it('breaks an answer off where the server broke it off', async () => {
    const half = await startBehind('half', (req, res) => {
      res.writeHead(200, { 'Content-Length': '100' });
      res.write('half');
      setTimeout(() => req.socket.destroy(), 50);
    });
    const edge = await startEdgeOver([half.url], [half.url]);
    await expect(edge.get('/things')).rejects.toThrow();
    expect((await edge.get('/health/live')).status).toBe(200);
  });

  it('takes bodies up to 16 KB, with a length or in chunks, and no further (S6)', async () => {
    const commands = await startBehind('commands');
    const edge = await startEdgeOver([commands.url], [commands.url]);
    const whole = 'x'.repeat(BODY_MAX);
    expect((await edge.raw({ method: 'POST', path: '/things', body: whole })).status).toBe(201);
    expect(commands.seen[0]?.body).toBe(whole);
    expect((await inChunks(edge.port, whole)).slice(9, 12)).toBe('201');
    expect(commands.seen[1]).toMatchObject({ body: whole, headers: { 'content-length': String(BODY_MAX) } });
    expect((await inChunks(edge.port, `${whole}x`)).slice(9, 12)).toBe('413');
    expectProblem(await edge.raw({ method: 'POST', path: '/things', body: `${whole}x` }), 413, 'payload-too-large');
    expect(commands.seen).toHaveLength(2);
  });

  it('is live alone, and ready when either side has a server that is', async () => {
    const ready = (name: string, ok: { now: boolean }) =>
      startBehind(name, (_req, res) => {
        res.writeHead(ok.now ? 200 : 503);
        res.end();
      });
    const [first, second, third] = [{ now: true }, { now: false }, { now: true }];
    const servers = await Promise.all([ready('c1', first), ready('c2', second), ready('q', third)]);
    const edge = await startEdgeOver([servers[0].url, servers[1].url], [servers[2].url]);
    expect((await edge.get('/health/ready')).body).toEqual({ status: 'ready', checks: { commands: 'ok', queries: 'ok' } });
    first.now = false;
    const answer = await edge.get('/health/ready');
    expect([answer.status, answer.body]).toEqual([503, { status: 'not-ready', checks: { commands: 'failing', queries: 'ok' } }]);
    expect((await edge.get('/health/live')).status).toBe(200);
  });

  it('describes what both sides describe', async () => {
    const app = (title: string, method: string) =>
      listen(createApp({ log: silentLog, title, tables: [{ [`${method} /things`]: described }], health: {} }), '127.0.0.1', 0);
    const [commands, queries] = [await app('c', 'POST'), await app('q', 'GET')];
    closing.push(commands.close, queries.close);
    const edge = await startEdgeOver([`http://127.0.0.1:${commands.port}`], [await deadUrl(), `http://127.0.0.1:${queries.port}`]);
    const { info, paths } = (await edge.get('/openapi.json')).body as { info: Json; paths: Record<string, Json> };
    expect([info.title, paths['/things']]).toMatchObject(['Tillstream', { get: {}, post: {} }]);
    expect((await edge.get('/docs')).status).toBe(200);
  });

  it('counts requests by side, never by path', async () => {
    const both = await startBehind('both');
    const edge = await startEdgeOver([both.url], [both.url]);
    await edge.get('/users/u1/balance');
    await edge.post('/users/u1/balance', {});
    const { text } = await edge.get('/metrics');
    expect(text).toContain('till_http_request_duration_seconds_count{route="(queries)",method="GET",status="201"} 1');
    expect(text).toContain('till_http_request_duration_seconds_count{route="(commands)",method="POST",status="201"} 1');
    expect(text).not.toContain('u1');
  });

  it('counts callers by their own address, when told to limit them', async () => {
    const both = await startBehind('both');
    const edge = await startEdgeOver([both.url], [both.url], { RATE_LIMIT_REQUESTS: '3' });
    const forged = (i: number) => edge.get('/things', { headers: { 'X-Forwarded-For': `10.0.0.${i}` } });
    for (const i of [1, 2, 3]) expect((await forged(i)).status).toBe(201);
    const last = await forged(4);
    expectProblem(last, 429, 'too-many-requests');
    expect(Number(last.headers['retry-after'])).toBeGreaterThan(0);
    expect((await edge.get('/health/live')).status).toBe(200);
  });
});
