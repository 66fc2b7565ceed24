import { createEsdbEventStore } from '../../src/platform/eventStore/esdbEventStore.ts';
import { createStoreQueue } from '../../src/platform/queue/storeQueue.ts';
import { makePublisher, sendingBy } from './support.ts';

// A publisher over the event store's own queue, in a process that kills itself around its n-th send: `before` it, or `after`.
const [url = '', when = 'never', n = '0'] = process.argv.slice(2);

const die = (): Promise<never> => {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => undefined);
};

const store = createEsdbEventStore(url);
const queue = createStoreQueue(store);
let sends = 0;
const deadly = sendingBy(queue, async (topic, messages) => {
  sends += 1;
  if (when === 'before' && sends === Number(n)) return die();
  await queue.send(topic, messages);
  if (when === 'after' && sends === Number(n)) return die();
});
makePublisher(store, deadly, { limits: { batchMax: 5 } }).publisher.start();
