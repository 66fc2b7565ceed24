import {
  type AllStreamResolvedEvent,
  BACKWARDS,
  binaryEvent,
  END,
  type EventData,
  type Position,
  type ResolvedEvent,
} from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { collect, freshName, freshType, numbered, numbersIn, serverContract, until } from './support.ts';

const linkTo = (revision: number, stream: string): EventData => binaryEvent({ type: '$>', data: Buffer.from(`${revision}@${stream}`) });

serverContract('links', ({ client }) => {
  const streamOf = async (count: number, name = freshName()) => {
    await client().appendToStream(name, numbered(count));
    return name;
  };
  const linksTo = async (...links: EventData[]) => {
    const stream = freshName('links');
    await client().appendToStream(stream, links);
    return stream;
  };
  const read = async (stream: string, resolveLinkTos: boolean) => collect(client().readStream(stream, { resolveLinkTos }));

  it('are events like others unless resolving is asked for', async () => {
    const links = await linksTo(linkTo(2, await streamOf(4)));
    const [unasked] = await collect(client().readStream(links));
    expect(unasked?.event).toMatchObject({ type: '$>', streamId: links });
    expect(unasked?.link).toBeUndefined();
  });

  it('are resolved to the very event they point at, and shown beside it', async () => {
    const target = await streamOf(4);
    const links = await linksTo(linkTo(2, target));
    const [pointedAt] = await collect(client().readStream(target, { fromRevision: 2n, maxCount: 1 }));
    const [resolved] = await read(links, true);
    expect(resolved?.event).toEqual(pointedAt?.event);
    expect(resolved?.link).toMatchObject({ type: '$>', streamId: links, revision: 0n });
    expect(resolved?.commitPosition).toBe(resolved?.link?.position?.commit);
  });

  it('that name no revision stay the events they are', async () => {
    const [resolved] = await read(await linksTo(binaryEvent({ type: '$>', data: Buffer.from('nonsense@stream') })), true);
    expect(resolved?.event).toMatchObject({ type: '$>', revision: 0n });
    expect(resolved?.link).toBeUndefined();
  });

  it.each(['계좌-🛒', 'a@b@c', 'with space'])('may point into a stream named %s', async (prefix) => {
    const target = await streamOf(2, freshName(prefix));
    const [resolved] = await read(await linksTo(linkTo(1, target)), true);
    expect(resolved?.event).toMatchObject({ streamId: target, revision: 1n });
  });

  it('stand among other events, which stay as they are', async () => {
    const target = await streamOf(3);
    const links = await linksTo(linkTo(0, target), ...numbered(1, 'Own', 50), linkTo(2, target));
    const resolved = await read(links, true);
    expect(numbersIn(resolved)).toEqual([0, 50, 2]);
    expect(resolved.map(({ link }) => link?.revision)).toEqual([0n, undefined, 2n]);
  });

  it('are resolved backwards as forwards', async () => {
    const target = await streamOf(3);
    const links = await linksTo(linkTo(0, target), linkTo(1, target), linkTo(2, target));
    const backwards = await collect(client().readStream(links, { resolveLinkTos: true, direction: BACKWARDS, fromRevision: END }));
    expect(numbersIn(backwards)).toEqual([2, 1, 0]);
  });

  it.each<[string, (target: string) => Promise<unknown>, number]>([
    ['a revision that is not there', async () => undefined, 9],
    ['a deleted stream', (target) => client().deleteStream(target), 0],
    ['a tombstoned stream', (target) => client().tombstoneStream(target), 0],
    ['a truncated event', (target) => client().setStreamMetadata(target, { truncateBefore: 2 }), 0],
  ])('that point at %s give the link without an event', async (_what, change, revision) => {
    const target = await streamOf(3);
    const links = await linksTo(linkTo(revision, target));
    await change(target);
    const [resolved] = await read(links, true);
    expect(resolved?.event).toBeUndefined();
    expect(resolved?.link).toMatchObject({ type: '$>', streamId: links });
  });

  it('that point at a stream that never was give the link without an event', async () => {
    const [resolved] = await read(await linksTo(linkTo(0, freshName())), true);
    expect(resolved).toMatchObject({ link: { type: '$>' } });
    expect(resolved?.event).toBeUndefined();
  });

  it('are resolved in $all, at the position of the link', async () => {
    const target = await streamOf(3);
    const links = await linksTo(linkTo(1, target));
    const [link] = await read(links, false);
    const fromPosition = link?.event?.position as Position;
    const [plain] = await collect(client().readAll({ fromPosition, maxCount: 1 }));
    const [resolved] = await collect(client().readAll({ fromPosition, maxCount: 1, resolveLinkTos: true }));
    expect(plain?.event).toMatchObject({ type: '$>', streamId: links });
    expect(resolved).toMatchObject({ event: { streamId: target, revision: 1n }, link: { streamId: links } });
    expect(resolved?.commitPosition).toBe(fromPosition.commit);
  });

  describe('in subscriptions', () => {
    it('to a stream are resolved, stored and live', async () => {
      const target = await streamOf(4);
      const links = await linksTo(linkTo(3, target));
      const subscription = client().subscribeToStream(links, { resolveLinkTos: true });
      const got: ResolvedEvent[] = [];
      subscription.on('data', (resolved) => got.push(resolved));
      await until(() => got.length === 1, 'the stored link');
      await client().appendToStream(links, linkTo(1, target));
      await until(() => got.length === 2, 'the live link');
      expect(numbersIn(got)).toEqual([3, 1]);
      expect(got.map(({ link }) => link?.revision)).toEqual([0n, 1n]);
      await subscription.unsubscribe();
    });

    it('to $all are resolved when asked, and filtered by what they are themselves', async () => {
      const target = freshName();
      const type = freshType();
      const { position } = await client().appendToStream(target, numbered(2, type));
      const links = await linksTo(linkTo(0, target));
      const follow = (filterOn: 'eventType' | 'streamName', prefix: string) => {
        const got: AllStreamResolvedEvent[] = [];
        const filter = { filterOn, prefixes: [prefix], checkpointInterval: 1_000 };
        const subscription = client().subscribeToAll({ fromPosition: position as Position, resolveLinkTos: true, filter });
        subscription.on('data', (resolved) => got.push(resolved));
        return { got, subscription };
      };
      const [byStream, byType] = [follow('streamName', links), follow('eventType', type)];
      await until(() => byStream.got.length === 1, 'the link');
      expect(byStream.got[0]).toMatchObject({ event: { streamId: target, revision: 0n }, link: { streamId: links } });
      await client().appendToStream(target, numbered(1, type, 7));
      await until(() => byType.got.length > 0, 'the live event');
      expect(numbersIn(byType.got)).toEqual([7]);
      await Promise.all([byStream.subscription.unsubscribe(), byType.subscription.unsubscribe()]);
    });
  });
});
