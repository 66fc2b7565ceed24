import { setTimeout as sleep } from 'node:timers/promises';
import { status as code } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { APPENDS_IN_FLIGHT_MAX } from '../../../src/platform/eventStore/appendWindow.ts';
import { clientsOpen } from '../../../src/platform/eventStore/esdbConnection.ts';
import { createEsdbEventStore } from '../../../src/platform/eventStore/esdbEventStore.ts';
import {
  AppendInDoubt,
  AppendRefused,
  AppendTooLarge,
  type Delivery,
  type EventStore,
  NO_STREAM,
  StoreUnavailable,
  SubscriptionLost,
  WrongRevision,
} from '../../../src/platform/eventStore/eventStore.ts';
import { event, eventsOf, freshStream } from './contract.ts';
import { message, type ReadCall, type ReceivedAppend, ScriptedServer, streamIn } from './scriptedServer.ts';

// An unhandled rejection or exception fails the test during which it happens: jest-circus listens for both.

const APPEND_MS = 300;
const forever = new AbortController().signal;

let server: ScriptedServer;
let store: EventStore;
let warnings: string[];

beforeEach(async () => {
  server = await ScriptedServer.start();
  warnings = [];
  const log = { info: () => {}, warn: (_: unknown, text: string) => void warnings.push(text) };
  store = createEsdbEventStore(server.url, { appendTimeoutMs: APPEND_MS, log });
});

afterEach(async () => {
  await store.close();
  server.crash();
});

/** For tests that have much to do: nothing in them needs a short wait. */
const waitAsUsual = async () => {
  await store.close();
  store = createEsdbEventStore(server.url);
};

const appendOne = (stream = freshStream()) => store.append(stream, eventsOf(1), NO_STREAM);
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no failure',
    (error: unknown) => error,
  );

/** Runs what the script says about the first append, and accepts all others. */
const firstAppend = (misbehave: (append: ReceivedAppend) => void) => {
  server.script.append = (append) => (append.number === 0 ? misbehave(append) : server.accept(append));
};

/** Tries until an append succeeds; how long that took, in milliseconds. */
const timeToRecover = async (limitMs = 5_000): Promise<number> => {
  const begun = performance.now();
  while (performance.now() - begun < limitMs) {
    if (typeof (await appendOne().catch(() => undefined)) === 'object') return performance.now() - begun;
    await sleep(20);
  }
  throw new Error(`no append succeeded in ${limitMs} ms`);
};

const serving = (serve: (call: ReadCall) => void) => {
  server.script.read = (call) => {
    serve(call);
    return true;
  };
};

const follow = async (enough: (got: Delivery[]) => boolean = () => false, after: bigint | null = null): Promise<Delivery[]> => {
  const got: Delivery[] = [];
  for await (const delivery of store.subscribe({ after, signal: forever })) {
    got.push(delivery);
    if (enough(got)) break;
  }
  return got;
};

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
  }, 20_000);
});

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

describe('CL7, CL8: settings that are refused', () => {
  const refusal = (query: string) => {
    try {
      return void createEsdbEventStore(`esdb://ann:secret@127.0.0.1:2113?tls=false${query}`);
    } catch (error) {
      return (error as Error).message;
    }
  };

  beforeEach(() => store.close());

  it.each(['keepAliveInterval', 'KeepAlive-Interval', 'keepAliveTimeout'])('CL7: a negative %s', (name) => {
    expect(refusal(`&${name}=-1`)).toMatch(/keepAlive(Interval|Timeout) must not be negative/);
  });

  it('CL8: throwOnAppendFailure', () => {
    expect(refusal('&throwOnAppendFailure=false')).toContain('throwOnAppendFailure');
  });

  it.each(['&nonsense', '&defaultDeadline=soon', '&tls=maybe'])(
    'a string that cannot be understood, without showing its password: %s',
    (query) => {
      expect(refusal(query)).toMatch(/connection string is wrong at character \d+: expected/);
      expect(refusal(query)).not.toContain('secret');
      expect(() => createEsdbEventStore('http://127.0.0.1:2113')).toThrow('expected esdb://');
    },
  );
});

describe('CL9, CL10: calls that are left', () => {
  it('CL9: a read says how many it wants, and is read to the end', async () => {
    const wanted: string[] = [];
    server.script.read = (call) => {
      wanted.push(call.request.getOptions()?.getCount() ?? '');
      return false;
    };
    const stream = freshStream();
    await store.append(stream, eventsOf(3), NO_STREAM);
    expect(await store.readStream(stream, 0n, { maxCount: 500 })).toHaveLength(3);
    await store.head();
    expect(wanted).toEqual(['500', '1']);
  });

  it('CL10: no read is cancelled', async () => {
    const stream = freshStream();
    await store.append(stream, eventsOf(3), NO_STREAM);
    for (let i = 0; i < 200; i += 1) await store.readStream(i % 2 ? stream : freshStream(), 0n, { maxCount: 10 });
    expect(server.seen.cancelledReads).toBe(0);
    expect(server.seen.connections.size).toBe(1);
  });

  it('CL9: leaving a subscription ends its call, also with much unread, and closing does not hang', async () => {
    serving((call) => {
      call.write(message.confirmation());
      for (let i = 1; i <= 5_000; i += 1) call.write(message.event('account-a', String(i), String(i * 100)));
    });
    for (let i = 0; i < 5; i += 1) await follow((got) => got.length === 3);
    await sleep(200);
    expect(server.seen.cancelledReads).toBe(5);
    const begun = performance.now();
    await store.close();
    expect(performance.now() - begun).toBeLessThan(150);
  });
});

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

describe('CL14, CL15, CL16: what goes over the wire', () => {
  it('CL14: appends never fall back to the slow unary call', async () => {
    await Promise.all(Array.from({ length: 10 }, () => appendOne()));
    expect(server.seen).toMatchObject({ unaryAppends: 0, batchCalls: 1, appends: 10 });
  });

  it('CL15: revisions and positions are exact beyond 2^53, and the empty stream is no_stream', async () => {
    const [revision, position] = [2n ** 53n + 1n, 2n ** 62n + 1n];
    const expected: string[] = [];
    server.script.append = (append) => {
      expected.push(append.expected);
      append.answer({ revision: String(revision), position: String(position) });
    };
    expect(await appendOne()).toEqual({ revision, position });
    expect(await store.append('account-a', eventsOf(1), revision)).toEqual({ revision, position });
    expect(expected).toEqual(['no_stream', String(revision)]);
    serving((call) => {
      call.write(message.event('account-a', String(revision), String(position)));
      call.end();
    });
    expect(await store.readStream('account-a', revision, { maxCount: 1 })).toMatchObject([{ revision, position }]);
  });

  it('CL16: more than APPEND_BYTES_MAX is not even sent; a stream that is not found has no events', async () => {
    const large = store.append(freshStream(), [event('Big', { text: 'x'.repeat(600_000) })], NO_STREAM);
    expect(await failureOf(large)).toBeInstanceOf(AppendTooLarge);
    expect(server.seen.appends).toBe(0);
    expect(await store.readStream(freshStream(), 0n, { maxCount: 10 })).toEqual([]);
  });
});
