import { setTimeout as sleep } from 'node:timers/promises';
import { status as code } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { APPENDS_IN_FLIGHT_MAX } from '../../../src/platform/eventStore/appendWindow.ts';
import { clientsOpen } from '../../../src/platform/eventStore/esdbConnection.ts';
import { createEsdbEventStore } from '../../../src/platform/eventStore/esdbEventStore.ts';
import { AppendInDoubt, NO_STREAM, StoreUnavailable } from '../../../src/platform/eventStore/eventStore.ts';
import { event, eventsOf, freshStream } from './contract.ts';
import { APPEND_MS, appendOne, failureOf, firstAppend, server, store, timeToRecover, waitAsUsual, warnings } from './hazards.ts';
import type { ReceivedAppend } from './scriptedServer.ts';

describe('CL1: an append that is never answered', () => {
  it('is in doubt when its time is over, and the next one works', async () => {
    firstAppend(() => {});
    const begun = performance.now();
    expect(await failureOf(appendOne())).toBeInstanceOf(AppendInDoubt);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(APPEND_MS - 5);
    expect(performance.now() - begun).toBeLessThan(APPEND_MS + 500);
    await expect(appendOne()).resolves.toMatchObject({ revision: 0n });
    expect(server.seen.batchCalls).toBe(2);
    expect(warnings).toContain('event store client dropped');
  });

  it('is in doubt at once when the server ends the call with OK, and the next one works', async () => {
    firstAppend(({ call }) => call.end());
    const begun = performance.now();
    expect(await failureOf(appendOne())).toBeInstanceOf(AppendInDoubt);
    expect(performance.now() - begun).toBeLessThan(APPEND_MS);
    await expect(appendOne()).resolves.toMatchObject({ revision: 0n });
  });

  it('is given up by the caller first when the signal comes first; the client stays', async () => {
    firstAppend(({ commit, answer }) => {
      commit();
      setTimeout(answer, 100);
    });
    const begun = performance.now();
    expect(await failureOf(store.append(freshStream(), eventsOf(1), NO_STREAM, AbortSignal.timeout(50)))).toBeInstanceOf(AppendInDoubt);
    expect(performance.now() - begun).toBeLessThan(95);
    await sleep(100);
    await appendOne();
    expect(server.seen.batchCalls).toBe(1);
    expect(warnings).toEqual([]);
  });

  it('that landed is found by the resend of the same events', async () => {
    firstAppend(({ commit }) => commit());
    const [stream, batch] = [freshStream(), eventsOf(2)];
    expect(await failureOf(store.append(stream, batch, NO_STREAM))).toBeInstanceOf(AppendInDoubt);
    expect((await store.readStream(stream, 0n, { maxCount: 10 })).map(({ id }) => id)).toEqual(batch.map(({ id }) => id));
  });
});

describe('CL2: one promise bank for the whole process', () => {
  it('an answer with an unknown correlation id ends nothing', async () => {
    firstAppend((append) => {
      append.answerUnknown();
      server.accept(append);
    });
    await expect(appendOne()).resolves.toMatchObject({ revision: 0n });
    await expect(appendOne()).resolves.toMatchObject({ revision: 0n });
    expect(warnings).toEqual(['the event store answered an append that nobody waits for']);
    expect(server.seen.batchCalls).toBe(1);
  });

  it('a late answer, after the append was given up, ends nothing', async () => {
    const late: (() => void)[] = [];
    firstAppend(({ answer }) => void late.push(answer));
    expect(await failureOf(appendOne())).toBeInstanceOf(AppendInDoubt);
    await appendOne();
    late[0]?.();
    await sleep(30);
    await expect(appendOne()).resolves.toMatchObject({ revision: 0n });
  });

  it('commit, then destroy: all in flight are in doubt, all have landed, the next works', async () => {
    const held: ReceivedAppend[] = [];
    server.script.append = (append) => {
      append.commit();
      held.push(append);
      if (held.length === 20) append.breakCall(code.UNAVAILABLE);
      else if (held.length > 20) append.answer();
    };
    const streams = Array.from({ length: 20 }, freshStream);
    const failures = await Promise.all(streams.map((stream) => failureOf(appendOne(stream))));
    expect(failures.every((failure) => failure instanceof AppendInDoubt)).toBe(true);
    expect(streams.every((stream) => server.idsIn(stream).length === 1)).toBe(true);
    await timeToRecover();
  });

  it('there is one client, whatever happens and however many adapters share it', async () => {
    expect(clientsOpen()).toBeLessThanOrEqual(1);
    const other = createEsdbEventStore(server.url);
    await Promise.all([appendOne(), other.append(freshStream(), eventsOf(1), NO_STREAM)]);
    expect(clientsOpen()).toBe(1);
    expect(server.seen.batchCalls).toBe(1);
    server.script.append = ({ number, call, ...rest }) => (number % 3 === 0 ? call.end() : server.accept({ number, call, ...rest }));
    for (let i = 0; i < 20; i += 1) {
      await failureOf(appendOne());
      expect(clientsOpen()).toBeLessThanOrEqual(1);
    }
    expect(() => createEsdbEventStore('esdb://127.0.0.1:1?tls=false')).toThrow('another event store');
    await other.close();
    await timeToRecover();
    await store.close();
    expect(clientsOpen()).toBe(0);
  });
});

describe('CL3: tear-down under back-pressure', () => {
  it('a crash with many large appends under way leaves no rejection behind, and never more than 64 are sent', async () => {
    await appendOne();
    const before = server.seen.appends;
    server.script.append = ({ call }) => call.pause();
    const appends = Array.from({ length: 200 }, () =>
      store.append(freshStream(), [event('Big', { text: 'x'.repeat(100_000) })], NO_STREAM),
    );
    const failures = Promise.all(appends.map(failureOf));
    await sleep(100);
    expect(server.seen.appends - before).toBeLessThanOrEqual(APPENDS_IN_FLIGHT_MAX);
    server.crash();
    expect((await failures).every((failure) => failure instanceof AppendInDoubt || failure instanceof StoreUnavailable)).toBe(true);
  });

  it('an append that waits for its turn is not sent when the signal comes first', async () => {
    server.script.append = () => {};
    const sent = Array.from({ length: APPENDS_IN_FLIGHT_MAX }, () => failureOf(appendOne()));
    const waiting = store.append('account-late', eventsOf(1), NO_STREAM, AbortSignal.timeout(50));
    expect(await failureOf(waiting)).toBeInstanceOf(StoreUnavailable);
    await Promise.all(sent);
    expect(server.seen.appends).toBe(APPENDS_IN_FLIGHT_MAX);
  });

  it('lets 64 through at a time, and all of them in the end', async () => {
    await waitAsUsual();
    let [inFlight, most] = [0, 0];
    server.script.append = (append) => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      setTimeout(() => {
        inFlight -= 1;
        server.accept(append);
      }, 100);
    };
    await Promise.all(Array.from({ length: 500 }, () => appendOne()));
    expect(most).toBe(APPENDS_IN_FLIGHT_MAX);
    expect(server.seen.appends).toBe(500);
  });
});
