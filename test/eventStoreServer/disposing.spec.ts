import { describe, expect, it } from '@jest/globals';
import { appendWays } from './appendWays.ts';
import { collect, freshName, numbered, serverContract, until } from './support.ts';

type Followed = Readonly<{ on: (event: string, listener: (...all: never[]) => void) => unknown }>;

const listen = (subscription: Followed) => {
  const told = { caughtUp: 0, events: 0, ended: 0, errors: [] as unknown[] };
  subscription.on('caughtUp', () => told.caughtUp++);
  subscription.on('data', () => told.events++);
  subscription.on('end', () => told.ended++);
  subscription.on('error', (error) => told.errors.push(error));
  return told;
};

serverContract('disposing of a client', ({ connect }) => {
  it('ends its subscriptions, each once and without an error', async () => {
    const client = connect();
    const stream = freshName();
    await client.appendToStream(stream, numbered(4));
    const followed = [
      client.subscribeToStream(stream),
      client.subscribeToStream(freshName()),
      client.subscribeToAll(),
      client.subscribeToAll({ fromPosition: 'end' }),
    ].map((subscription) => listen(subscription as unknown as Followed));
    await until(() => followed.every(({ caughtUp }) => caughtUp > 0), 'caught up');
    await client.appendToStream(stream, numbered(4));
    await client.dispose();
    await until(() => followed.every(({ ended }) => ended > 0), 'the ends');
    expect(followed.map(({ ended, errors }) => [ended, errors])).toEqual(followed.map(() => [1, []]));
  });

  it('leaves what was answered in the store', async () => {
    const [client, reader] = [connect(), connect()];
    const stream = freshName();
    await client.appendToStream(stream, numbered(5));
    await client.dispose();
    expect(await collect(reader.readStream(stream))).toHaveLength(5);
  });

  describe.each(appendWays)('%s append', (_name, append) => {
    it('may be called again afterwards', async () => {
      const client = connect();
      const stream = freshName();
      for (let turn = 0n; turn < 4n; turn += 1n) {
        expect(await append(client, stream, numbered(1), 'any')).toMatchObject({ success: true, nextExpectedRevision: turn });
        await client.dispose();
      }
      expect(await collect(client.readStream(stream))).toHaveLength(4);
    });
  });

  it('twice, and with nothing open, is nothing', async () => {
    const client = connect();
    await client.dispose();
    await client.appendToStream(freshName(), numbered(1));
    await Promise.all([client.dispose(), client.dispose()]);
  });

  it('a subscription after it works as one before', async () => {
    const client = connect();
    const stream = freshName();
    await client.appendToStream(stream, numbered(1));
    await client.dispose();
    const subscription = client.subscribeToStream(stream);
    const told = listen(subscription as unknown as Followed);
    await until(() => told.caughtUp > 0, 'caught up');
    await client.appendToStream(stream, numbered(1));
    await until(() => told.events === 2, 'the live event');
    expect(told.errors).toEqual([]);
    await subscription.unsubscribe();
  });
});
