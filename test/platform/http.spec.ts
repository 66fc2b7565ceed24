import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BODY_BYTES_MAX, createApp, type HealthChecks, type Listening, listen } from '../../src/platform/http.ts';
import { Problem } from '../../src/platform/problem.ts';
import { type Client, clientOf, expectProblem } from '../support/client.ts';
import { silentLog } from '../support/silentLog.ts';

class Inside extends Error {}

const table = {
  'GET /things': (req, res) => void res.json({ query: req.query }),
  'POST /things': (req, res) => void res.status(201).json({ body: req.body === undefined ? 'none' : req.body }),
  'POST /types': (req, res) => void res.json({ type: typeof req.body }),
  'GET /things/:id': (req, res) => void res.json({ id: req.params.id, accepts: req.accepts('json'), agent: req.get('User-Agent') ?? null }),
  'POST /things/sold': (_req, res) => void res.json({ sold: true }),
  'GET /refused': () => {
    throw new Problem('sold-out', 'Nothing is left.', { couponId: 'c-1' });
  },
  'GET /inside': async () => {
    throw new Inside('the disk is on fire at /secret/path');
  },
  'GET /down': async () => {
    throw new TypeError('down');
  },
} satisfies Parameters<typeof createApp>[0]['tables'][number];

const serve = (health: HealthChecks = {}): Promise<Listening> => {
  const explain = (error: unknown) => (error instanceof TypeError ? new Problem('unavailable', 'A part is down.') : null);
  return listen(createApp({ log: silentLog, tables: [table], health, explain }), '127.0.0.1', 0);
};

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

const json = { 'Content-Type': 'application/json' };
const postThings = (body: string | Buffer, headers: Readonly<Record<string, string>> = json) =>
  client.raw({ method: 'POST', path: '/things', headers, body });

describe('a table of routes', () => {
  it('gives handlers the whole request and response of express', async () => {
    const answer = await client.get('/things/t1', { headers: { 'User-Agent': 'till', Accept: 'application/json' } });
    expect(answer.body).toEqual({ id: 't1', accepts: 'json', agent: 'till' });
  });

  it('takes a word for itself where another path has a parameter, whichever stands first', async () => {
    expect((await client.post('/things/sold')).body).toEqual({ sold: true });
    expectProblem(await client.get('/things/sold'), 405, 'method-not-allowed');
  });

  it('serves two apps at once, each with its own requests', async () => {
    const other = await serve({ never: () => Promise.reject(new Error('no')) });
    const toOther = clientOf(`http://127.0.0.1:${other.port}`);
    const [here, there] = await Promise.all([client.get('/health/ready'), toOther.get('/health/ready')]);
    expect([here.status, there.status]).toEqual([200, 503]);
    expect(there.body).toEqual({ status: 'not-ready', checks: { never: 'failing' } });
    toOther.close();
    await other.close();
  });

  it('answers HEAD as GET without the body', async () => {
    const answer = await client.raw({ method: 'HEAD', path: '/things' });
    expect([answer.status, answer.text]).toEqual([200, '']);
  });

  it.each([
    ['DELETE', '/things', 'GET, POST, HEAD'],
    ['PUT', '/things/t1', 'GET, HEAD'],
    ['OPTIONS', '/things/t1', 'GET, HEAD'],
    ['POST', '/health/live', 'GET, HEAD'],
  ])('answers %s %s with 405 and what is allowed', async (method, path, allow) => {
    const answer = await client.raw({ method, path });
    expectProblem(answer, 405, 'method-not-allowed');
    expect(answer.headers.allow).toBe(allow);
  });

  it.each(['/', '/nothing', '/Things', '/things/a/b', '/../things', '/__proto__'])('has nothing at %s', async (path) => {
    expectProblem(await client.get(path), 404, 'not-found');
  });

  it('answers a path that cannot be decoded with 400', async () => {
    expectProblem(await client.get('/things/%ZZ'), 400, 'invalid-request');
    expectProblem(await client.get('/things/%ff'), 400, 'invalid-request');
  });
});

describe('a problem', () => {
  it('is told in full, with the members that were added', async () => {
    const answer = await client.get('/refused');
    expectProblem(answer, 409, 'sold-out');
    expect(answer.body).toMatchObject({ couponId: 'c-1', detail: 'Nothing is left.', message: '남은 쿠폰 수량이 없습니다.' });
  });

  it('of the inside says nothing of it', async () => {
    const answer = await client.get('/inside');
    expectProblem(answer, 500, 'internal');
    expect(answer.text).not.toMatch(/disk|secret|Inside|\.ts/);
  });

  it('that means "try again" says when', async () => {
    const answer = await client.get('/down');
    expectProblem(answer, 503, 'unavailable');
    expect(answer.headers['retry-after']).toBe('1');
  });

  it('carries the correlation id that was sent, and a new one in place of a wrong one', async () => {
    const sent = await client.get('/refused', { headers: { 'X-Correlation-Id': 'corr-1' } });
    expect([sent.headers['x-correlation-id'], sent.body.instance]).toEqual(['corr-1', 'corr-1']);
    const made = await client.get('/refused', { headers: { 'X-Correlation-Id': 'not an id' } });
    expect(made.body.instance).toMatch(/^[0-9a-f-]{36}$/);
    expect(made.headers['x-correlation-id']).toBe(made.body.instance);
  });
});

describe('a body', () => {
  it.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"'])(
    'of type %s is read',
    async (type) => {
      const answer = await postThings('{"won":1}', { 'Content-Type': type });
      expect(answer.body).toEqual({ body: { won: 1 } });
    },
  );

  it.each(['', 'text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1', 'application/problem+json'])(
    'of type "%s" gets 415 (HT4)',
    async (type) => {
      expectProblem(await postThings('{"won":1}', type === '' ? {} : { 'Content-Type': type }), 415, 'unsupported-media-type');
    },
  );

  it('that is empty is no body, whatever its type', async () => {
    for (const headers of [{}, json, { 'Content-Type': 'text/plain' }]) {
      expect((await postThings('', headers)).body).toEqual({ body: 'none' });
    }
  });

  it('may have 16 KB and not one byte more (S6)', async () => {
    const ofBytes = (bytes: number) => JSON.stringify('x'.repeat(bytes - 2));
    expect((await postThings(ofBytes(BODY_BYTES_MAX))).status).toBe(201);
    expectProblem(await postThings(ofBytes(BODY_BYTES_MAX + 1)), 413, 'payload-too-large');
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('packed by %s is counted unpacked, and stops at the limit (HT3)', async (encoding, pack) => {
    const headers = { ...json, 'Content-Encoding': encoding };
    expect((await postThings(pack('{"won":1}'), headers)).body).toEqual({ body: { won: 1 } });
    const bomb = pack(Buffer.alloc(20_000_000, 32)).subarray(0, 16_000);
    const begun = performance.now();
    expectProblem(await postThings(bomb, headers), 413, 'payload-too-large');
    expect(performance.now() - begun).toBeLessThan(1_000);
  });

  it('in an unknown encoding gets 415', async () => {
    expectProblem(await postThings('{}', { ...json, 'Content-Encoding': 'zip' }), 415, 'unsupported-media-type');
  });

  it.each([
    ['broken JSON', '{"won":'],
    ['two values', '{} {}'],
    ['NaN', '{"won":NaN}'],
    ['a byte that is not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['a surrogate in bytes', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
  ])('with %s gets 400', async (_, body) => {
    expectProblem(await postThings(body), 400, 'invalid-request');
  });

  it('nested as deep as 16 KB allow is parsed (HT5)', async () => {
    const body = `${'['.repeat(8_000)}${']'.repeat(8_000)}`;
    const answer = await client.raw({ method: 'POST', path: '/types', headers: json, body });
    expect(answer.body).toEqual({ type: 'object' });
  });
});

describe('headers of every answer', () => {
  it('guard the browser and name no software (S16)', async () => {
    const { headers } = await client.get('/things');
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff' });
    expect(headers).not.toHaveProperty('x-powered-by');
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  });
});

describe('health', () => {
  it('is live while a part is down, and ready when every part answers', async () => {
    const down = new Set<string>();
    const own = await serve({
      store: async () => {
        if (down.has('store')) throw new Error('password=hunter2');
      },
    });
    const toOwn = clientOf(`http://127.0.0.1:${own.port}`);
    expect((await toOwn.get('/health/ready')).body).toEqual({ status: 'ready', checks: { store: 'ok' } });
    down.add('store');
    const answer = await toOwn.get('/health/ready');
    expect([answer.status, answer.body]).toEqual([503, { status: 'not-ready', checks: { store: 'failing' } }]);
    expect((await toOwn.get('/health/live')).body).toEqual({ status: 'live' });
    toOwn.close();
    await own.close();
  });

  it('calls a part that does not answer within 2 s failing', async () => {
    const own = await serve({ hanging: () => new Promise(() => undefined) });
    const toOwn = clientOf(`http://127.0.0.1:${own.port}`);
    const begun = performance.now();
    expect((await toOwn.get('/health/ready')).status).toBe(503);
    expect(performance.now() - begun).toBeLessThan(3_000);
    toOwn.close();
    await own.close();
  });
});
