import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { atOnce, byStatus, type Client, clientOf, expectProblem } from '../support/client.ts';
import { startShop, type TestShop } from '../support/shop.ts';

let shop: TestShop;
let clients: Client[];
beforeEach(async () => {
  shop = await startShop();
  clients = [shop.edge, shop.commands, shop.queries].map(clientOf);
}, 90_000);
afterEach(async () => {
  for (const client of clients) client.close();
  await shop.stop();
});

describe('health', () => {
  it('is live and ready on each port; ready names the parts', async () => {
    for (const client of clients) {
      expect((await client.get('/health/live')).body).toEqual({ status: 'live' });
      const ready = await client.get('/health/ready');
      expect([ready.status, ready.body.status]).toEqual([200, 'ready']);
    }
    const { body } = await shop.client.get<{ checks: object }>('/health/ready');
    expect(Object.keys(body.checks)).toEqual(expect.arrayContaining(['eventStore', 'views']));
  });

  it('tells the ports apart: commands here, queries there, both at the edge', async () => {
    const [edge, commands, queries] = clients as [Client, Client, Client];
    const statusOf = (client: Client) =>
      Promise.all([client.post('/users/ann/balance', { amount: 1 }), client.get('/users/ann/balance')]).then((both) =>
        both.map(({ status }) => status),
      );
    expect(await statusOf(edge)).toEqual([201, 200]);
    expect(await statusOf(commands)).toEqual([201, 405]);
    expect(await statusOf(queries)).toEqual([405, 200]);
  });
});

describe('without the event store', () => {
  it('queries answer, commands say that the outcome is unknown, and the process stays live', async () => {
    const charged = await shop.charge('ann', 500);
    await shop.balance('ann', { after: charged });
    await shop.stopEventStore();
    const [refused, found] = await Promise.all([shop.charge('ann', 1), shop.balance('ann')]);
    expectProblem(refused, 503, 'unavailable');
    expect(refused.headers['retry-after']).toBe('1');
    expect(found.body.balance).toBe(500);
    const [edge, commands, queries] = await Promise.all(clients.map((client) => client.get('/health/ready')));
    expect([edge?.status, commands?.status, queries?.status]).toEqual([503, 503, 200]);
    expect((await shop.client.get('/health/live')).status).toBe(200);
  }, 90_000);
});

describe('a graceful stop', () => {
  it('lets requests in flight finish, takes no new ones, and ends in time', async () => {
    await atOnce(40, (i) => shop.charge(`leaver-${i}`, 1_000)); // Connections are open now.
    const waiting = shop.client.get('/users/leaver-0/balance', { headers: { 'Read-After': String(2n ** 62n) } });
    await sleep(200); // It has arrived, and waits at the read gate.
    const flying = Promise.allSettled(Array.from({ length: 40 }, (_, i) => shop.charge(`leaver-${i}`, 1)));
    await sleep(5);
    const begun = performance.now();
    const stopped = shop.stopApi();
    // What was still on its way to a connection that is closing gets no answer; every answer is the right one.
    const answered = (await flying).flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    expect(byStatus(answered)).toEqual(answered.length > 0 ? { 201: answered.length } : {});
    expectProblem(await waiting, 503, 'read-model-behind');
    await stopped;
    expect(performance.now() - begun).toBeLessThan(8_000);
    await expect(clientOf(shop.edge).get('/health/live')).rejects.toThrow('ECONNREFUSED');
  }, 90_000);

  it('loses nothing that was answered: a fresh process knows it all', async () => {
    const answers = await atOnce(30, (i) => shop.charge(`stayer-${i % 10}`, 10, { key: `k${i}` }));
    await shop.stopApi();
    const fresh = await shop.anotherCommandApi();
    const again = await atOnce(30, (i) => fresh.charge(`stayer-${i % 10}`, 10, { key: `k${i}` }));
    expect(again.map(({ text }) => text)).toEqual(answers.map(({ text }) => text));
    expect(again.every(({ headers }) => headers['idempotent-replayed'] === 'true')).toBe(true);
  });
});
