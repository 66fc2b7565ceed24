import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { inventoryStream } from '../../../src/domain/inventory.ts';
import { StoreUnavailable, WrongRevision } from '../../../src/platform/eventStore/eventStore.ts';
import { commandsWithFaults, type FaultyCommands, unanswered } from '../../support/faultyCommands.ts';
import { type Case, expectCase, type Fault } from '../../support/problemCases.ts';
import { until } from '../../support/processes.ts';
import { newProduct, newUser, startShop, type TestShop } from '../../support/shop.ts';

let shop: TestShop;
let product: string;
/** Processes whose appends fail in one way each. */
const faulty: Record<'noVerdict' | 'silent' | 'outrun' | 'away' | 'broken', FaultyCommands> = {} as never;
/** Orders whose own requests still wait for an outcome. */
const leftOpen: Promise<unknown>[] = [];
beforeAll(async () => {
  shop = await startShop();
  product = await newProduct(shop, 1_000);
  faulty.noVerdict = await commandsWithFaults(shop, (append) => (stream, ...rest) => {
    return (stream === inventoryStream ? unanswered : append)(stream, ...rest);
  });
  faulty.silent = await commandsWithFaults(shop, () => unanswered);
  // Its reads find nothing, at once: what ends it is the number of its attempts, not the time they take.
  const alwaysSlower = () => () => Promise.reject(new WrongRevision('another was faster'));
  faulty.outrun = await commandsWithFaults(shop, alwaysSlower, () => Promise.resolve([]));
  faulty.away = await commandsWithFaults(shop, () => () => Promise.reject(new StoreUnavailable('away')));
  faulty.broken = await commandsWithFaults(shop, () => () => Promise.reject(new TypeError('at /srv/secret.ts: password=hunter2')));
});
afterAll(async () => {
  await Promise.all(leftOpen);
  await Promise.all(Object.values(faulty).map((process) => process.stop()));
  await shop.stop();
});

const POSITION_MAX = String(2n ** 63n - 1n);

/** Every problem that tells of a fault or of too much: when it is told, with which status and message. */
const problems: Readonly<Record<Fault, readonly Case[]>> = {
  'too-many-open-orders': [
    [
      'the 21st',
      { status: 429 },
      async () => {
        const userId = await newUser(shop, 100_000);
        for (let i = 0; i < 20; i += 1) leftOpen.push(faulty.noVerdict.order(userId, { [product]: 1 }));
        await until(async () => (await shop.balance(userId)).body.held === 20_000);
        return shop.order(userId, { [product]: 1 });
      },
    ],
  ],
  'too-many-requests': [
    [
      'the 3rd of two',
      { status: 429 },
      async () => {
        const limited = await shop.anotherCommandApi({ RATE_LIMIT_REQUESTS: '2' });
        for (let i = 0; i < 2; i += 1) expect((await limited.charge('bob', 1)).status).toBe(201);
        return limited.charge('bob', 1);
      },
    ],
  ],
  overloaded: [
    [
      'behind an append without an answer for too long',
      { status: 503 },
      async () => {
        const first = faulty.silent.charge('queued', 1);
        const second = await faulty.silent.charge('queued', 1);
        await first;
        return second;
      },
    ],
  ],
  'read-model-behind': [['ahead of the log', { status: 503 }, () => shop.balance('ann', { headers: { 'Read-After': POSITION_MAX } })]],
  contended: [['others always faster', { status: 503 }, () => faulty.outrun.charge('ann', 1)]],
  unavailable: [
    ['an append without an answer', { status: 503 }, () => faulty.silent.charge('ann', 1)],
    ['a store that is away', { status: 503 }, () => faulty.away.charge('ann', 1)],
  ],
  internal: [['a bug', { status: 500, message: '서버 오류가 발생했습니다.' }, () => faulty.broken.charge('ann', 1)]],
};

describe.each(Object.entries(problems))('%s (D15)', (name, cases) => {
  it.each(cases)('%s', async (_, expected, provoke) => expectCase(name, expected, await provoke()));
});
