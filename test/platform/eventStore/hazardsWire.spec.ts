import { beforeEach, describe, expect, it } from '@jest/globals';
import { createEsdbEventStore } from '../../../src/platform/eventStore/esdbEventStore.ts';
import { AppendTooLarge, NO_STREAM } from '../../../src/platform/eventStore/eventStore.ts';
import { event, eventsOf, freshStream } from './contract.ts';
import { appendOne, failureOf, server, serving, store } from './hazards.ts';
import { message } from './scriptedServer.ts';

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
