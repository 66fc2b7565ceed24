import { createEsdbEventStore } from '../../../src/platform/eventStore/esdbEventStore.ts';
import { startTestEventStore } from '../../support/eventStore.ts';
import { eventStoreContract } from './contract.ts';

const over = (url: string, stop: () => Promise<void>) => {
  const [store, other] = [createEsdbEventStore(url), createEsdbEventStore(url)];
  const close = async () => {
    await Promise.all([store.close(), other.close()]);
    await stop();
  };
  return { store, other, close };
};

eventStoreContract('EventStoreDB client, embedded server', async () => {
  const { url, stop } = await startTestEventStore();
  return over(url, stop);
});

const foreign = process.env.EVENTSTORE_URL;
if (foreign === undefined) process.stderr.write('EVENTSTORE_URL is not set: the contract suite runs over no foreign event store\n');
else eventStoreContract('EventStoreDB client, server at EVENTSTORE_URL', async () => over(foreign, async () => {}));
