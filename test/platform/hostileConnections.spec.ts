import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createApp, type Listening, listen, type RouteTable } from '../../src/platform/http.ts';
import { type Client, clientOf } from '../support/client.ts';
import { silentLog } from '../support/silentLog.ts';

/** More than the buffers of a connection hold. */
const LONG = Buffer.alloc(16_000_000, 32);
/** The same limits as outside, in a tenth of the time. */
const TIMES = { headersTimeout: 500, requestTimeout: 1_000, keepAliveTimeout: 500, connectionsCheckingInterval: 100, stillMsMax: 2_000 };
const CLOSED_MS_MAX = 3_000;
/** Milliseconds that a request of somebody else may take meanwhile, on a machine that is busy with tests. */
const OTHERS_MS_MAX = 500;

const table: RouteTable = {
  'GET /things': (_req, res) => void res.json([]),
  'GET /long': (_req, res) => void res.end(LONG),
  'POST /things': (req, res) => void res.status(201).json(req.body ?? null),
};

let server: Listening;
let client: Client;
let sockets: net.Socket[] = [];
beforeAll(async () => {
  server = await listen(createApp({ log: silentLog, tables: [table], health: {} }), '127.0.0.1', 0, TIMES);
  client = clientOf(`http://127.0.0.1:${server.port}`);
});
afterAll(async () => {
  client.close();
  for (const socket of sockets) socket.destroy();
  await server.close();
});

/** A connection that has sent `text`, and nothing of whose answer is read unless `read`. */
const connect = async (text: string, read = true): Promise<net.Socket> => {
  const socket = net.connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined);
  sockets.push(socket);
  await once(socket, 'connect');
  if (read) socket.resume();
  socket.write(text);
  return socket;
};

/** All that a server says on a connection, until it ends it. */
const saidOn = (socket: net.Socket): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.on('end', () => resolve(text));
    socket.on('close', () => resolve(text));
  });

const closed = (socket: net.Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.destroyed || socket.readableEnded) return resolve();
    socket.on('end', () => resolve());
    socket.on('close', () => resolve());
  });

/** The 95th percentile, in milliseconds, of 20 requests one after the other of somebody who does nothing wrong. */
const p95OfOthers = async (): Promise<number> => {
  const took: number[] = [];
  for (let i = 0; i < 20; i += 1) {
    const begun = performance.now();
    expect((await client.get('/things')).status).toBe(200);
    took.push(performance.now() - begun);
  }
  return took.sort((one, other) => other - one)[1] ?? Number.POSITIVE_INFINITY;
};

const allEndWithin = async (ms: number, open: readonly net.Socket[]): Promise<void> => {
  const begun = performance.now();
  expect(await p95OfOthers()).toBeLessThan(OTHERS_MS_MAX);
  await Promise.all(open.map(closed));
  expect(performance.now() - begun).toBeLessThan(ms);
  for (const socket of open) socket.destroy();
  sockets = [];
};

const HEAD = 'POST /things HTTP/1.1\r\nHost: till\r\nContent-Type: application/json\r\n';

describe('connections that cannot take the server from others', () => {
  it.each([
    ['say nothing', ''],
    ['stop in their headers', HEAD],
    ['stop in their body', `${HEAD}Content-Length: 10\r\n\r\n{`],
    ['stop in a chunk', `${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\n{`],
  ])('%s, five hundred at once: ended in time (HT2)', async (_, text) => {
    await allEndWithin(CLOSED_MS_MAX, await Promise.all(Array.from({ length: 500 }, () => connect(text))));
  });

  it('drip a byte of a header now and then: ended all the same (HT2)', async () => {
    const socket = await connect(HEAD);
    const drip = setInterval(() => socket.write('a'), 100);
    await allEndWithin(CLOSED_MS_MAX, [socket]);
    clearInterval(drip);
  });

  it('announce a gigabyte and send it: refused, and ended', async () => {
    const socket = await connect(`${HEAD}Content-Length: 1000000000\r\n\r\n`);
    const said = saidOn(socket);
    const flood = setInterval(() => socket.writable && socket.write(Buffer.alloc(64 * 1024)), 10);
    expect(await p95OfOthers()).toBeLessThan(OTHERS_MS_MAX);
    expect(await said).toMatch(/^HTTP\/1\.1 413 /);
    clearInterval(flood);
    socket.destroy();
  }, 90_000);

  it('send chunks without end: refused, and ended when nobody could take them for a mistake', async () => {
    const socket = await connect(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
    const said = saidOn(socket);
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const flood = setInterval(() => socket.writable && socket.write(chunk), 5);
    expect(await p95OfOthers()).toBeLessThan(OTHERS_MS_MAX);
    expect(await said).toMatch(/^HTTP\/1\.1 413 |^$/);
    clearInterval(flood);
    socket.destroy();
  }, 90_000);

  it('send a megabyte of headers, or of address: refused, and ended', async () => {
    const header = await connect(`${HEAD}X-Long: ${'a'.repeat(1_000_000)}\r\n\r\n`);
    const address = await connect(`GET /${'a'.repeat(1_000_000)} HTTP/1.1\r\nHost: till\r\n\r\n`);
    for (const said of await Promise.all([saidOn(header), saidOn(address)])) expect(said).toMatch(/^HTTP\/1\.1 431 |^$/);
  });

  it('send some requests in one go: each is answered, in order', async () => {
    const one = (i: number) => `${HEAD}Content-Length: ${String(i).length}\r\n\r\n${i}`;
    const socket = await connect(Array.from({ length: 60 }, (_, i) => one(i)).join(''));
    const said = saidOn(socket);
    socket.end();
    const bodies = [...(await said).matchAll(/\r\n\r\n(\d+)/g)].map(([, body]) => Number(body));
    expect(bodies).toEqual(Array.from({ length: 60 }, (_, i) => i));
  });

  it('send thousands of requests in one go: ended', async () => {
    const asks = 'GET /things HTTP/1.1\r\nHost: till\r\n\r\n'.repeat(5_000);
    await allEndWithin(CLOSED_MS_MAX, await Promise.all(Array.from({ length: 5 }, () => connect(asks))));
  });

  it('ask for much and read none of it: ended when nothing moves any more', async () => {
    const asks = 'GET /long HTTP/1.1\r\nHost: till\r\n\r\n'.repeat(3);
    const open = await Promise.all(Array.from({ length: 20 }, () => connect(asks, false)));
    expect(await p95OfOthers()).toBeLessThan(OTHERS_MS_MAX);
    // Node looks twice before it believes that a write stands still.
    await sleep(2 * TIMES.stillMsMax + 1_000);
    for (const said of await Promise.all(open.map(saidOn))) expect(said.length).toBeLessThan(3 * LONG.length);
  }, 90_000);

  it('close their half after a request: they get the answer, and are ended', async () => {
    const socket = await connect(`${HEAD}Content-Length: 1\r\n\r\n7`);
    const said = saidOn(socket);
    socket.end();
    expect(await said).toMatch(/^HTTP\/1\.1 201 [\s\S]*\r\n\r\n7$/);
  });

  it('close their half in the middle of a request: nobody waits for the rest', async () => {
    const socket = await connect(`${HEAD}Content-Length: 10\r\n\r\n{`);
    const begun = performance.now();
    const said = saidOn(socket);
    socket.end();
    expect(await said).toMatch(/^HTTP\/1\.1 400 |^$/);
    expect(performance.now() - begun).toBeLessThan(TIMES.requestTimeout);
  });

  it('leave in the middle of everything, two thousand of them: nothing of them stays', async () => {
    for (let round = 0; round < 4; round += 1) {
      const open = await Promise.all(Array.from({ length: 500 }, (_, i) => connect(i % 2 ? HEAD : `${HEAD}Content-Length: 10\r\n\r\n{`)));
      for (const socket of open) socket.resetAndDestroy();
    }
    sockets = [];
    expect(await p95OfOthers()).toBeLessThan(OTHERS_MS_MAX);
  }, 90_000);

  it('speak no HTTP: refused, and ended', async () => {
    for (const noise of [
      '\x16\x03\x01\x02\x00\x01\x00',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      '\0'.repeat(10_000),
    ]) {
      expect(await saidOn(await connect(noise))).toMatch(/^HTTP\/1\.1 [45]\d\d |^$/);
    }
    expect((await client.get('/things')).status).toBe(200);
  });
});
