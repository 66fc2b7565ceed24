import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Client, clientOf } from '../../support/client.ts';
import { expectNothingRecorded, startShop, type TestShop } from '../../support/shop.ts';
import { connectTo, saidTo } from '../../support/sockets.ts';

type Port = 'edge' | 'commands' | 'queries';
const PORTS: readonly Port[] = ['edge', 'commands', 'queries'];
/** Connections that hang, on each port. */
const HANGING = 150;
/** Milliseconds that a request of somebody else may take meanwhile, on a machine that is busy with tests. */
const OTHERS_MS_MAX = 500;

let shop: TestShop;
const clients: Record<Port, Client> = {} as never;
beforeAll(async () => {
  shop = await startShop();
  for (const port of PORTS) clients[port] = clientOf(shop[port]);
});
afterAll(async () => {
  for (const client of Object.values(clients)) client.close();
  await shop.stop();
});
expectNothingRecorded(() => shop);

/** The 95th percentile, in milliseconds, of 20 requests of somebody who does nothing wrong. */
const p95OfOthers = async (client: Client): Promise<number> => {
  const took: number[] = [];
  for (let i = 0; i < 20; i += 1) {
    const begun = performance.now();
    expect((await client.get('/health/live')).status).toBe(200);
    took.push(performance.now() - begun);
  }
  return took.sort((one, other) => other - one)[1] ?? Number.POSITIVE_INFINITY;
};

const HEAD = 'POST /users/ann/balance HTTP/1.1\r\nHost: till\r\nContent-Type: application/json\r\n';

describe('connections to a running shop', () => {
  it('that hang, in their headers or their body, are ended in time and take nothing from others, on every port (HT2)', async () => {
    const hang = (port: Port, text: string) => Promise.all(Array.from({ length: HANGING }, () => connectTo(shop[port], text)));
    const begun = performance.now();
    const inHeaders = (await Promise.all(PORTS.map((port) => hang(port, `${HEAD}X-Slow: `)))).flat();
    const inBodies = (await Promise.all(PORTS.map((port) => hang(port, `${HEAD}Content-Length: 14\r\n\r\n{"amount"`)))).flat();
    for (const client of Object.values(clients)) expect(await p95OfOthers(client)).toBeLessThan(OTHERS_MS_MAX);
    const endedAfter = async (connections: typeof inHeaders) => {
      for (const said of await Promise.all(connections.map(({ ended }) => ended))) expect(said).toMatch(/^HTTP\/1\.1 4\d\d |^$/);
      for (const { socket } of connections) socket.destroy();
      return performance.now() - begun;
    };
    // Both limits (5 and 10 s), looked at once a second, and what a busy machine takes.
    expect(await endedAfter(inHeaders)).toBeLessThan(8_000);
    expect(await endedAfter(inBodies)).toBeLessThan(13_500);
  });

  it('that leave in the middle of a body record nothing, on every port (HT1)', async () => {
    for (const port of PORTS) {
      for (const body of ['', '{"amount":1', '{"amount":10}']) {
        const { socket, ended } = await connectTo(shop[port], `${HEAD}Content-Length: 14\r\n\r\n${body}`);
        if (body === '') socket.resetAndDestroy();
        else socket.end();
        expect(await ended).toMatch(/^HTTP\/1\.1 4\d\d |^$/);
        socket.destroy();
      }
    }
  });

  it('whose requests could be read in two ways are refused and ended, on every port (S20)', async () => {
    const smuggled = '{"amount":1}';
    const ambiguous = [
      `Content-Length: 12\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
      `Content-Length: 12\r\nContent-Length: 5\r\n\r\n${smuggled}`,
      `Content-Length: 12, 5\r\n\r\n${smuggled}`,
      `Content-Length: +12\r\n\r\n${smuggled}`,
      `Content-Length: -1\r\n\r\n${smuggled}`,
      `Content-Length : 12\r\n\r\n${smuggled}`,
      `Transfer-Encoding: chunked, identity\r\n\r\nc\r\n${smuggled}\r\n0\r\n\r\n`,
      `Transfer-Encoding: xchunked\r\n\r\nc\r\n${smuggled}\r\n0\r\n\r\n`,
      `Transfer-Encoding: chunked\r\n\r\nzz\r\n${smuggled}\r\n0\r\n\r\n`,
      `Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n${smuggled}\r\n0\r\n\r\n`,
      `X: a\r\n folded\r\nContent-Length: 12\r\n\r\n${smuggled}`,
      `X: a\nContent-Length: 12\r\n\r\n${smuggled}`,
      `X: a\u0000b\r\nContent-Length: 12\r\n\r\n${smuggled}`,
    ];
    for (const port of PORTS) {
      for (const rest of ambiguous) {
        const said = await saidTo(shop[port], HEAD + rest);
        expect([port, rest, said === '' ? 'ended' : said.slice(0, 12)]).toEqual([
          port,
          rest,
          expect.stringMatching(/^HTTP\/1\.1 (400|501)$|^ended$/),
        ]);
      }
    }
  });

  it('with strange request lines get no answer of 500, on every port', async () => {
    const last = 'Host: till\r\nConnection: close\r\n\r\n';
    const lines = [
      'GET http://elsewhere/products HTTP/1.1',
      'GET //elsewhere/products HTTP/1.1',
      'GET /products#x HTTP/1.1',
      'GET ?x HTTP/1.1',
      'GET * HTTP/1.1',
      'OPTIONS * HTTP/1.1',
      'TRACE /products HTTP/1.1',
      'CONNECT elsewhere:443 HTTP/1.1',
      'PROPFIND /products HTTP/1.1',
      'get /products HTTP/1.1',
      'GET /products HTTP/1.0',
      'GET /products?a[b]=c&a[b]=d HTTP/1.1',
      'GET /users/%00/balance HTTP/1.1',
      'GET /users/é/balance HTTP/1.1',
    ];
    for (const port of PORTS) {
      for (const line of lines) {
        const said = await saidTo(shop[port], `${line}\r\n${last}`);
        expect([port, line, said.slice(0, 12)]).toEqual([port, line, expect.stringMatching(/^HTTP\/1\.1 [2-4]\d\d|^$/)]);
        expect(said).not.toMatch(/node_modules|\.ts\b/);
      }
    }
  });
});
