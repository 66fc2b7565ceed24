import { afterAll, beforeAll, describe } from '@jest/globals';
import { type EventStore, type NewEvent, NO_STREAM } from '../../../src/platform/eventStore/eventStore.ts';
import { appending, appendTable } from './contractAppends.ts';
import { reading } from './contractReads.ts';
import { theStoreItself } from './contractStore.ts';
import { subscribing } from './contractSubscriptions.ts';
import { freshStream } from './contractSupport.ts';

export { collect, event, eventsOf, freshStream } from './contractSupport.ts';

/** Two adapters over one store; `close` ends both and, if it was started for them, the store. */
export type StoreUnderTest = Readonly<{ store: EventStore; other: EventStore; close: () => Promise<void> }>;

/** What every implementation of EventStore promises. `makeStore` may give the same store to the whole suite. */
export const eventStoreContract = (name: string, makeStore: () => Promise<StoreUnderTest>): void => {
  describe(`event store contract: ${name}`, () => {
    let under: StoreUnderTest;
    let store: EventStore;
    beforeAll(async () => {
      under = await makeStore();
      store = under.store;
    }, 60_000);
    afterAll(() => under.close());

    const streamOf = async (...batches: NewEvent[][]) => {
      const stream = freshStream();
      let revision = NO_STREAM;
      for (const batch of batches) ({ revision } = await store.append(stream, batch, revision));
      return stream;
    };
    const idsIn = async (stream: string) => (await store.readStream(stream, 0n, { maxCount: 100 })).map(({ id }) => id);

    appendTable({ store: () => store, streamOf, idsIn });
    appending({ store: () => store, other: () => under.other, streamOf, idsIn });
    reading({ store: () => store, streamOf });
    subscribing({ store: () => store, other: () => under.other, streamOf });
    theStoreItself({ store: () => store, other: () => under.other });
  });
};
