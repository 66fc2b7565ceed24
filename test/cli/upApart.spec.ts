import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Shop } from '../../src/cli/shopFile.ts';
import { type Answer, type Client, clientOf } from '../support/client.ts';
import { type Started, startScript, until, untilGone } from '../support/processes.ts';

jest.setTimeout(90_000);

const START_MAX_MS = 60_000;
/** Callers at once, each with an account of its own, and how long they go on. */
const CALLERS = 16;
const TRAFFIC_MS = 6_000;
const AMOUNT = 10;

const ANY_PORTS = Object.fromEntries(
  ['EDGE', 'COMMAND', 'QUERY', 'GRPC', 'PROJECTOR', 'EVENTSTORE', 'POSTGRES'].map((name) => [`${name}_PORT`, '0']),
);

let dataDir = '';
let shop: Started;
let client: Client;
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'till-apart-'));
  chmodSync(dataDir, 0o755);
  shop = startScript('src/cli/main.ts', ['up', '--command-apis', '2', '--query-apis', '2'], { DATA_DIR: dataDir, ...ANY_PORTS });
  await until(() => shop.out().includes('\ncurl') || shop.child.exitCode !== null, START_MAX_MS);
  client = clientOf(readShop().urls.edge ?? '');
});
afterAll(async () => {
  client.close();
  shop.child.kill('SIGTERM');
  await shop.ended;
  rmSync(dataDir, { recursive: true, force: true });
});

const readShop = (): Shop => JSON.parse(readFileSync(join(dataDir, 'run', 'shop.json'), 'utf8')) as Shop;
const processOf = (name: string) => readShop().processes.find((one) => one.name === name);
const portOf = (name: string, kind: 'command' | 'query'): number => processOf(name)?.ports[kind] ?? 0;

/** One charge under its key, sent until its outcome is known; how often it was unknown. */
const chargeUntilKnown = async (userId: string, key: string): Promise<number> => {
  for (let unknown = 0; ; unknown += 1) {
    const answer: Answer = await client.post(`/users/${userId}/balance`, { amount: AMOUNT }, { key });
    if (answer.status === 201) return unknown;
    expect([answer.status, answer.body.type]).toEqual([503, '/problems/unavailable']);
    await sleep(50);
  }
};

describe('a shop of several processes', () => {
  it('names them, and the edge is what callers reach', () => {
    const names = readShop().processes.map(({ name }) => name);
    expect(names.sort()).toEqual([
      'command-api-1',
      'command-api-2',
      'edge',
      'event-store',
      'postgres',
      'projector',
      'query-api-1',
      'query-api-2',
    ]);
    expect(readShop().urls).toMatchObject({
      commands: `http://127.0.0.1:${portOf('command-api-1', 'command')}`,
      queries: `http://127.0.0.1:${portOf('query-api-1', 'query')}`,
    });
  });

  it('works by all of them', async () => {
    for (let i = 0; i < 8; i += 1) {
      const charged = await client.post('/users/ann/balance', { amount: AMOUNT });
      expect((await client.get('/users/ann/balance', { after: charged })).body).toMatchObject({ balance: AMOUNT * (i + 1) });
    }
    const ports = [1, 2].flatMap((n) => [portOf(`command-api-${n}`, 'command'), portOf(`query-api-${n}`, 'query')]);
    for (const port of ports) {
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      expect(metrics).toMatch(/till_http_request_duration_seconds_count\{route="\/users\/:userId\/balance",[^}]*\} [1-9]/);
    }
  });

  it('goes on while one of two command APIs is killed under traffic, and every charge counts once', async () => {
    const victim = processOf('command-api-2')?.pid ?? -1;
    const end = performance.now() + TRAFFIC_MS;
    const callers = Array.from({ length: CALLERS }, async (_, caller) => {
      let charges = 0;
      let unknown = 0;
      for (; performance.now() < end; charges += 1) unknown += await chargeUntilKnown(`caller-${caller}`, `key-${charges}`);
      return { charges, unknown };
    });
    await sleep(TRAFFIC_MS / 3);
    process.kill(victim, 'SIGKILL');
    const outcomes = await Promise.all(callers);
    // At most what was under way in the dead process has no answer; nobody is turned away for longer.
    expect(Math.max(...outcomes.map(({ unknown }) => unknown))).toBeLessThanOrEqual(1);
    const last = await client.post('/users/last/balance', { amount: AMOUNT });
    for (const [caller, { charges }] of outcomes.entries()) {
      expect(charges).toBeGreaterThan(0);
      const { body } = await client.get(`/users/caller-${caller}/balance`, { after: last });
      expect([caller, body.balance]).toEqual([caller, charges * AMOUNT]);
    }
    const restarted = await until(() => processOf('command-api-2')?.pid !== victim && processOf('command-api-2'));
    expect(restarted.ports.command).toBeGreaterThan(0);
    await until(async () => (await fetch(`http://127.0.0.1:${restarted.ports.command}/health/ready`).catch(() => null))?.ok);
  });

  it('answers queries by the other while one query API is killed', async () => {
    process.kill(processOf('query-api-1')?.pid ?? -1, 'SIGKILL');
    for (let i = 0; i < 100; i += 1) expect((await client.get('/users/ann/balance')).status).toBe(200);
  });

  it('ends with status 0, and nobody is left', async () => {
    const pids = readShop().processes.map(({ pid }) => pid);
    shop.child.kill('SIGTERM');
    expect(await shop.ended).toBe(0);
    for (const pid of pids) await untilGone(pid, 2_000);
  });
});
