import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { parseConfig } from '../../src/platform/config.ts';
import { createEsdbEventStore } from '../../src/platform/eventStore/esdbEventStore.ts';
import { NO_STREAM } from '../../src/platform/eventStore/eventStore.ts';
import { openDatabase } from '../../src/platform/postgres.ts';
import { startProjector } from '../../src/projections/main.ts';
import { startTestEventStore } from '../support/eventStore.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { silentLog } from '../support/silentLog.ts';
import { charged } from './facts.ts';
import { eventually } from './world.ts';

const metadata = { commandId: 'c', correlationId: 'c', causationId: 'c', actor: 'test' };

it('the projector process follows a real event store, tells its health, and stops', async () => {
  const [store, home] = await Promise.all([startTestEventStore(), createTestDatabase()]);
  const config = parseConfig({ EVENTSTORE_URL: store.url, DATABASE_URL: home.url, PROJECTOR_PORT: '0' });
  const events = createEsdbEventStore(store.url);
  const database = openDatabase(home.url, { onConnectionError: () => undefined });
  const projector = await startProjector(config, silentLog);
  try {
    const health = async (which: string) => (await fetch(`http://127.0.0.1:${projector.ports.projector}/health/${which}`)).status;
    expect([await health('live'), await health('ready')]).toEqual([200, 200]);
    await events.append('account-ann', [{ id: randomUUID(), ...charged(1, 100, 100), metadata }], NO_STREAM);
    const balance = async () => (await database.query<{ balance: string }>('select balance from accounts')).rows[0]?.balance;
    expect(await eventually(balance, (shown) => shown === '100')).toBe('100');
  } finally {
    await projector.stop();
    await Promise.all([events.close(), database.close()]);
    await Promise.all([store.stop(), home.drop()]);
  }
});
