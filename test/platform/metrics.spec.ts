import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createApp, type Listening, listen } from '../../src/platform/http.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { type Client, clientOf } from '../support/client.ts';
import { until } from '../support/processes.ts';
import { silentLog } from '../support/silentLog.ts';

const metrics = createMetrics();
let server: Listening;
let client: Client;
let slowOnes = 0;
beforeAll(async () => {
  const table = {
    'GET /users/:userId/things': (_req, res) => void res.json([]),
    'POST /slow': async (_req, res) => {
      slowOnes += 1;
      await sleep(300);
      res.json({});
    },
  } satisfies Parameters<typeof createApp>[0]['tables'][number];
  server = await listen(createApp({ log: silentLog, tables: [table], health: {}, metrics }), '127.0.0.1', 0);
  client = clientOf(`http://127.0.0.1:${server.port}`);
});
afterAll(async () => {
  client.close();
  await server.close();
});

const counted = (labels: string): Promise<true> =>
  until(async () => (await client.get('/metrics')).text.includes(`till_http_request_duration_seconds_count{${labels}}`));

describe('measured requests', () => {
  it('stand under the template of their route, so that no id makes a series', async () => {
    for (const user of ['u1', 'u2']) await client.get(`/users/${user}/things`);
    await counted('route="/users/:userId/things",method="GET",status="200"');
    const { text } = await client.get('/metrics');
    expect(text).toContain('till_http_request_duration_seconds_count{route="/users/:userId/things",method="GET",status="200"} 2');
    expect(text).not.toMatch(/u1|u2/);
  });

  it('that no route takes stand under one name', async () => {
    for (const path of ['/a', '/b', '/c/d']) await client.get(path);
    await client.raw({ method: 'PROPFIND', path: '/e' });
    await counted('route="none",method="GET",status="404"');
    await counted('route="none",method="other",status="404"');
  });

  it('that their client gave up are told apart from those that were answered', async () => {
    const socket = net.connect(server.port, '127.0.0.1', () =>
      socket.write('POST /slow HTTP/1.1\r\nHost: till\r\nContent-Length: 0\r\n\r\n'),
    );
    await until(() => slowOnes === 1);
    socket.destroy();
    await counted('route="/slow",method="POST",status="client left"');
  });

  it('come with those of the process, in the format of Prometheus', async () => {
    const { headers, text } = await client.get('/metrics');
    expect(headers['content-type']).toMatch(/^text\/plain; version=/);
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
    expect(text).toMatch(/^nodejs_eventloop_lag_seconds /m);
    for (const line of text.split('\n').filter(Boolean)) expect(line).toMatch(/^(#|[a-z_][a-z0-9_]*(\{.*\})? \S+$)/);
  });

  it('of two processes in one do not mix', async () => {
    expect(await createMetrics().registry.metrics()).not.toContain('/users/:userId/things');
  });
});
