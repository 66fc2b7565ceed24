import { type EventStoreDBClient, jsonEvent, NO_STREAM, type StreamingRead } from '@eventstore/db-client';
import { expect, it } from '@jest/globals';
import { collect, freshName, numbered, numbersIn, serverContract, until, upTo, wait } from './support.ts';

const stillWorks = async (client: EventStoreDBClient, stream: string): Promise<void> => {
  expect(numbersIn(await collect(client.readStream(stream, { maxCount: 3 })))).toEqual([0, 1, 2]);
};

serverContract('ending a read early', ({ client, connect }) => {
  const bigStream = async () => {
    const stream = freshName();
    const filler = 'x'.repeat(2_000);
    for (let n = 0; n < 1_500; n += 250) {
      const events = upTo(250, n).map((one) => jsonEvent({ type: 'Big', data: { n: one, filler } }));
      await client().appendToStream(stream, events, { expectedRevision: n === 0 ? NO_STREAM : BigInt(n - 1) });
    }
    return stream;
  };

  it('leaving the loop leaves the read, and the client goes on', async () => {
    const stream = await bigStream();
    const reader = connect();
    for (let turn = 0; turn < 20; turn++) {
      for await (const { event } of reader.readStream(stream)) if (event?.revision === 3n) break;
    }
    await stillWorks(reader, stream);
  });

  it('destroying a read ends it without an error', async () => {
    const stream = await bigStream();
    const reader = connect();
    const read = reader.readStream(stream) as StreamingRead<unknown> & NodeJS.EventEmitter & { destroy: () => void };
    const errors: unknown[] = [];
    read.on('error', (error) => errors.push(error));
    await new Promise((resolve) => read.once('data', resolve));
    read.destroy();
    await wait(50);
    expect(errors).toEqual([]);
    await stillWorks(reader, stream);
  });

  it('cancelling a read ends it without an error, and it gives no more', async () => {
    const stream = await bigStream();
    const reader = connect();
    const read = reader.readStream(stream);
    let [seen, isEnded] = [0, false];
    read.on('end', () => {
      isEnded = true;
    });
    read.on('data', () => {
      seen += 1;
      if (seen === 1) void read.cancel();
    });
    await until(() => isEnded, 'the end of the cancelled read');
    const last = seen;
    await wait(30);
    expect(seen).toBe(last);
    await stillWorks(reader, stream);
  });

  it('a slow reader gets everything, in order', async () => {
    const stream = await bigStream();
    const seen: number[] = [];
    for await (const resolved of client().readStream(stream)) {
      if (seen.length % 300 === 0) await wait(20);
      seen.push(...numbersIn([resolved]));
    }
    expect(seen).toEqual(upTo(1_500));
  });

  it('a reader that stands still holds nobody else up', async () => {
    const stream = await bigStream();
    const stalled = connect();
    const read = stalled.readStream(stream);
    read.pause();
    read.on('error', () => undefined);
    const other = freshName();
    for (let n = 0; n < 10; n++) await stalled.appendToStream(other, numbered(1, 'Counted', n));
    expect(numbersIn(await collect(stalled.readStream(other)))).toEqual(upTo(10));
    await read.cancel();
  });
});
