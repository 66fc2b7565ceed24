import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import {
  AppendInDoubt,
  type Delivery,
  NO_STREAM,
  StoreUnavailable,
  SubscriptionLost,
} from '../../../src/platform/eventStore/eventStore.ts';
import { eventsOf, freshStream } from './contract.ts';
import { appendOne, failureOf, firstAppend, follow, server, serving, store } from './hazards.ts';
import { message, streamIn } from './scriptedServer.ts';

describe('CL11, CL12: positions', () => {
  const none = String(2n ** 64n - 1n);
  const live = (...messages: ReturnType<(typeof message)['confirmation']>[]) =>
    serving((call) => {
      for (const each of [message.confirmation(), ...messages, message.caughtUp()]) call.write(each);
    });
  const told = (got: Delivery[]) =>
    got.map((d) => (d.kind === 'event' ? d.event.position : d.kind === 'checkpoint' ? [d.position] : d.kind));
  const toTheEnd = (got: Delivery[]) => got.at(-1)?.kind === 'caught-up';

  it('CL12: never go backwards', async () => {
    const at = (position: string) => message.event('account-a', '0', position);
    live(
      at('100'),
      message.checkpoint('200'),
      at('200'),
      message.checkpoint('150'),
      at('300'),
      at('300'),
      message.checkpoint('300'),
      at('400'),
    );
    expect(told(await follow(toTheEnd, 99n))).toEqual([100n, [200n], 300n, 400n, 'caught-up']);
  });

  it('CL11, CL12: a checkpoint at 2^64 − 1 is none', async () => {
    live(message.checkpoint(none), message.event('account-a', '0', '100'), message.checkpoint('500', none));
    expect(told(await follow(toTheEnd))).toEqual([100n, [500n], 'caught-up']);
  });

  it("CL11: checkpoints that still come while a subscription is left are nobody's unhandled rejection", async () => {
    serving((call) => {
      call.write(message.confirmation());
      call.write(message.event('account-a', '0', '50'));
      const sending = setInterval(() => {
        for (let i = 1; i <= 100; i += 1) call.write(message.checkpoint(String(i * 100), i % 3 ? undefined : none));
      }, 1);
      call.on('cancelled', () => clearInterval(sending));
    });
    for (let i = 0; i < 20; i += 1) expect(told(await follow((got) => got.length === 1 + (i % 3)))[0]).toBe(50n);
    await sleep(50);
    expect(server.seen.openReads).toBe(0);
  });

  it('CL12: a checkpoint counts as the lower of commit and prepare', async () => {
    live(message.checkpoint('500', '450'));
    expect(told(await follow(toTheEnd))).toEqual([[450n], 'caught-up']);
  });

  it('CL12: subscribes behind commit and prepare', async () => {
    const asked: unknown[] = [];
    serving((call) => {
      asked.push(call.request.getOptions()?.getAll()?.getPosition()?.toObject());
      call.write(message.confirmation());
      call.write(message.caughtUp());
    });
    await follow(toTheEnd, 2n ** 63n - 1n);
    expect(asked).toEqual([{ commitPosition: String(2n ** 63n - 1n), preparePosition: String(2n ** 63n - 1n) }]);
  });

  it.each([none, String(2n ** 63n)])('CL12: an event at %s is refused', async (position) => {
    live(message.event('account-a', '0', position));
    expect(await failureOf(follow())).toBeInstanceOf(SubscriptionLost);
  });

  it('CL12: an event whose commit and prepare differ is refused', async () => {
    live(message.event('account-a', '0', '200', { prepare: '100' }));
    expect(await failureOf(follow())).toBeInstanceOf(SubscriptionLost);
    server.script.read = (call) => {
      call.write(message.event(streamIn(call), '0', '200', { prepare: '100' }));
      call.end();
      return true;
    };
    expect(await failureOf(store.readStream('account-a', 0n, { maxCount: 1 }))).toBeInstanceOf(StoreUnavailable);
  });

  it('CL12: an append answered without a proper position is looked up', async () => {
    firstAppend(({ commit, answer }) => {
      commit();
      answer({ revision: '1', position: none });
    });
    const stream = freshStream();
    const { position } = await store.append(stream, eventsOf(2), NO_STREAM);
    expect(await store.readStream(stream, 1n, { maxCount: 1 })).toMatchObject([{ revision: 1n, position }]);
    serving((call) => call.end());
    server.script.append = ({ answer }) => answer({ revision: '0', position: none });
    expect(await failureOf(appendOne())).toBeInstanceOf(AppendInDoubt);
  });

  it('CL12: nobody can ask for 2^63', async () => {
    await expect(follow(undefined, 2n ** 63n)).rejects.toThrow(TypeError);
  });
});
