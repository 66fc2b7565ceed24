import { DeadlineExceededError, EventStoreDBClient, LEADER, UnavailableError } from '@eventstore/db-client';
import { describe, expect, it, jest } from '@jest/globals';
import { unaryAppend } from './appendWays.ts';
import { collect, failureOf, freshName, numbered, serverContract } from './support.ts';

/** A port on which nothing listens: the client fails to connect at once. */
const NOBODY = '127.0.0.1:1';

describe('connection settings', () => {
  it('the connection is named as told, or by a UUID', () => {
    expect(EventStoreDBClient.connectionString`esdb://host?connectionName=${'my great connection'}`.connectionName).toBe(
      'my great connection',
    );
    expect(EventStoreDBClient.connectionString('esdb://host').connectionName).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });

  it.each(['defaultDeadline=0', 'defaultDeadline=-1', 'keepAliveTimeout=-100', 'keepAliveInterval=-2', 'tls=maybe'])(
    'refuses %s',
    (options) => {
      expect(() => EventStoreDBClient.connectionString(`esdb://host?${options}`)).toThrow();
    },
  );

  it.each([0, 1, 9_999])('warns of a keep-alive interval of %s ms', (keepAliveInterval) => {
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    EventStoreDBClient.connectionString(`esdb://host?keepAliveInterval=${keepAliveInterval}`);
    expect(warn).toHaveBeenCalled();
    warn.mockRestore();
  });

  it('nobody at the other end is unavailable, in no more time than the deadline gives', async () => {
    const client = EventStoreDBClient.connectionString(`esdb://${NOBODY}?tls=false&defaultDeadline=1000`);
    const started = performance.now();
    const failure = await failureOf(unaryAppend(client, 'none', numbered(1), 'any'));
    expect(failure instanceof UnavailableError || failure instanceof DeadlineExceededError).toBe(true);
    expect(performance.now() - started).toBeLessThan(5_000);
    await client.dispose();
  });
});

serverContract('connecting', ({ url, connect }) => {
  const works = async (connectionString: string): Promise<void> => {
    const client = connect(connectionString);
    const stream = freshName();
    expect(await client.appendToStream(stream, numbered(2))).toMatchObject({ success: true });
    expect(await collect(client.readStream(stream, { maxCount: 10 }))).toHaveLength(2);
    expect((await collect(client.readAll({ maxCount: 10 }))).length).toBeGreaterThan(0);
  };

  it('by the address of one node', () => works(url({ scheme: 'esdb' })));
  it('by several addresses: gossip names the node', () => works(url({ scheme: 'esdb', hosts: 3 })));
  it('by discovery', () => works(url({ scheme: 'esdb+discover' })));

  it.each(['leader', 'follower', 'readOnlyReplica', 'random'])('by discovery, though a single node is no %s to choose', (preference) =>
    works(url({ scheme: 'esdb+discover', options: `nodePreference=${preference}` })),
  );

  it('by discovery past addresses where nobody is', async () => {
    const [, node] = /:\/\/(?:[^@]*@)?([^?/]*)/.exec(url()) ?? [];
    await works(url({ scheme: 'esdb' }).replace(node as string, `${NOBODY},${node}`));
  });

  it('discovers once for all calls of a client', async () => {
    const client = connect(url({ scheme: 'esdb', hosts: 2 }));
    const resolve = jest.spyOn(client as unknown as { resolveUri: () => unknown }, 'resolveUri');
    await Promise.all([
      client.appendToStream(freshName(), numbered(2)),
      collect(client.readAll({ maxCount: 1 })),
      client.appendToStream(freshName(), numbered(2)),
    ]);
    expect(resolve).toHaveBeenCalledTimes(1);
  });

  it('with names of the client as template parts', async () => {
    const client = EventStoreDBClient.connectionString`${url()}`;
    expect(await client.appendToStream(freshName(), numbered(1))).toMatchObject({ success: true });
    await client.dispose();
  });

  it('with a user and a password in the string: an insecure server asks for none', async () => {
    const client = connect(url({ user: 'admin:changeit' }));
    const stream = freshName();
    expect(await client.appendToStream(stream, numbered(1))).toMatchObject({ success: true });
    expect(await collect(client.readStream(stream))).toHaveLength(1);
  });

  it.each([
    'keepAliveInterval=10000&keepAliveTimeout=10000',
    'keepAliveInterval=-1&keepAliveTimeout=-1',
    'connectionName=a%20b',
    'defaultDeadline=60000',
  ])('with %s', (options) => works(url({ options })));

  it('with a ping every tenth of a second, which the server answers', async () => {
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    const client = connect(url({ options: 'keepAliveInterval=100&keepAliveTimeout=1000' }));
    warn.mockRestore();
    const subscription = client.subscribeToStream(freshName());
    const errors: unknown[] = [];
    subscription.on('error', (error) => errors.push(error));
    await new Promise((resolve) => subscription.once('caughtUp', () => resolve(undefined)));
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(errors).toEqual([]);
    await subscription.unsubscribe();
  });

  it('and asking for the leader, which a single node is', async () => {
    const client = connect(url({ options: `nodePreference=${LEADER}` }));
    const stream = freshName();
    expect(await client.appendToStream(stream, numbered(1), { requiresLeader: true })).toMatchObject({ success: true });
    expect(await collect(client.readStream(stream, { requiresLeader: true }))).toHaveLength(1);
  });

  it.each<[string, string, number | undefined]>([
    ['of the client', 'defaultDeadline=1', undefined],
    ['of the call', '', 1],
    ['of the call rather than of the client', 'defaultDeadline=200000', 1],
  ])('a deadline %s that cannot be met ends the call', async (_whose, options, deadline) => {
    const client = connect(url({ options }));
    const given = { credentials: { username: 'admin', password: 'changeit' }, ...(deadline !== undefined && { deadline }) };
    const call = client.appendToStream(freshName(), numbered(5_000), given);
    await expect(call).rejects.toBeInstanceOf(DeadlineExceededError);
  });

  it('a deadline counts for no subscription', async () => {
    const client = connect(url({ options: 'defaultDeadline=50' }));
    const subscription = client.subscribeToStream(freshName());
    const errors: unknown[] = [];
    subscription.on('error', (error) => errors.push(error));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(errors).toEqual([]);
    await subscription.unsubscribe();
  });
});
