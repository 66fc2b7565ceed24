import { createEsdbEventStore } from '../../../src/platform/eventStore/esdbEventStore.ts';
import { createMemoryEventStore } from '../../../src/platform/eventStore/memoryEventStore.ts';
import { MemoryLog } from '../../../src/platform/eventStore/memoryLog.ts';
import { createStoreQueue } from '../../../src/platform/queue/storeQueue.ts';
import { startTestEventStore } from '../../support/eventStore.ts';
import { queueContract } from './contract.ts';

queueContract('event store in memory', async () => {
  const log = new MemoryLog();
  const [queue, other, closing] = [0, 1, 2].map(() => createStoreQueue(createMemoryEventStore({ log }))) as [never, never, never];
  return { queue, other, closing, close: async () => undefined };
});

queueContract('embedded event store', async () => {
  const server = await startTestEventStore();
  const stores = [0, 1, 2].map(() => createEsdbEventStore(server.url));
  const [queue, other, closing] = stores.map((store) => createStoreQueue(store)) as [never, never, never];
  const close = async () => {
    await Promise.all(stores.map((store) => store.close()));
    await server.stop();
  };
  return { queue, other, closing, close };
});
