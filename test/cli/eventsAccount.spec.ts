import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { type AccountEvent, accountFold, accountStream, charge, settleOrder, submitOrder } from '../../src/domain/account.ts';
import type { CommandId, Fingerprint, OrderId, ProductId, UserId } from '../../src/domain/ids.ts';
import type { Decision } from '../../src/domain/kernel.ts';
import type { Won } from '../../src/domain/money.ts';
import { createEsdbEventStore } from '../../src/platform/eventStore/esdbEventStore.ts';
import type { EventStore, Position } from '../../src/platform/eventStore/eventStore.ts';
import { startTestEventStore } from '../support/eventStore.ts';
import { type Answer, till } from '../support/processes.ts';

jest.setTimeout(60_000);

const ann = 'ann' as UserId;
const fingerprint = 'f' as Fingerprint;
let server: Awaited<ReturnType<typeof startTestEventStore>>;
let store: EventStore;
/** Where the log ended after each step of the account, and what it held then. */
const moments: Readonly<{ at: Position; balance: number; held: number; events: number }>[] = [];

const account = (...args: readonly string[]): Promise<Answer> => till(['events', 'account', ...args], { EVENTSTORE_URL: server.url });
const linesOf = ({ out }: Answer): Record<string, unknown>[] =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const chargeOf = (id: string, amount: number) => charge({ chargeId: id as CommandId, fingerprint, amount: amount as Won, at: 1 });
const orderOf = (id: string, price: number) => {
  const [unitPrice, discount] = [price as Won, 0 as Won];
  const lines = [{ productId: 'p1' as ProductId, name: 'thing', quantity: 1, unitPrice }];
  const cost = { lines, subtotal: unitPrice, discount, totalAmount: unitPrice };
  return submitOrder({ ...cost, orderId: id as OrderId, fingerprint, userId: ann, coupon: null, ledgerSeen: 0, at: 2 });
};

const STEPS: readonly ((state: typeof accountFold.initial) => Decision<AccountEvent, unknown>)[] = [
  chargeOf('c1', 10_000),
  orderOf('o1', 3_000),
  settleOrder({ orderId: 'o1' as OrderId, verdict: 'taken', at: 3 }),
  orderOf('o2', 4_000),
  settleOrder({ orderId: 'o2' as OrderId, verdict: 'out-of-stock', at: 4 }),
  chargeOf('c2', 500),
];
const EXPECTED = [
  [10_000, 0],
  [7_000, 3_000],
  [7_000, 0],
  [3_000, 4_000],
  [7_000, 0],
  [7_500, 0],
] as const;

const append = async (stream: string, events: readonly Readonly<{ type: string; data: unknown }>[], after: bigint) => {
  const metadata = { commandId: 'c', correlationId: 'c', causationId: 'c', actor: 'test' };
  return store.append(
    stream,
    events.map((event) => ({ ...event, id: randomUUID(), metadata })),
    after,
  );
};

beforeAll(async () => {
  server = await startTestEventStore();
  store = createEsdbEventStore(server.url);
  let state = accountFold.initial;
  let revision = -1n;
  for (const [i, step] of STEPS.entries()) {
    const { events } = step(state);
    state = events.reduce(accountFold.evolve, state);
    ({ revision } = await append(accountStream(ann), events, revision));
    // Between two steps others are busy: a position need not be one of this account's events.
    const { position } = await append('elsewhere', [{ type: 'Happened', data: i }], BigInt(i) - 1n);
    const [balance, held] = EXPECTED[i] ?? [0, 0];
    moments.push({ at: position, balance, held, events: Number(revision) + 1 });
  }
});

afterAll(async () => {
  await store.close();
  await server.stop();
});

it('tells what an account held at each moment, and by which events', async () => {
  const seen = await Promise.all(moments.map(({ at }) => account('ann', '--at', String(at), '--json')));
  for (const [i, { at, balance, held, events }] of moments.entries()) {
    const answer = seen[i] as Answer;
    const lines = linesOf(answer);
    expect([answer.status, answer.err, lines.at(-1)]).toEqual([0, '', { userId: 'ann', at: String(at), balance, held }]);
    expect(lines.slice(0, -1).map(({ stream, revision }) => `${stream}@${revision}`)).toEqual(
      Array.from({ length: events }, (_, revision) => `account-ann@${revision}`),
    );
  }
});

it('counts an event at the position of the event itself, and not just before', async () => {
  const [second] = await store.readStream(accountStream(ann), 1n, { maxCount: 1 });
  const position = second?.position ?? 0n;
  const [at, before] = await Promise.all([
    account('ann', '--at', `${position}`, '--json'),
    account('ann', '--at', `${position - 1n}`, '--json'),
  ]);
  expect(linesOf(at).at(-1)).toMatchObject({ balance: 7_000, held: 3_000 });
  expect(linesOf(before).at(-1)).toMatchObject({ balance: 10_000, held: 0 });
});

it('tells how it stands now when it is given no position', async () => {
  const answer = await account('ann', '--json');
  const head = await store.head();
  expect(linesOf(answer).at(-1)).toEqual({ userId: 'ann', at: String(head), balance: 7_500, held: 0 });
});

it('prints lines for people without --json', async () => {
  const { status, out } = await account('ann', '--at', String(moments[1]?.at));
  const lines = out.trimEnd().split('\n');
  expect([status, lines.length]).toEqual([0, 3]);
  expect(lines[0]).toMatch(/^\d+ \S+Z account-ann@0 BalanceCharged \{.*"amount":10000,.*\}$/);
  expect(lines[2]).toBe(`ann at ${moments[1]?.at}: balance 7000, held 3000`);
});

it('knows nothing of a stranger, and of anybody before the first event: no events, balance 0', async () => {
  const [stranger, early] = await Promise.all([account('bob', '--json'), account('ann', '--at', '0', '--json')]);
  expect([stranger.status, linesOf(stranger)]).toEqual([0, [{ userId: 'bob', at: expect.any(String), balance: 0, held: 0 }]]);
  expect([early.status, linesOf(early)]).toEqual([0, [{ userId: 'ann', at: '0', balance: 0, held: 0 }]]);
});

it('refuses a position that is none with status 2, and one that the log has not reached with status 1', async () => {
  const [wrong, future] = await Promise.all([account('ann', '--at', '12x'), account('ann', '--at', '9000000000000000000')]);
  expect([wrong.status, wrong.out]).toEqual([2, '']);
  expect(wrong.err).toBe('--at must be a whole number from 0 to 9223372036854775807, not "12x"; see "till events --help"\n');
  expect([future.status, future.out]).toEqual([1, '']);
  expect(future.err).toMatch(/the log ends at position \d+ and has not reached 9000000000000000000/);
});

it('says so when it is too old for an event, and tells no balance', async () => {
  await append(accountStream('new' as UserId), [{ type: 'FromTheFuture', data: {} }], -1n);
  const { status, out, err } = await account('new');
  expect([status, out.includes('balance')]).toEqual([1, false]);
  expect(err).toContain('no event is called FromTheFuture');
});
