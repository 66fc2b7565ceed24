import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventStoreDBClient, StreamDeletedError, StreamNotFoundError, UnavailableError } from '@eventstore/db-client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startEventStore } from '../../src/embedded/event-store/server.ts';
import { batchAppend, unaryAppend } from './appendWays.ts';
import { collect, failureOf, freshName, numbered, numbersIn, until, upTo, wait } from './support.ts';

/** Only a server that the test may stop and start again can show this: the embedded one. */
describe('a client whose server stops and comes back, embedded server', () => {
  let dataDir: string;
  let server: Awaited<ReturnType<typeof startEventStore>>;
  let client: EventStoreDBClient;
  const start = (port: number) => startEventStore({ host: '127.0.0.1', port, dataDir });
  const restart = async () => {
    const { port } = server;
    await server.stop();
    server = await start(port);
  };

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'till-event-store-'));
    server = await start(0);
    client = EventStoreDBClient.connectionString(server.url);
  });
  afterAll(async () => {
    await client.dispose();
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  /** The client connects again by itself; how soon is its own affair. */
  const eventually = async (work: () => Promise<unknown>): Promise<void> => {
    for (let tries = 0; tries < 200; tries++) {
      if (
        await work().then(
          () => true,
          () => false,
        )
      )
        return;
      await wait(25);
    }
    throw new Error('the client did not come back in 5 s');
  };

  it('is told it is unavailable, and finds everything again', async () => {
    const stream = freshName();
    await unaryAppend(client, stream, numbered(3), 'no_stream');
    const { port } = server;
    await server.stop();
    expect(await failureOf(unaryAppend(client, stream, numbered(1), 2n))).toBeInstanceOf(UnavailableError);
    server = await start(port);
    await eventually(() => unaryAppend(client, stream, numbered(1, 'Counted', 3), 2n));
    expect(numbersIn(await collect(client.readStream(stream)))).toEqual([0, 1, 2, 3]);
  });

  it('goes on with batch appends after the call it kept open was ended', async () => {
    const stream = freshName();
    await batchAppend(client, stream, numbered(1), 'no_stream');
    await restart();
    await eventually(() => batchAppend(client, stream, numbered(1, 'Counted', 1), 0n));
    expect(numbersIn(await collect(client.readStream(stream)))).toEqual([0, 1]);
  });

  it('has its subscriptions ended with an error, and can begin again where it was', async () => {
    const stream = freshName();
    await batchAppend(client, stream, numbered(3), 'no_stream');
    const errors: unknown[] = [];
    const subscription = client.subscribeToStream(stream);
    let [seen, isOver] = [0, false];
    subscription.on('data', () => seen++);
    subscription.on('error', (error) => {
      errors.push(error);
      isOver = true;
    });
    await until(() => seen === 3, 'the stored events');
    await restart();
    await until(() => isOver, 'the error');
    expect(errors[0]).toBeInstanceOf(UnavailableError);
    await eventually(() => batchAppend(client, stream, numbered(2, 'Counted', 3), 2n));
    const again = client.subscribeToStream(stream, { fromRevision: 2n });
    const numbers: number[] = [];
    again.on('data', (resolved) => numbers.push(...numbersIn([resolved])));
    await until(() => numbers.length === 2, 'the rest');
    expect(numbers).toEqual([3, 4]);
    await again.unsubscribe();
  });

  it('reads in the middle end with the error, not short', async () => {
    const stream = freshName();
    const filler = 'x'.repeat(1_000);
    for (let n = 0; n < 4_000; n += 500) {
      const events = numbered(500, 'Counted', n).map((event) => ({ ...event, data: { ...(event.data as object), filler } }));
      await batchAppend(client, stream, events, n === 0 ? 'no_stream' : BigInt(n - 1));
    }
    let seen = 0;
    const reading = (async () => {
      for await (const _ of client.readStream(stream)) if (++seen === 10) await restart();
    })();
    expect(await failureOf(reading)).toBeInstanceOf(UnavailableError);
    expect(seen).toBeLessThan(4_000);
    await eventually(() => collect(client.readStream(stream, { maxCount: 1 })));
    expect(numbersIn(await collect(client.readStream(stream)))).toEqual(upTo(4_000));
  });

  it('finds deleted, tombstoned and truncated streams as they were left, and a resend still known', async () => {
    const [deleted, tombstoned, truncated, again] = [freshName(), freshName(), freshName(), freshName()];
    for (const stream of [deleted, tombstoned, truncated, again]) await batchAppend(client, stream, numbered(4), 'no_stream');
    await client.deleteStream(deleted);
    await client.tombstoneStream(tombstoned);
    await client.setStreamMetadata(truncated, { maxCount: 2 });
    await client.deleteStream(again);
    await batchAppend(client, again, numbered(1, 'Counted', 4), 3n);
    const resent = numbered(2, 'Counted', 4);
    const first = await batchAppend(client, truncated, resent, 3n);
    await restart();
    await eventually(() => collect(client.readAll({ maxCount: 1 })));
    expect(await failureOf(collect(client.readStream(deleted)))).toBeInstanceOf(StreamNotFoundError);
    expect(await failureOf(collect(client.readStream(tombstoned)))).toBeInstanceOf(StreamDeletedError);
    expect(numbersIn(await collect(client.readStream(truncated)))).toEqual([4, 5]);
    expect(numbersIn(await collect(client.readStream(again)))).toEqual([4]);
    expect(await batchAppend(client, truncated, resent, 3n)).toEqual(first);
    expect(await batchAppend(client, deleted, numbered(1), 'no_stream')).toMatchObject({ nextExpectedRevision: 4n });
    expect(await failureOf(batchAppend(client, tombstoned, numbered(1), 'any'))).toBeInstanceOf(StreamDeletedError);
  });

  it('is not made to connect anew by an error about a stream', async () => {
    const { getChannel } = client as unknown as { getChannel: () => Promise<unknown> };
    await eventually(() => collect(client.readAll({ maxCount: 1 })));
    const before = await getChannel();
    expect(await failureOf(collect(client.readStream(freshName())))).toBeInstanceOf(StreamNotFoundError);
    await expect(client.deleteStream(freshName())).rejects.toThrow();
    expect(await getChannel()).toBe(before);
  });
});
