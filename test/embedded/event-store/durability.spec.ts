import { statSync } from 'node:fs';
import { join } from 'node:path';
import { EventStoreDBClient, NO_STREAM } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { startChild } from './child.ts';
import { append, collect, connect, event, events, newFolder, numbersOf, startPair, startServer, wholeLog } from './support.ts';

describe('a restart', () => {
  it('keeps everything at its position, and goes on from there', async () => {
    const dataDir = newFolder();
    const first = await startPair({ dataDir });
    await append(first.client, 'a', events(3), NO_STREAM);
    await append(first.client, 'b', events(2), NO_STREAM);
    const before = await collect(first.client.readAll());
    await first.server.stop();
    const second = await startPair({ dataDir });
    expect(await collect(second.client.readAll())).toEqual(before);
    expect(await append(second.client, 'a', event(3), 2n)).toMatchObject({ nextExpectedRevision: 3n });
    const positions = (await wholeLog(second.client)).map((resolved) => resolved.event?.position.commit as bigint);
    expect(positions).toEqual(positions.toSorted((left, right) => (left < right ? -1 : 1)));
    expect(new Set(positions).size).toBe(6);
  });

  it('is survived by the client on its own', async () => {
    const dataDir = newFolder();
    const { server, client } = await startPair({ dataDir });
    await append(client, 'a', event(0), NO_STREAM);
    await server.stop();
    await startServer({ dataDir, port: server.port });
    let tries = 0;
    const retry = async (): Promise<unknown> => {
      try {
        return await append(client, 'a', event(1), 0n);
      } catch (error) {
        if (++tries === 50) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
        return retry();
      }
    };
    expect(await retry()).toMatchObject({ nextExpectedRevision: 1n });
  });
});

describe('stopping', () => {
  it('answers every append, by success or as unavailable, and what succeeded is there', async () => {
    const dataDir = newFolder();
    const { server, client } = await startPair({ dataDir });
    await append(client, 'warm', event(0), NO_STREAM);
    const asked = Array.from({ length: 300 }, (_, n) =>
      append(client, `s-${n}`, event(n), NO_STREAM).then(
        () => n,
        () => undefined,
      ),
    );
    await new Promise((resolve) => setTimeout(resolve, 5));
    await server.stop();
    const acknowledged = (await Promise.all(asked)).filter((n) => n !== undefined);
    const again = connect(await startServer({ dataDir }));
    const stored = new Set((await wholeLog(again)).map((resolved) => resolved.event?.streamId));
    expect(acknowledged.filter((n) => !stored.has(`s-${n}`))).toEqual([]);
  });

  it('ends on SIGTERM with status 0 and frees the folder', async () => {
    const folder = newFolder();
    const child = await startChild(folder);
    const client = connect(child);
    client.subscribeToAll().on('error', () => undefined);
    await append(client, 'a', events(2), NO_STREAM);
    child.process.kill('SIGTERM');
    expect((await child.ended).status).toBe(0);
    const again = connect(await startServer({ dataDir: folder }));
    expect(numbersOf(await collect(again.readStream('a')))).toEqual([0, 1]);
  });
});

describe('a data folder', () => {
  it.each([{}, { ephemeral: true }])('is made, with a dot in its name too: %j', async (options) => {
    const dataDir = join(newFolder(), 'made', 'store.v1');
    const first = await startPair({ dataDir, ...options });
    await append(first.client, 'a', events(2), NO_STREAM);
    expect(statSync(dataDir).isDirectory()).toBe(true);
    await first.server.stop();
    const second = await startPair({ dataDir, ...options });
    expect(numbersOf(await collect(second.client.readStream('a')))).toEqual([0, 1]);
  });
});

describe('kill -9', () => {
  it('loses no acknowledged append and leaves no part of a batch', async () => {
    const folder = newFolder();
    const acknowledged = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const child = await startChild(folder);
      // Its own client, in this process: the client of a broken connection rejects all others' appends.
      const client = EventStoreDBClient.connectionString(child.url);
      await append(client, `warm-${round}`, event(0), NO_STREAM);
      const asked = Array.from({ length: 64 }, async (_, n) => {
        const stream = `k-${round}-${n}`;
        await append(client, stream, events(7), NO_STREAM).then(
          () => acknowledged.add(stream),
          () => undefined,
        );
      });
      await Promise.race([Promise.any(asked), new Promise((resolve) => setTimeout(resolve, round * 5))]);
      child.process.kill('SIGKILL');
      await child.ended;
      await Promise.all(asked);
      await client.dispose();
    }
    const lengths = new Map<string, number>();
    for (const { event: recorded } of await wholeLog(connect(await startServer({ dataDir: folder })))) {
      if (recorded !== undefined) lengths.set(recorded.streamId, (lengths.get(recorded.streamId) ?? 0) + 1);
    }
    expect([...acknowledged].filter((stream) => lengths.get(stream) !== 7)).toEqual([]);
    expect([...lengths].filter(([stream, length]) => length !== (stream.startsWith('k-') ? 7 : 1))).toEqual([]);
  }, 120_000);
});
