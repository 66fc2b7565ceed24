import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import type { Shop } from '../../src/cli/shopFile.ts';
import { isAlive } from '../../src/platform/owner.ts';
import { type Started, startScript, until, untilGone } from '../support/processes.ts';

jest.setTimeout(40_000);

let dataDir = '';
let started: Started[] = [];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'till-shop-'));
  started = [];
});

afterEach(async () => {
  for (const shop of started) shop.child.kill('SIGTERM');
  await Promise.all(started.map((shop) => shop.ended));
  rmSync(dataDir, { recursive: true, force: true });
});

const startShop = (children: readonly string[], env: NodeJS.ProcessEnv = {}): Started => {
  const shop = startScript('test/cli/fixtures/shop.ts', children, { DATA_DIR: dataDir, EDGE_PORT: '0', ...env });
  started.push(shop);
  return shop;
};

const shopFile = (folder = dataDir): string => join(folder, 'run', 'shop.json');
const readShop = (folder = dataDir): Shop => JSON.parse(readFileSync(shopFile(folder), 'utf8')) as Shop;
const pidsOf = (shop: Shop): number[] => shop.processes.map(({ pid }) => pid);
const listening = (shop: Started): Promise<boolean> => until(() => shop.out().includes('up'));
const answers = async (url: string): Promise<boolean> => {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
};

it('writes who runs where, for its owner only', async () => {
  const shop = startShop(['one:serve']);
  await listening(shop);
  const { processes, urls, startedAt } = readShop();
  expect(processes.map(({ name }) => name)).toEqual(['one']);
  expect(urls.edge).toBe(`http://127.0.0.1:${processes[0]?.ports.edge}`);
  expect(Date.parse(startedAt)).toBeGreaterThan(0);
  expect(statSync(shopFile()).mode & 0o777).toBe(0o600);
  expect(await answers(urls.edge ?? '')).toBe(true);
});

it('starts a killed child again within 2 s on the port it had', async () => {
  const shop = startShop(['one:serve']);
  await listening(shop);
  const before = readShop();
  const [pid = 0] = pidsOf(before);
  process.kill(pid, 'SIGKILL');
  await untilGone(pid);
  const killedAt = performance.now();
  await until(() => pidsOf(readShop()).some((now) => now !== pid) && answers(before.urls.edge ?? ''));
  expect(performance.now() - killedAt).toBeLessThan(2_000);
  expect(readShop().urls).toEqual(before.urls);
  expect(shop.err()).toContain(`one: process ${pid} ended with SIGKILL, starting it again`);
});

it('starts a killed child later while another of its kind takes over its work', async () => {
  const shop = startShop(['api-1:serve', 'api-2:serve', 'other:serve']);
  await listening(shop);
  const [first = 0, second = 0] = pidsOf(readShop());
  process.kill(second, 'SIGKILL');
  await untilGone(second);
  const killedAt = performance.now();
  await until(() => pidsOf(readShop()).length === 3);
  expect(performance.now() - killedAt).toBeGreaterThan(1_000);
  expect(pidsOf(readShop())[0]).toBe(first);
});

it('gives up after 5 deaths in a minute, with the end of the log, and stops the others', async () => {
  const shop = startShop(['one:serve', 'two:die']);
  expect(await shop.ended).toBe(1);
  expect(shop.err()).toContain('two ended with status 3, 5 time(s) in a minute');
  expect(shop.err()).toContain('"msg":"ready"');
  expect(existsSync(shopFile())).toBe(false);
});

it('ends a child whose promise nobody handles, with a log line, and starts it again (PR2, S20)', async () => {
  const shop = startShop(['one:reject']);
  await until(() => shop.err().includes('one: process'));
  expect(readFileSync(join(dataDir, 'logs', 'one.log'), 'utf8')).toMatch(/"level":60.*nobody handles this.*"msg":"unhandledRejection"/);
});

it.each(['SIGINT', 'SIGTERM'] as const)('stops everything on %s with status 0', async (signal) => {
  const shop = startShop(['one:serve', 'two:serve']);
  await listening(shop);
  const pids = pidsOf(readShop());
  expect(pids).toHaveLength(2);
  shop.child.kill(signal);
  expect(await shop.ended).toBe(0);
  expect(pids.filter(isAlive)).toEqual([]);
  expect(existsSync(shopFile())).toBe(false);
});

it('takes a signal that comes twice at once for one, and a later one as force', async () => {
  const shop = startShop(['one:hang']);
  await listening(shop);
  const pids = pidsOf(readShop());
  shop.child.kill('SIGTERM');
  shop.child.kill('SIGINT');
  await new Promise((wake) => setTimeout(wake, 1_200));
  expect(pids.filter(isAlive)).toEqual(pids);
  const askedAt = performance.now();
  shop.child.kill('SIGINT');
  expect(await shop.ended).toBe(1);
  expect(performance.now() - askedAt).toBeLessThan(1_000);
  await Promise.all(pids.map((pid) => untilGone(pid)));
});

it('ends a child that does not stop, within 10 s', async () => {
  const shop = startShop(['one:hang']);
  await listening(shop);
  const [pid = 0] = pidsOf(readShop());
  const askedAt = performance.now();
  shop.child.kill('SIGTERM');
  expect(await shop.ended).toBe(0);
  expect(performance.now() - askedAt).toBeLessThan(10_000);
  expect(isAlive(pid)).toBe(false);
});

it('leaves no child behind when it is killed itself, and starts on the same folder again', async () => {
  const shop = startShop(['one:serve', 'two:serve']);
  await listening(shop);
  const pids = pidsOf(readShop());
  shop.child.kill('SIGKILL');
  await shop.ended;
  await Promise.all(pids.map((pid) => untilGone(pid)));
  const again = startShop(['one:serve']);
  await listening(again);
  expect(readShop().processes).toHaveLength(1);
});

it('refuses a folder that another shop holds, and says which', async () => {
  const first = startShop(['one:serve']);
  await listening(first);
  const edge = readShop().urls.edge;
  const second = startShop(['one:serve']);
  expect(await second.ended).toBe(1);
  expect(second.err()).toContain(`is held by the shop of process ${first.pid}, ${edge}`);
  expect(await answers(edge ?? '')).toBe(true);
});

it('runs beside another shop with a folder of its own', async () => {
  const other = mkdtempSync(join(tmpdir(), 'till-shop-'));
  await Promise.all([listening(startShop(['one:serve'])), listening(startShop(['one:serve'], { DATA_DIR: other }))]);
  expect(readShop().urls.edge).not.toBe(readShop(other).urls.edge);
  for (const shop of started) shop.child.kill('SIGTERM');
  await Promise.all(started.map((shop) => shop.ended));
  rmSync(other, { recursive: true });
});

it('names a taken port and its variable', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await new Promise((ready) => holder.once('listening', ready));
  const { port } = holder.address() as AddressInfo;
  const shop = startShop(['one:serve'], { EDGE_PORT: String(port) });
  expect(await shop.ended).toBe(1);
  expect(shop.err()).toContain(`one: port ${port} is taken: set EDGE_PORT to a free one, or to 0 for any`);
  holder.close();
});

it('does not start a child whose configuration is wrong again', async () => {
  const script = join(dataDir, 'wrong.mjs');
  writeFileSync(script, 'process.stderr.write("LOG_LEVEL must be …"); process.exit(2);');
  const shop = startScript('test/cli/fixtures/oneModule.ts', [script], { DATA_DIR: dataDir });
  expect(await shop.ended).toBe(1);
  expect(shop.err()).toContain('one ended with status 2, 1 time(s) in a minute');
  expect(shop.err()).toContain('LOG_LEVEL must be …');
});
