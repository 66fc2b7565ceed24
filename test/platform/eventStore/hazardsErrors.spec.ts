import { setTimeout as sleep } from 'node:timers/promises';
import { status as code } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { AppendInDoubt, AppendRefused, AppendTooLarge, WrongRevision } from '../../../src/platform/eventStore/eventStore.ts';
import { freshStream } from './contract.ts';
import { appendOne, failureOf, firstAppend, server, store, timeToRecover } from './hazards.ts';
import { ScriptedServer } from './scriptedServer.ts';

describe('CL4: a failed question about features is remembered by the client', () => {
  it('a new client is made after three errors, and appends work', async () => {
    server.script.features = (nth) => (nth === 0 ? code.DEADLINE_EXCEEDED : undefined);
    for (let i = 0; i < 2; i += 1) expect(await failureOf(appendOne())).toBeInstanceOf(AppendInDoubt);
    expect(await timeToRecover()).toBeLessThan(1_000);
    expect(server.seen.features).toBe(2);
  });
});

describe('CL5: what an error says about an append', () => {
  it.each([
    ['WrongExpectedVersion', WrongRevision],
    ['MaximumAppendSizeExceeded', AppendTooLarge],
    ['AccessDenied', AppendRefused],
    ['StreamDeleted', AppendRefused],
    ['Timeout', AppendInDoubt],
    ['Unknown', AppendInDoubt],
  ] as const)('%s', async (name, failure) => {
    firstAppend(({ answerError }) => answerError(name));
    expect(await failureOf(appendOne())).toBeInstanceOf(failure);
    await expect(appendOne()).resolves.toMatchObject({ revision: 0n });
  });

  it('a server that is away: in doubt', async () => {
    server.crash();
    for (let i = 0; i < 5; i += 1) expect(await failureOf(appendOne())).toBeInstanceOf(AppendInDoubt);
  });

  it.each([
    ['UNAVAILABLE', {}],
    ['ABORTED', {}],
    ['CANCELLED', {}],
    ['INTERNAL', {}],
    ['PERMISSION_DENIED', { exception: 'access-denied' }],
  ] as const)('a call that fails with %s: in doubt, for other appends were on it', async (name, trailers) => {
    firstAppend(({ breakCall }) => breakCall(code[name], trailers));
    expect(await failureOf(appendOne())).toBeInstanceOf(AppendInDoubt);
    await timeToRecover();
  });

  it('NotLeader: in doubt, and the client goes to the leader it was told', async () => {
    const leader = await ScriptedServer.start();
    firstAppend(({ breakCall }) => {
      const trailers = { exception: 'not-leader', 'leader-endpoint-host': '127.0.0.1', 'leader-endpoint-port': String(leader.port) };
      breakCall(code.NOT_FOUND, trailers);
    });
    expect(await failureOf(appendOne())).toBeInstanceOf(AppendInDoubt);
    await timeToRecover();
    expect(leader.seen.appends).toBe(1);
    leader.crash();
  });

  it('a server that comes back is found soon, however many are asking', async () => {
    await appendOne();
    const done = new AbortController();
    let lastSuccess = 0;
    const ask = async () => {
      while (!done.signal.aborted) {
        await appendOne().then(
          () => {
            lastSuccess = performance.now();
          },
          () => sleep(20),
        );
        await store.readStream(freshStream(), 0n, { maxCount: 1 }).catch(() => {});
      }
    };
    const asked = Array.from({ length: 20 }, ask);
    const delays: number[] = [];
    for (let outage = 0; outage < 3; outage += 1) {
      server.crash();
      await sleep(1_500);
      const back = performance.now();
      await server.listen();
      while (lastSuccess < back) await sleep(5);
      delays.push(lastSuccess - back);
    }
    done.abort();
    await Promise.all(asked);
    expect(Math.max(...delays)).toBeLessThan(700);
  }, 90_000);
});
