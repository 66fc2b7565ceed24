import { expect, it } from '@jest/globals';
import { type EventStore, type NewEvent, StoreUnavailable, SubscriptionLost } from '../../../src/platform/eventStore/eventStore.ts';
import { followEvents } from '../../../src/platform/eventStore/followEvents.ts';
import { createMemoryEventStore } from '../../../src/platform/eventStore/memoryEventStore.ts';
import { until } from '../../support/processes.ts';

const event = (n: number, type = 'Noted'): NewEvent => ({
  id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
  type,
  data: { n },
  metadata: { commandId: 'c', correlationId: 'c', causationId: 'c', actor: 'test' },
});

/** The same events, with a subscription that is lost after each of them. */
const losing = (store: EventStore): EventStore => {
  const subscribe: EventStore['subscribe'] = async function* (options) {
    for await (const delivery of store.subscribe(options)) {
      yield delivery;
      if (delivery.kind === 'event') throw new SubscriptionLost('broken on purpose');
    }
  };
  return Object.assign(Object.create(store), { subscribe }) as EventStore;
};

it('takes each event of its types once and in order, though the subscription is lost again and again', async () => {
  const store = createMemoryEventStore();
  await store.append('s', [event(0), event(1, 'Other'), event(2)], -1n);
  const stopping = new AbortController();
  const taken: unknown[] = [];
  const broken: unknown[] = [];
  const following = followEvents(
    losing(store),
    { from: async () => null, types: ['Noted'], signal: stopping.signal },
    { take: ({ data }) => taken.push((data as { n: number }).n), broke: (error) => broken.push(error) },
  );
  await until(() => taken.length === 2);
  await store.append('s', [event(3)], 2n);
  await until(() => taken.length === 3);
  stopping.abort();
  await following;
  expect(taken).toEqual([0, 2, 3]);
  expect(broken).toEqual(Array(3).fill(new SubscriptionLost('broken on purpose')));
});

it('asks where to begin until it is told, and then no more', async () => {
  const store = createMemoryEventStore();
  await store.append('s', [event(0)], -1n);
  const stopping = new AbortController();
  const taken: unknown[] = [];
  let asked = 0;
  const from = async () => {
    asked += 1;
    if (asked < 3) throw new StoreUnavailable('not yet');
    return store.head();
  };
  const following = followEvents(
    losing(store),
    { from, types: ['Noted'], signal: stopping.signal },
    { take: ({ data }) => taken.push((data as { n: number }).n), broke: () => undefined },
  );
  await until(() => asked === 3);
  for (const n of [1, 2]) await store.append('s', [event(n)], BigInt(n - 1));
  await until(() => taken.length === 2);
  stopping.abort();
  await following;
  expect([taken, asked]).toEqual([[1, 2], 3]);
});
