import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../src/platform/config.ts';
import type { Running } from '../../src/platform/process.ts';
import { startProjector } from '../../src/projections/main.ts';
import { atOnce } from '../support/client.ts';
import { until } from '../support/processes.ts';
import { newProduct, newUser, startShop, type TestShop } from '../support/shop.ts';
import { silentLog } from '../support/silentLog.ts';

let shop: TestShop;
/** One more projector, which stands by: it measures all the same. */
let projector: Running;
beforeAll(async () => {
  shop = await startShop();
  const env = { EVENTSTORE_URL: shop.eventStoreUrl, DATABASE_URL: shop.databaseUrl, PROJECTOR_PORT: '0' };
  projector = await startProjector(parseConfig(env), silentLog);
}, 90_000);
afterAll(async () => {
  await projector.stop();
  await shop.stop();
});

const metricsAt = async (origin: string): Promise<string> => (await fetch(`${origin}/metrics`)).text();
const ofProjector = (): Promise<string> => metricsAt(`http://127.0.0.1:${projector.ports.projector}`);
const valueIn = (text: string, series: string): number => {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? Number.NaN : Number(line.slice(series.length + 1));
};

describe('the metrics', () => {
  it('are those that operators were promised, on the processes that know them', async () => {
    const namesIn = (text: string) => [...text.matchAll(/^# TYPE (till_\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    const requests = 'till_http_request_duration_seconds histogram';
    const commands = [
      'till_mailbox_batch_size histogram',
      'till_mailbox_waiting gauge',
      'till_append_duration_seconds histogram',
      'till_append_conflicts_total counter',
      'till_appends_in_doubt_total counter',
      'till_watchdog_blind gauge',
      'till_queue_accepted_total counter',
      'till_queue_outcomes_total counter',
      'till_dead_letters_total counter',
      'till_queue_lag gauge',
      'till_grpc_request_duration_seconds histogram',
    ];
    const queries = ['till_read_gate_wait_seconds histogram'];
    const views = [
      'till_view_lag_seconds gauge',
      'till_view_position gauge',
      'till_view_halted gauge',
      'till_open_orders gauge',
      'till_oldest_open_order_seconds gauge',
    ];
    expect(new Set(namesIn(await metricsAt(shop.edge)))).toEqual(new Set([requests, ...commands, ...queries]));
    expect(new Set(namesIn(await ofProjector()))).toEqual(new Set([requests, ...views]));
    const alone = await shop.anotherCommandApi();
    // It serves gRPC as well, whose calls end when lists show what they did.
    expect(new Set(namesIn(await metricsAt(alone.url)))).toEqual(new Set([requests, ...commands, ...queries]));
  });

  it('count batches and appends, and nothing waits when all is done', async () => {
    const seen = async () => {
      const text = await metricsAt(shop.commands);
      return ['till_mailbox_batch_size_sum', 'till_mailbox_batch_size_count', 'till_append_duration_seconds_count'].map((name) =>
        valueIn(text, name),
      );
    };
    const [commandsBefore = 0, batchesBefore = 0, appendsBefore = 0] = await seen();
    const user = await newUser(shop, 0);
    await atOnce(100, () => shop.charge(user, 10));
    const [commands = 0, batches = 0, appends = 0] = await seen();
    expect(commands - commandsBefore).toBe(100);
    expect(batches - batchesBefore).toBeLessThan(100);
    expect(appends - appendsBefore).toBeGreaterThan(0);
    expect(valueIn(await metricsAt(shop.commands), 'till_mailbox_waiting')).toBe(0);
  });

  it('count the appends that another process was faster with', async () => {
    const other = await shop.anotherCommandApi();
    const user = await newUser(shop, 10);
    await Promise.all([atOnce(100, () => shop.charge(user, 10)), atOnce(100, () => other.charge(user, 10))]);
    const conflicts = await Promise.all(
      [shop.commands, other.url].map(async (url) => valueIn(await metricsAt(url), 'till_append_conflicts_total')),
    );
    expect(conflicts.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(0);
  });

  it('time the queries that were held back, and only those', async () => {
    const held = async () => valueIn(await metricsAt(shop.queries), 'till_read_gate_wait_seconds_count');
    const before = await held();
    await shop.balance('nobody');
    expect(await held()).toBe(before);
    const user = await newUser(shop, 0);
    await until(async () => {
      await shop.balance(user, { after: await shop.charge(user, 10) });
      return (await held()) > before;
    });
  });

  it('tell how far the views are, and that they do not lag when all is shown', async () => {
    const charged = await shop.charge(await newUser(shop, 0), 10);
    const end = Number(charged.headers['read-after']);
    await until(async () => valueIn(await ofProjector(), 'till_view_position{view="accounts"}') >= end);
    expect(valueIn(await ofProjector(), 'till_view_lag_seconds{view="accounts"}')).toBe(0);
  });

  it('count orders without an outcome, and the age of the oldest', async () => {
    expect(valueIn(await ofProjector(), 'till_open_orders')).toBe(0);
    const user = await newUser(shop, 10_000);
    const order = await shop.order(user, { [await newProduct(shop, 100)]: 1 });
    await shop.balance(user, { after: order });
    await shop.database.query("update orders set status = 'open', ordered_at = now() - interval '1 minute' where order_id = $1", [
      order.body.orderId,
    ]);
    const text = await ofProjector();
    expect(valueIn(text, 'till_open_orders')).toBe(1);
    expect(valueIn(text, 'till_oldest_open_order_seconds')).toBeGreaterThanOrEqual(60);
  });
});
