import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Mailboxes } from '../../src/commands/mailboxes.ts';
import { PresentGeneration } from '../../src/commands/presentGeneration.ts';
import type { CommandId, Fingerprint } from '../../src/domain/ids.ts';
import { openGeneration, shopStream } from '../../src/domain/shop.ts';
import type { EventStore } from '../../src/platform/eventStore/eventStore.ts';
import { createMemoryEventStore } from '../../src/platform/eventStore/memoryEventStore.ts';
import { terms } from '../domain/openedPolicy.ts';
import { about } from './shopInMemory.ts';

const clock = { monotonic: () => performance.now() };

/** One process's look at the shop, and how often it read the stream; `open` opens a generation as another process would. */
const shop = () => {
  const store = createMemoryEventStore();
  let looks = 0;
  const readStream: EventStore['readStream'] = (stream, from, options) => {
    if (stream === shopStream) looks += 1;
    return store.readStream(stream, from, options);
  };
  const counted = new Proxy(store, { get: (of, name) => (name === 'readStream' ? readStream : Reflect.get(of, name, of)) });
  const generation = new PresentGeneration(new Mailboxes(counted, clock.monotonic), clock);
  const open = async (name: string): Promise<void> => {
    const opening = { commandId: name as CommandId, fingerprint: 'f' as Fingerprint, products: [], policies: [terms], at: 0 } as const;
    await new Mailboxes(store, clock.monotonic).shop().ask(openGeneration(opening), about(name));
  };
  return { ask: () => generation.ask(about('a')), open, looks: () => looks };
};

describe('the present generation', () => {
  it('is the one another process opened before it was asked for', async () => {
    const { ask, open } = shop();
    for (const [i, name] of ['first', 'second', 'third'].entries()) {
      await open(name);
      expect(await ask()).toBe(i + 1);
    }
  });

  it('is looked up once for all who ask in the same turn', async () => {
    const { ask, open, looks } = shop();
    await open('first');
    expect(await Promise.all(Array.from({ length: 100 }, ask))).toEqual(Array(100).fill(1));
    expect(looks()).toBe(1);
  });

  it('is looked up for each who asks alone, at once', async () => {
    const { ask, looks } = shop();
    for (let i = 0; i < 5; i += 1) await ask();
    expect(looks()).toBe(5);
  });

  it('is looked up every 10 ms at most for those who come in crowds', async () => {
    const { ask, looks } = shop();
    const begun = performance.now();
    for (let round = 0; round < 30; round += 1) {
      await Promise.all([ask(), ask()]);
      await sleep(0);
    }
    expect(looks()).toBeLessThanOrEqual(1 + (performance.now() - begun) / 10);
  });

  it('is never older than the question, also for those who come while a look is due', async () => {
    const { ask, open } = shop();
    await Promise.all([ask(), ask()]);
    const early = ask();
    await open('first');
    expect(await ask()).toBe(1);
    await early;
  });
});
