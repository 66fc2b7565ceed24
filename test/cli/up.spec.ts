import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { Shop } from '../../src/cli/shopFile.ts';
import { isAlive } from '../../src/platform/owner.ts';
import { type Started, startScript, until, untilGone } from '../support/processes.ts';

jest.setTimeout(90_000);

const START_MAX_MS = 60_000;
const ANY_PORTS = Object.fromEntries(
  ['EDGE', 'COMMAND', 'QUERY', 'GRPC', 'PROJECTOR', 'EVENTSTORE', 'POSTGRES'].map((name) => [`${name}_PORT`, '0']),
);

let dataDir = '';
let started: Started[] = [];

beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'till-up-'));
  chmodSync(dataDir, 0o755);
});

afterAll(async () => {
  for (const shop of started) shop.child.kill('SIGTERM');
  await Promise.all(started.map((shop) => shop.ended));
  rmSync(dataDir, { recursive: true, force: true });
});

const startShop = async (): Promise<Started> => {
  const shop = startScript('src/cli/main.ts', ['up'], { DATA_DIR: dataDir, ...ANY_PORTS });
  started = [...started, shop];
  await until(() => shop.out().includes('\ncurl') || shop.child.exitCode !== null, START_MAX_MS);
  expect(shop.err()).not.toMatch(/died|incomplete|starting it again/);
  return shop;
};

const readShop = (): Shop => JSON.parse(readFileSync(join(dataDir, 'run', 'shop.json'), 'utf8')) as Shop;
const pidOf = (name: string): number => readShop().processes.find((one) => one.name === name)?.pid ?? -1;
const serverPid = (): number => Number(readFileSync(join(dataDir, 'pg18', 'postmaster.pid'), 'utf8').split('\n')[0]);
const everyPid = (): number[] => [...readShop().processes.map(({ pid }) => pid), serverPid()];
const shell = async (line: string): Promise<unknown> => JSON.parse((await promisify(execFile)('sh', ['-c', line])).stdout);

/** The answer as soon as there is one: the query API may just be coming back. */
const balance = (): Promise<{ balance: number }> =>
  until(async () => {
    const answer = await fetch(`${readShop().urls.edge}/users/u1/balance`).catch(() => null);
    return answer?.ok === true && ((await answer.json()) as { balance: number });
  });

const charge = async (key: string): Promise<number> => {
  try {
    const answer = await fetch(`${readShop().urls.edge}/users/u1/balance`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: '{"amount":1000}',
    });
    return answer.status;
  } catch {
    return 0;
  }
};

it('prints one ready line and three lines to try, which work', async () => {
  const shop = await startShop();
  const lines = shop.out().split('\n');
  const http = String.raw`http://127\.0\.0\.1:\d+`;
  expect(lines.filter((line) => line.startsWith('ready '))).toEqual([
    expect.stringMatching(
      new RegExp(
        `^ready edge=${http} commands=${http} queries=${http} grpc=127\\.0\\.0\\.1:\\d+ eventstore=esdb://127\\.0\\.0\\.1:\\d+\\?tls=false postgres=postgres://app:\\*\\*\\*@127\\.0\\.0\\.1:\\d+/till$`,
      ),
    ),
  ]);
  const [first = '', second = '', third = ''] = lines.filter((line) => line.startsWith('curl '));
  expect(await shell(first)).toEqual({ userId: 'u1', balance: 10_000 });
  expect(await shell(second)).toMatchObject({ userId: 'u1', totalAmount: 2_000, status: 'placed' });
  expect(await shell(third)).toMatchObject({ userId: 'u1', balance: 8_000 });
});

it('says where everything runs', () => {
  const { processes, urls } = readShop();
  expect(processes.map(({ name }) => name)).toEqual(expect.arrayContaining(['postgres', 'event-store', 'projector', 'api']));
  expect(Object.keys(urls).sort((a, b) => a.localeCompare(b))).toEqual(['commands', 'edge', 'eventStore', 'grpc', 'postgres', 'queries']);
});

it.each(['api', 'projector', 'event-store', 'postgres'])('charges once, with the client sending again, when %s is killed', async (name) => {
  const before = await balance();
  const pid = pidOf(name);
  process.kill(pid, 'SIGKILL');
  await untilGone(pid);
  await until(async () => (await charge(`after-${name}`)) === 201, 20_000);
  await until(async () => (await balance()).balance === before.balance + 1_000, 20_000);
  expect(await charge(`after-${name}`)).toBe(201);
  await until(() => pidOf(name) !== -1 && pidOf(name) !== pid);
});

it('stops on SIGTERM with status 0 and leaves nothing behind; a second start continues with the data', async () => {
  const [shop] = started;
  const before = await balance();
  const pids = everyPid();
  shop?.child.kill('SIGTERM');
  expect(await shop?.ended).toBe(0);
  expect(pids.filter(isAlive)).toEqual([]);
  expect(existsSync(join(dataDir, 'run', 'shop.json'))).toBe(false);
  await startShop();
  expect(await balance()).toEqual(before);
});

it('leaves nothing behind when it is killed itself, the server of Postgres included', async () => {
  const shop = started.at(-1);
  const pids = everyPid();
  shop?.child.kill('SIGKILL');
  await shop?.ended;
  await Promise.all(pids.map((pid) => untilGone(pid)));
});
