import {
  ANY,
  binaryEvent,
  jsonEvent,
  MaxAppendSizeExceededError,
  NO_STREAM,
  STREAM_EXISTS,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { append, collect, event, events, numbersOf, startPair, unaryAppend, wholeLog } from './support.ts';

const LIMIT_BYTES = 1_048_576;

describe.each([
  ['BatchAppend', append],
  ['Append', unaryAppend],
])('%s by the client of npm', (_name, appendTo) => {
  it('keeps id, type, data, metadata, kind and time of an event', async () => {
    const { client } = await startPair();
    const before = Date.now();
    const json = jsonEvent({ type: 'Bought', data: { name: '사과 🍎' }, metadata: { commandId: 'c-1' } });
    const binary = binaryEvent({ type: 'Raw', data: new Uint8Array([0, 255, 10]), metadata: new Uint8Array([1, 2]) });
    await appendTo(client, 'kept-1', [json, binary], NO_STREAM);
    const [first, second] = (await collect(client.readStream('kept-1'))).map((resolved) => resolved.event);
    expect(first).toMatchObject({
      id: json.id,
      type: 'Bought',
      data: { name: '사과 🍎' },
      metadata: { commandId: 'c-1' },
      isJson: true,
      revision: 0n,
    });
    expect(second).toMatchObject({ id: binary.id, type: 'Raw', isJson: false, revision: 1n });
    expect(Buffer.from(second?.data as Uint8Array)).toEqual(Buffer.from([0, 255, 10]));
    expect(first?.created.getTime()).toBeGreaterThanOrEqual(before);
    expect(first?.created.getTime()).toBeLessThanOrEqual(Date.now());
  });

  it('answers the last revision and the position that readers see', async () => {
    const { client } = await startPair();
    const result = await appendTo(client, 'answer-1', events(3), NO_STREAM);
    expect(result).toMatchObject({ success: true, nextExpectedRevision: 2n });
    const log = await wholeLog(client);
    expect(result.position).toEqual(log[2]?.event?.position);
    const positions = log.map((resolved) => resolved.event?.position.commit as bigint);
    expect((positions[0] as bigint) < (positions[1] as bigint) && (positions[1] as bigint) < (positions[2] as bigint)).toBe(true);
    expect(log.every((resolved) => resolved.event?.position.commit === resolved.event?.position.prepare)).toBe(true);
  });

  it('row 1: NO_STREAM and ANY begin a stream', async () => {
    const { client } = await startPair();
    expect(await appendTo(client, 'new-1', event(0), NO_STREAM)).toMatchObject({ nextExpectedRevision: 0n });
    expect(await appendTo(client, 'new-2', event(0), ANY)).toMatchObject({ nextExpectedRevision: 0n });
  });

  it('row 2: a revision or STREAM_EXISTS on a new stream is a wrong version', async () => {
    const { client } = await startPair();
    await expect(appendTo(client, 'new-1', event(0), 0n)).rejects.toMatchObject({ expectedVersion: 0n, actualVersion: 'no_stream' });
    await expect(appendTo(client, 'new-1', event(0), STREAM_EXISTS)).rejects.toBeInstanceOf(WrongExpectedVersionError);
    expect(await wholeLog(client)).toEqual([]);
  });

  it('row 3: the current revision appends, even ids already in the stream', async () => {
    const { client } = await startPair();
    const again = event(0);
    await appendTo(client, 's-1', again, NO_STREAM);
    expect(await appendTo(client, 's-1', again, 0n)).toMatchObject({ nextExpectedRevision: 1n });
    expect(await collect(client.readStream('s-1'))).toHaveLength(2);
  });

  it('row 4: the same events at their old revision succeed again with the old answer', async () => {
    const { client } = await startPair();
    const [first, second, third] = [event(0), event(1), event(2)];
    await appendTo(client, 's-1', first, NO_STREAM);
    const original = await appendTo(client, 's-1', [second, third], 0n);
    await appendTo(client, 's-1', event(3), 2n);
    expect(await appendTo(client, 's-1', [second, third], 0n)).toEqual(original);
    expect(await collect(client.readStream('s-1'))).toHaveLength(4);
  });

  it('rows 5 to 7: other events below, and anything above the current revision, are a wrong version', async () => {
    const { client } = await startPair();
    const [first, second] = [event(0), event(1)];
    await appendTo(client, 's-1', [first, second], NO_STREAM);
    await expect(appendTo(client, 's-1', event(9), NO_STREAM)).rejects.toMatchObject({ expectedVersion: 'no_stream', actualVersion: 1n });
    await expect(appendTo(client, 's-1', [second, event(9)], 0n)).rejects.toMatchObject({ actualVersion: 1n, expectedVersion: 0n });
    await expect(appendTo(client, 's-1', event(9), 7n)).rejects.toMatchObject({
      streamName: 's-1',
      expectedVersion: 7n,
      actualVersion: 1n,
    });
    expect(await collect(client.readStream('s-1'))).toHaveLength(2);
  });

  it('rows 8 to 10: ANY repeats what it remembers, and refuses half of it', async () => {
    const { client } = await startPair();
    const [first, second] = [event(0), event(1)];
    const original = await appendTo(client, 's-1', [first, second], ANY);
    expect(await appendTo(client, 's-1', [first, second], ANY)).toEqual(original);
    expect(await appendTo(client, 's-1', [first, second], STREAM_EXISTS)).toEqual(original);
    await expect(appendTo(client, 's-1', [second, event(9)], ANY)).rejects.toBeInstanceOf(WrongExpectedVersionError);
    expect(await appendTo(client, 's-1', event(2), ANY)).toMatchObject({ nextExpectedRevision: 2n });
    expect(await appendTo(client, 'other', [first, second], ANY)).toMatchObject({ nextExpectedRevision: 1n });
  });

  it('an empty append writes nothing and says where the stream is', async () => {
    const { client } = await startPair();
    await appendTo(client, 's-1', events(2), NO_STREAM);
    expect(await appendTo(client, 's-1', [], 1n)).toMatchObject({ success: true, nextExpectedRevision: 1n });
    await expect(appendTo(client, 's-1', [], 0n)).rejects.toBeInstanceOf(WrongExpectedVersionError);
    expect(await wholeLog(client)).toHaveLength(2);
  });

  it('takes 1,048,576 bytes of data and not one more', async () => {
    const { client } = await startPair();
    const bytes = (count: number) => binaryEvent({ type: 'Big', data: new Uint8Array(count) });
    await expect(appendTo(client, 'big', [bytes(LIMIT_BYTES / 2), bytes(LIMIT_BYTES / 2 + 1)], NO_STREAM)).rejects.toMatchObject({
      maxAppendSize: LIMIT_BYTES,
    });
    await expect(appendTo(client, 'big', bytes(LIMIT_BYTES + 1), NO_STREAM)).rejects.toBeInstanceOf(MaxAppendSizeExceededError);
    expect(await appendTo(client, 'big', [bytes(LIMIT_BYTES / 2), bytes(LIMIT_BYTES / 2)], NO_STREAM)).toMatchObject({ success: true });
    expect(await collect(client.readStream('big'))).toHaveLength(2);
  });

  it.each(['계좌-1', 'account-ß/ü?%20&', '🛒'])('serves a stream named %s', async (stream) => {
    const { client } = await startPair();
    await appendTo(client, stream, event(1), NO_STREAM);
    await expect(appendTo(client, stream, event(2), NO_STREAM)).rejects.toMatchObject({ streamName: stream });
    expect((await collect(client.readStream(stream))).map((resolved) => resolved.event?.streamId)).toEqual([stream]);
  });

  it('refuses names that no stream can have', async () => {
    const { client } = await startPair();
    for (const name of ['', '$all', 'x'.repeat(1_025)]) await expect(appendTo(client, name, event(0), NO_STREAM)).rejects.toThrow();
    expect(await appendTo(client, 'x'.repeat(1_024), event(0), NO_STREAM)).toMatchObject({ success: true });
    expect(await wholeLog(client)).toHaveLength(1);
  });
});

describe('many appends at once', () => {
  it('checks queued appends against what is about to be written', async () => {
    const { client } = await startPair();
    // Until its first call has found out what the server can do, the client sends appends in any order.
    await append(client, 'warm', event(0), NO_STREAM);
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, n) => append(client, 'chain', event(n), n === 0 ? NO_STREAM : BigInt(n - 1))),
    );
    expect(results.at(-1)).toMatchObject({ nextExpectedRevision: 199n });
    expect(numbersOf(await collect(client.readStream('chain')))).toEqual(Array.from({ length: 200 }, (_, n) => n));
  });

  it('lets one of 50 writers win a revision', async () => {
    const { client } = await startPair();
    for (let revision = -1; revision < 9; revision++) {
      const tries = await Promise.allSettled(
        Array.from({ length: 50 }, (_, n) => append(client, 'race', event(n), revision < 0 ? NO_STREAM : BigInt(revision))),
      );
      expect(tries.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
      for (const one of tries) if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(WrongExpectedVersionError);
    }
    expect(await collect(client.readStream('race'))).toHaveLength(10);
  });

  it('answers a repeat of an append still in flight as the append itself', async () => {
    const { client } = await startPair();
    const same = [event(0), event(1)];
    const [first, second] = await Promise.all([append(client, 'twice', same, NO_STREAM), append(client, 'twice', same, NO_STREAM)]);
    expect(second).toEqual(first);
    expect(await collect(client.readStream('twice'))).toHaveLength(2);
  });

  it('shows a batch to readers whole or not at all', async () => {
    const { client } = await startPair();
    let over = false;
    const writing = (async () => {
      for (let batch = 0; batch < 60; batch++) await append(client, 'whole', events(10), batch === 0 ? NO_STREAM : BigInt(batch * 10 - 1));
      over = true;
    })();
    const lengths: number[] = [];
    while (!over) lengths.push((await collect(client.readStream('whole')).catch(() => [])).length);
    await writing;
    expect(lengths.filter((length) => length % 10 !== 0)).toEqual([]);
  });

  it('takes an append that comes in several chunks', async () => {
    const { client } = await startPair();
    const many = Array.from({ length: 200 }, (_, n) => jsonEvent({ type: 'Counted', data: { n, filler: 'x'.repeat(1_000) } }));
    await client.appendToStream('chunks', many, { expectedRevision: NO_STREAM, batchAppendSize: 10_000 });
    expect(numbersOf(await collect(client.readStream('chunks')))).toEqual(Array.from({ length: 200 }, (_, n) => n));
  });

  it('answers an append whose deadline has passed with a time-out', async () => {
    const { client } = await startPair();
    await append(client, 'late', event(0), NO_STREAM);
    await expect(client.appendToStream('late', event(1), { expectedRevision: 0n, deadline: -1_000 })).rejects.toMatchObject({
      type: 'deadline-exceeded',
    });
    expect(await collect(client.readStream('late'))).toHaveLength(1);
  });
});
