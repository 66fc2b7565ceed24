import { setTimeout as sleep } from 'node:timers/promises';
import { status as code } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { createEsdbEventStore } from '../../../src/platform/eventStore/esdbEventStore.ts';
import { NO_STREAM, StoreUnavailable, SubscriptionLost } from '../../../src/platform/eventStore/eventStore.ts';
import { eventsOf, freshStream } from './contract.ts';
import { APPEND_MS, appendOne, failureOf, follow, forever, server, serving, store } from './hazards.ts';
import { message, type ReadCall } from './scriptedServer.ts';

describe('CL6: a subscription that ends', () => {
  const opened = (call: ReadCall) => {
    call.write(message.confirmation());
    call.write(message.event('account-a', '0', '100'));
  };

  it('with OK is lost', async () => {
    serving((call) => {
      opened(call);
      call.end();
    });
    expect(await failureOf(follow())).toBeInstanceOf(SubscriptionLost);
  });

  it.each(['UNAVAILABLE', 'INTERNAL', 'CANCELLED'] as const)('with %s is lost', async (name) => {
    serving((call) => {
      opened(call);
      setTimeout(() => call.emit('error', { code: code[name], details: 'scripted' }), 20);
    });
    expect(await failureOf(follow())).toBeInstanceOf(SubscriptionLost);
  });

  it('with its server is lost, also when nobody is reading just then', async () => {
    serving(opened);
    const subscription = store.subscribe({ after: null, signal: forever })[Symbol.asyncIterator]();
    await subscription.next();
    server.crash();
    await sleep(100);
    expect(await failureOf(subscription.next())).toBeInstanceOf(SubscriptionLost);
    expect(await subscription.next()).toEqual({ done: true, value: undefined });
  });

  it('with its client, dropped for a silent append, is lost', async () => {
    serving(opened);
    server.script.append = () => {};
    const lost = failureOf(follow());
    await sleep(50);
    await failureOf(appendOne());
    expect(await lost).toBeInstanceOf(SubscriptionLost);
  });
});

describe('CL13: deadlines that the client does not keep', () => {
  it('a read without an answer ends', async () => {
    serving(() => {});
    const failures = await Promise.all([
      failureOf(store.readStream('account-a', 0n, { maxCount: 1 })),
      failureOf(store.head()),
      failureOf(store.readStream('account-a', 0n, { maxCount: 1, signal: AbortSignal.timeout(50) })),
    ]);
    for (const failure of failures) expect(failure).toBeInstanceOf(StoreUnavailable);
    server.script.read = () => false;
    expect(await store.readStream('account-a', 0n, { maxCount: 1 })).toEqual([]);
  });

  it('a subscription without a confirmation ends', async () => {
    serving(() => {});
    expect(await failureOf(follow())).toBeInstanceOf(SubscriptionLost);
  });
});

describe('closing one of two adapters', () => {
  it('ends what it has under way, and nothing of the other', async () => {
    const other = createEsdbEventStore(server.url);
    serving((call) => void call.write(message.confirmation()));
    server.script.append = (append) => (append.stream === 'account-silent' ? undefined : server.accept(append));
    const begun = performance.now();
    const failures = Promise.all(
      [appendOne('account-silent'), store.readStream('account-a', 0n, { maxCount: 1 }), follow()].map(failureOf),
    );
    await sleep(50);
    await store.close();
    const names = (await failures).map((failure) => (failure as Error).name);
    expect(names).toEqual(['AppendInDoubt', 'StoreUnavailable', 'SubscriptionLost']);
    expect(performance.now() - begun).toBeLessThan(APPEND_MS);
    await expect(appendOne()).rejects.toThrow(StoreUnavailable);
    await expect(other.append(freshStream(), eventsOf(1), NO_STREAM)).resolves.toMatchObject({ revision: 0n });
    await other.close();
  });
});
