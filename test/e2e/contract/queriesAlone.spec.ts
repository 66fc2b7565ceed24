import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { type Answer, type Client, clientOf, expectProblem } from '../../support/client.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { type Started, startScript, until, untilGone } from '../../support/processes.ts';
import { type Calls, type Coupon, callsOf, type PlacedOrder } from '../../support/shop.ts';

jest.setTimeout(90_000);

const START_MAX_MS = 30_000;

let folder = '';
let database: TestDatabase;
let storeUrl = '';
const running: Partial<Record<'event-store' | 'projector' | 'command-api' | 'query-api', Started>> = {};
let commands: Calls & Readonly<{ client: Client }>;
let queries: Calls & Readonly<{ client: Client }>;

/** A process that logs where it listens: the port it says. */
const start = async (name: 'projector' | 'command-api' | 'query-api', port: string, env: Readonly<Record<string, string>>) => {
  const started = startScript('src/cli/main.ts', [name], { DATA_DIR: folder, DATABASE_URL: database.url, ...env });
  running[name] = started;
  const ports = /"ports":\{"(\w+)":(\d+)/;
  await until(() => ports.test(started.out()) || started.child.exitCode !== null, START_MAX_MS);
  const [, said, number] = ports.exec(started.out()) ?? [];
  expect([name, said, started.err()]).toEqual([name, port, '']);
  return `http://127.0.0.1:${number}`;
};

/** On port 0 at first, and on the same port again afterwards. */
const startStore = async (): Promise<void> => {
  const port = storeUrl === '' ? '0' : (/:(\d+)\?/.exec(storeUrl)?.[1] ?? '');
  const started = startScript('src/cli/main.ts', ['event-store'], { DATA_DIR: folder, EVENTSTORE_PORT: port });
  running['event-store'] = started;
  const line = await until(() => /^ready (esdb:\S+)/m.exec(started.out())?.[1], START_MAX_MS);
  storeUrl = line;
};

const startCommands = async (): Promise<void> => {
  const env = { COMMAND_PORT: '0', GRPC_PORT: '0', EVENTSTORE_URL: storeUrl, ENABLE_TEST_ENDPOINTS: '1' };
  const client = clientOf(await start('command-api', 'command', env));
  commands = { ...callsOf(client), client };
  await until(async () => (await client.get('/health/ready')).status === 200, START_MAX_MS);
};

const kill = async (name: keyof typeof running): Promise<void> => {
  const { child, pid } = running[name] as Started;
  child.kill('SIGKILL');
  await untilGone(pid);
};

let first: Readonly<{ charge: Answer; coupon: Answer<Coupon>; order: Answer<PlacedOrder> }>;
/** The same three requests under the same keys, whenever they are sent. */
const shopping = async (policyId: string) => {
  const charge: Answer<unknown> = await commands.charge('ann', 10_000, { key: 'k' });
  const coupon = await commands.issue('ann', policyId, { key: 'k' });
  const order = await commands.order('ann', { tea: 2 }, coupon.body.couponId, { key: 'k' });
  return { charge: charge as Answer, coupon, order };
};

let policyId = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'till-alone-'));
  database = await createTestDatabase();
  await startStore();
  await start('projector', 'projector', { PROJECTOR_PORT: '0', EVENTSTORE_URL: storeUrl });
  const client = clientOf(await start('query-api', 'query', { QUERY_PORT: '0' }));
  queries = { ...callsOf(client), client };
  await startCommands();
  await commands.createProduct({ id: 'tea', price: 1_000, stock: 10 });
  policyId = (await commands.createPolicy()).body.policyId;
  first = await shopping(policyId);
}, 90_000);
afterAll(async () => {
  queries.client.close();
  commands.client.close();
  for (const { child, ended } of Object.values(running)) {
    child.kill('SIGTERM');
    await ended;
  }
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

const expectAnswers = async (): Promise<void> => {
  const after = { after: first.order };
  expect((await queries.balance('ann', after)).body).toEqual({ userId: 'ann', balance: 8_500, held: 0 });
  expect((await queries.coupons('ann', after)).body).toMatchObject([{ status: 'used' }]);
  expect((await queries.orderById(first.order.body.orderId, after)).body).toMatchObject({ status: 'placed', totalAmount: 1_500 });
  for (const path of ['/products', '/products/top', '/products/top/realtime', '/coupon-policies', '/users/id?name=u1']) {
    expect([path, (await queries.client.get(path, after)).status]).toEqual([path, 200]);
  }
  expect((await queries.client.get('/health/ready')).status).toBe(200);
};

it('the query API, which nobody told of an event store, answers while that is up', expectAnswers);

it('it answers, and is ready, while the event store is killed; commands say that their outcome is not known', async () => {
  await kill('event-store');
  await expectAnswers();
  expectProblem(await commands.charge('ann', 1), 503, 'unavailable');
  expect((await commands.client.get('/health/live')).status).toBe(200);
});

it('it answers while the command API is killed, too', async () => {
  await kill('command-api');
  await expectAnswers();
});

it('after both were killed and started again every key answers as before, and nothing has happened twice (R31, I23)', async () => {
  await startStore();
  await startCommands();
  const again = await shopping(policyId);
  for (const name of ['charge', 'coupon', 'order'] as const) {
    expect([name, again[name].status, again[name].text]).toEqual([name, first[name].status, first[name].text]);
    expect(again[name].headers['idempotent-replayed']).toBe('true');
  }
  expectProblem(await commands.charge('ann', 9_999, { key: 'k' }), 422, 'key-reused');
  await expectAnswers();
  const later = await commands.charge('ann', 1);
  expect((await queries.balance('ann', { after: later })).body).toEqual({ userId: 'ann', balance: 8_501, held: 0 });
});
