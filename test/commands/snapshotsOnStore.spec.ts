import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { inventorySnapshots } from '../../src/commands/snapshotKinds.ts';
import { StreamSnapshots, snapshotStream } from '../../src/commands/snapshots.ts';
import { StreamView } from '../../src/commands/streamView.ts';
import { isOurs, parseEvent } from '../../src/domain/events.ts';
import { type InventoryEvent, inventoryFold, inventoryStream } from '../../src/domain/inventory.ts';
import { foldAll } from '../../src/domain/kernel.ts';
import { createEsdbEventStore } from '../../src/platform/eventStore/esdbEventStore.ts';
import type { EventStore, NewEvent, RecordedEvent } from '../../src/platform/eventStore/eventStore.ts';
import { createStreamTruncation, type StreamTruncation } from '../../src/platform/eventStore/streamTruncation.ts';
import { startTestEventStore } from '../support/eventStore.ts';
import { plainOf } from '../support/plainState.ts';
import { until } from '../support/processes.ts';
import { silentLog } from '../support/silentLog.ts';
import { ledgerHistory } from './histories.ts';

let server: Awaited<ReturnType<typeof startTestEventStore>>;
let store: EventStore;
let truncation: StreamTruncation;

beforeAll(async () => {
  server = await startTestEventStore();
  store = createEsdbEventStore(server.url);
  truncation = createStreamTruncation(server.url);
});
afterAll(async () => {
  await Promise.all([store.close(), truncation.close()]);
  await server.stop();
});

const BATCH = 500;
const signal = new AbortController().signal;

it('on a real store: snapshots follow the ledger, only the newest is left, and it is where the next process begins (I17)', async () => {
  const process = () => {
    const ports = { store, truncate: truncation.truncate, log: silentLog };
    const snapshots = new StreamSnapshots({ ...inventorySnapshots, everyEvents: 2_000 }, ports);
    const parse = (stored: RecordedEvent) => parseEvent(stored) as InventoryEvent;
    return new StreamView(inventoryStream, { store, fold: inventoryFold, parse, monotonic: () => performance.now(), snapshots });
  };
  const history = ledgerHistory(
    [...Array(9_000)].map((_, i) => i + 8),
    100_000,
  );
  const metadata = { commandId: 'c', correlationId: 'c', causationId: 'c', actor: 'test' };
  const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
  const events: NewEvent[] = history.map((event, i) => ({ ...event, id: uuid(i), metadata }));
  const kept = () => store.readStream(snapshotStream(inventoryStream), 0n, { maxCount: 1_000 });
  const first = process();
  let taken = 0;
  for (let at = 0; at < events.length; at += BATCH) {
    await store.append(inventoryStream, events.slice(at, at + BATCH), BigInt(at) - 1n);
    const { revision } = await first.catchUp(signal);
    first.keep();
    if (revision < BigInt(taken + 1) * 2_000n) continue;
    taken += 1;
    await until(async () => {
      const now = await kept();
      const closing = now.at(-1)?.data as { revision?: string } | undefined;
      return closing?.revision === `${revision}` && now.filter(({ type }) => type === 'SnapshotTaken').length === 1;
    });
  }
  expect(taken).toBe(4);
  expect((await kept())[0]?.revision).toBeGreaterThan(0n);
  const head = await process().catchUp(signal);
  expect(head.revision).toBe(8_999n);
  expect(plainOf(head.state)).toEqual(plainOf(foldAll(inventoryFold, inventoryFold.initial, history)));
}, 60_000);

it('is passed over by projections and auditor: its category is none of ours', () => {
  expect(isOurs(snapshotStream(inventoryStream))).toBe(false);
});
