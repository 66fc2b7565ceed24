import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, jest } from '@jest/globals';
import { startCommandApi } from '../../src/commands/main.ts';
import { startApi } from '../../src/edge/main.ts';
import { parseConfig } from '../../src/platform/config.ts';
import { createEsdbEventStore } from '../../src/platform/eventStore/esdbEventStore.ts';
import type { EventStore } from '../../src/platform/eventStore/eventStore.ts';
import { type Database, openDatabase } from '../../src/platform/postgres.ts';
import { startProjector } from '../../src/projections/main.ts';
import { type Answer, type Client, clientOf, type Json, type Options } from './client.ts';
import { startTestEventStore } from './eventStore.ts';
import { createTestDatabase } from './postgres.ts';
import { silentLog } from './silentLog.ts';

/** A whole shop is many parts, and other tests run beside it: a minute for each test that needs one, and for its start. */
jest.setTimeout(60_000);

export type Problem = Json & Readonly<{ type: string; message: string }>;
export type Coupon = Readonly<{
  couponId: string;
  discount: number;
  userId: string;
  policyId: string;
  serial: number;
  issuedAt: string;
  expiresAt: string;
  status: string;
  number: number;
  orderId: string | null;
  productId: string | null;
  usedAt: string | null;
  deletedAt: string | null;
}>;
export type PlacedOrder = Readonly<{ orderId: string; totalAmount: number; subtotal: number; discount: number; status: string }>;
export type Policy = Json & Readonly<{ policyId: string; number: number; count: number | null; issued: number; remaining?: number }>;
export type Product = Readonly<{ id: string; name: string; price: number; stock: number }>;
export type HistoryRow = Readonly<{ seq: number; type: string; amount: number; balanceAfter: number; orderId: string | null }>;
export type Opened = Readonly<{ message: string; policyIds: string[]; productIds: string[]; generation: number }>;
/** What is bought: quantities by product id. */
export type Cart = Readonly<Record<string, number>>;

const itemsOf = (cart: Cart) => Object.entries(cart).map(([productId, quantity]) => ({ productId, quantity }));

/** What a policy is when a test says nothing else: open for an hour around now, 500 won off, any number for each user. */
export const terms = (wished: Json = {}): Json => ({
  name: 'test',
  count: 100,
  discountType: 'amount',
  discountAmount: 500,
  startsAt: new Date(Date.now() - 1_800_000).toISOString(),
  endsAt: new Date(Date.now() + 1_800_000).toISOString(),
  perUser: null,
  ...wished,
});

/** The terms that a policy may be changed to: those of `terms` without what never changes. */
export const changedTerms = (wished: Json = {}): Json => {
  const { count: _count, perUser: _perUser, ...changeable } = terms();
  return { ...changeable, expireMinutes: 60, ...wished };
};

/** The shop's calls by name, on whichever server `client` talks to. */
export const callsOf = (client: Client) => ({
  init: (overrides?: Json) => client.post<Opened>('/init', overrides),
  charge: (userId: string, amount: number, options?: Options) =>
    client.post<{ userId: string; balance: number }>(`/users/${userId}/balance`, { amount }, options),
  issue: (userId: string, policyId: string, options?: Options) =>
    client.post<Coupon>(`/coupons?userId=${userId}&policyId=${policyId}`, undefined, options),
  order: (userId: string, cart: Cart, couponId: string | null = null, options?: Options) =>
    client.post<PlacedOrder>('/orders', { userId, couponId, items: itemsOf(cart) }, options),
  use: (couponId: string, userId: string, productId = 'p1', options?: Options) =>
    client.post<Coupon>(`/coupons/${couponId}/use`, { userId, productId }, options),
  cancelUse: (couponId: string, userId: string, options?: Options) =>
    client.post<Coupon>(`/coupons/${couponId}/cancel-use`, { userId }, options),
  deleteCoupon: (couponId: string, userId: string, options?: Options) =>
    client.delete<Coupon>(`/coupons/${couponId}?userId=${userId}`, options),
  coupon: (couponId: string, options?: Options) => client.get<Coupon>(`/coupons/${couponId}`, options),
  changePolicy: (policyId: string, wished: Json, options?: Options) => client.put<Policy>(`/coupon-policies/${policyId}`, wished, options),
  addCount: (policyId: string, add: number, options?: Options) =>
    client.post<Policy>(`/coupon-policies/${policyId}/count`, { add }, options),
  deletePolicy: (policyId: string, options?: Options) => client.delete<Policy>(`/coupon-policies/${policyId}`, options),
  createPolicy: (wished?: Json, options?: Options) => client.post<Policy>('/coupon-policies', terms(wished), options),
  createProduct: (product: Json, options?: Options) =>
    client.post<Product>('/products', { name: 'thing', price: 1_000, ...product }, options),
  receive: (productId: string, quantity: number, options?: Options) =>
    client.post<{ id: string; stock: number }>(`/products/${productId}/stock`, { quantity }, options),
  balance: (userId: string, options?: Options) =>
    client.get<{ userId: string; balance: number; held: number }>(`/users/${userId}/balance`, options),
  history: (userId: string, options?: Options) => client.get<HistoryRow[]>(`/users/${userId}/balance/history`, options),
  coupons: (userId: string, options?: Options) => client.get<Coupon[]>(`/users/${userId}/coupons`, options),
  orders: (userId: string, options?: Options) => client.get<Json[]>(`/users/${userId}/orders`, options),
  orderById: (orderId: string, options?: Options) => client.get(`/orders/${orderId}`, options),
  product: (productId: string, options?: Options) => client.get<Product>(`/products/${productId}`, options),
  policy: (policyId: string, options?: Options) => client.get<Policy>(`/coupon-policies/${policyId}`, options),
});
export type Calls = ReturnType<typeof callsOf>;

/** One more process that decides on the same streams, with memories of its own. */
export type CommandProcess = Calls & Readonly<{ client: Client; url: string; stop(): Promise<void> }>;

export type TestShop = Calls &
  Readonly<{
    edge: string;
    commands: string;
    queries: string;
    /** `host:port` of the gRPC services. */
    grpc: string;
    eventStoreUrl: string;
    databaseUrl: string;
    /** Talks to the edge. */
    client: Client;
    store: EventStore;
    database: Database;
    /** `grpc`: `host:port` of its gRPC services. */
    anotherCommandApi(env?: Readonly<Record<string, string>>): Promise<CommandProcess & Readonly<{ grpc: string }>>;
    /** Ends the event store alone; its data stays gone. */
    stopEventStore(): Promise<void>;
    /** Ends the api process alone, as SIGTERM does. */
    stopApi(): Promise<void>;
    /** Ends the projector alone: the views stand still. */
    stopProjector(): Promise<void>;
    stop(): Promise<void>;
  }>;

const ANY_PORTS = { EDGE_PORT: '0', COMMAND_PORT: '0', QUERY_PORT: '0', PROJECTOR_PORT: '0', GRPC_PORT: '0' };

const once = (end: () => Promise<void>): (() => Promise<void>) => {
  let ended: Promise<void> | undefined;
  return () => {
    ended ??= end();
    return ended;
  };
};

const at = (port: number | undefined): string => `http://127.0.0.1:${port}`;

/**
 * A whole shop in this process, on real parts: embedded event store, Postgres, projector and api, on free ports.
 * One event store for each test file: a process is connected to one at a time. `env` is laid over the test's settings.
 */
export const startShop = async (env: Readonly<Record<string, string>> = {}): Promise<TestShop> => {
  const [eventStore, testDatabase] = await Promise.all([startTestEventStore(), createTestDatabase()]);
  const common = { ...ANY_PORTS, EVENTSTORE_URL: eventStore.url, DATABASE_URL: testDatabase.url, ENABLE_TEST_ENDPOINTS: '1' };
  const config = parseConfig({ ...common, ...env });
  const projector = await startProjector(config, silentLog);
  const api = await startApi(config, silentLog);
  const store = createEsdbEventStore(eventStore.url);
  const database = openDatabase(testDatabase.url, { onConnectionError: () => undefined });
  await untilQueueStands(store);
  const client = clientOf(at(api.ports.edge));
  const others: CommandProcess[] = [];

  const anotherCommandApi: TestShop['anotherCommandApi'] = async (more = {}) => {
    const running = await startCommandApi(parseConfig({ ...common, ...env, ...more }), silentLog);
    const url = at(running.ports.command);
    const own = clientOf(url);
    const stop = once(async () => {
      own.close();
      await running.stop();
    });
    const other = { ...callsOf(own), client: own, url, grpc: `127.0.0.1:${running.ports.grpc}`, stop };
    others.push(other);
    return other;
  };
  const stopEventStore = once(eventStore.stop);
  const stopApi = once(api.stop);
  const stopProjector = once(projector.stop);
  const stop = async (): Promise<void> => {
    client.close();
    await Promise.all([stopApi(), stopProjector(), store.close(), database.close(), ...others.map((other) => other.stop())]);
    await Promise.all([stopEventStore(), testDatabase.drop()]);
  };
  const urls = {
    edge: at(api.ports.edge),
    commands: at(api.ports.command),
    queries: at(api.ports.query),
    grpc: `127.0.0.1:${api.ports.grpc}`,
  };
  return {
    ...callsOf(client),
    ...urls,
    eventStoreUrl: eventStore.url,
    databaseUrl: testDatabase.url,
    client,
    store,
    database,
    anotherCommandApi,
    stopEventStore,
    stopApi,
    stopProjector,
    stop,
  };
};

/** The topics are made in the background: a test that looks at the end of the log must not find them on their way. */
const untilQueueStands = async (store: EventStore): Promise<void> => {
  const stands = async (topic: string) => (await store.readStream(`queueTopic-${topic}`, 0n, { maxCount: 1 }).catch(() => [])).length > 0;
  for (let tries = 0; tries < 500 && !process.env.KAFKA_BROKERS; tries += 1) {
    if ((await stands('coupon-requests')) && (await stands('coupon-requests.dlq'))) return;
    await new Promise((wake) => setTimeout(wake, 10));
  }
};

/** A user nobody has seen before, with this balance. */
export const newUser = async (shop: Calls, balance: number): Promise<string> => {
  const userId = `user-${randomUUID()}`;
  if (balance > 0) await shop.charge(userId, balance);
  return userId;
};

/** A user nobody has seen before, with this balance and a coupon of the policy. */
export const newUserWithCoupon = async (
  shop: Calls,
  policyId: string,
  balance = 0,
): Promise<readonly [userId: string, couponId: string]> => {
  const userId = await newUser(shop, balance);
  return [userId, (await shop.issue(userId, policyId)).body.couponId];
};

/** A new product of this price, in won. */
export const newProduct = async (shop: Calls, price: number, stock = 1_000): Promise<string> =>
  (await shop.createProduct({ id: `thing-${randomUUID()}`, price, stock })).body.id;

/** A coupon of a policy of its own. */
export const newCoupon = async (shop: Calls, userId: string, wished: Json): Promise<string> =>
  (await shop.issue(userId, (await shop.createPolicy(wished)).body.policyId)).body.couponId;

/** After `after` the user has this balance, and nothing is held. */
export const expectBalance = async (shop: Calls, userId: string, balance: number, after: Answer<unknown>): Promise<void> =>
  expect((await shop.balance(userId, { after })).body).toEqual({ userId, balance, held: 0 });

/** A time close enough to wait for, and far enough for the requests before it on a busy machine. */
export const soon = (): string => new Date(Date.now() + 1_500).toISOString();

/** Waits until this time is over. */
export const untilPast = (time: string): Promise<void> => sleep(Math.max(0, Date.parse(time) - Date.now()) + 10);

/** From here to the end of the block every test fails whose requests have left a trace in the log. */
export const expectNothingRecorded = (shopOf: () => TestShop): void => {
  let head: bigint;
  beforeEach(async () => {
    head = await shopOf().store.head();
  });
  afterEach(async () => {
    expect(await shopOf().store.head()).toBe(head);
  });
};

/** Events of one type on a stream. */
export const eventsOf = async ({ store }: Pick<TestShop, 'store'>, stream: string, type: string): Promise<number> => {
  const events = await store.readStream(stream, 0n, { maxCount: 10_000 });
  return events.filter((event) => event.type === type).length;
};

/** The bodies of answers that all have this status. */
export const bodiesOf = <Body>(answers: readonly Answer<Body>[], status: number): Body[] =>
  answers.filter((answer) => answer.status === status).map(({ body }) => body);
