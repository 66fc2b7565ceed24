import { type AllStreamResolvedEvent, BACKWARDS, END, NO_STREAM, type Position, START } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { collect, freshName, idsIn, idsOf, numbered, serverContract } from './support.ts';

const commitOf = ({ event }: AllStreamResolvedEvent): bigint => event?.position.commit as bigint;

serverContract('reading $all', ({ client }) => {
  /** Two streams written in turn, and where the first event of it lies. */
  const written = async () => {
    const streams = [freshName(), freshName()] as const;
    const events = [numbered(2), numbered(2), numbered(3)] as const;
    await client().appendToStream(streams[0], events[0], { expectedRevision: NO_STREAM });
    await client().appendToStream(streams[1], events[1], { expectedRevision: NO_STREAM });
    const { position } = await client().appendToStream(streams[0], events[2], { expectedRevision: 1n });
    const [first] = await collect(client().readStream(streams[0]));
    return { streams, ids: idsOf(events.flat()), first: first?.event?.position as Position, last: position as Position };
  };
  const mineIn = (all: AllStreamResolvedEvent[], streams: readonly string[]) =>
    all.filter(({ event }) => streams.includes(event?.streamId ?? ''));

  it('forwards from the start: events of all streams in the order of their positions', async () => {
    const { streams, ids } = await written();
    const all = await collect(client().readAll());
    expect(idsIn(mineIn(all, streams))).toEqual(ids);
    const commits = all.map(commitOf);
    expect(commits.every((commit, i) => i === 0 || commit > (commits[i - 1] as bigint))).toBe(true);
  });

  it('forwards from a position, that one included', async () => {
    const { streams, ids, first, last } = await written();
    const [begun] = await collect(client().readAll({ fromPosition: first, maxCount: 1 }));
    expect(begun?.event?.id).toBe(ids[0]);
    expect(idsIn(mineIn(await collect(client().readAll({ fromPosition: last })), streams))).toEqual(ids.slice(-1));
  });

  it('backwards from the end: the same events the other way round', async () => {
    const { streams, ids, last } = await written();
    const all = await collect(client().readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1_000 }));
    expect(idsIn(mineIn(all, streams))).toEqual([...ids].reverse());
    expect(commitOf(all[0] as AllStreamResolvedEvent)).toBeGreaterThanOrEqual(last.commit);
  });

  it('backwards from a position, that one excluded', async () => {
    const { streams, ids, first, last } = await written();
    const all = await collect(client().readAll({ direction: BACKWARDS, fromPosition: last, maxCount: 1_000 }));
    expect(idsIn(mineIn(all, streams))).toEqual(ids.slice(0, -1).reverse());
    const before = await collect(client().readAll({ direction: BACKWARDS, fromPosition: first, maxCount: 1 }));
    expect(commitOf(before[0] as AllStreamResolvedEvent)).toBeLessThan(first.commit);
  });

  it('page by page: the next page begins at the last event of the page before', async () => {
    const { streams, ids, first } = await written();
    const seen: AllStreamResolvedEvent[] = [];
    for (let from = first; ; ) {
      const page = await collect(client().readAll({ fromPosition: from, maxCount: 3 }));
      const fresh = seen.length === 0 ? page : page.slice(1);
      if (fresh.length === 0) break;
      seen.push(...fresh);
      from = seen.at(-1)?.event?.position as Position;
    }
    expect(idsIn(mineIn(seen, streams))).toEqual(ids);
  });

  describe.each([
    ['forwards', { fromPosition: START }],
    ['backwards', { direction: BACKWARDS, fromPosition: END }],
  ] as const)('%s', (_name, options) => {
    it.each([1, 2, 5])('reads maxCount %s at most', async (maxCount) => {
      await written();
      expect(await collect(client().readAll({ ...options, maxCount }))).toHaveLength(maxCount);
    });
  });

  it('has nothing before the start', async () => {
    expect(await collect(client().readAll({ direction: BACKWARDS, fromPosition: START }))).toEqual([]);
  });

  it('gives the same event as a read of its stream', async () => {
    const { streams, first } = await written();
    const [fromAll] = await collect(client().readAll({ fromPosition: first, maxCount: 1 }));
    const [fromStream] = await collect(client().readStream(streams[0], { maxCount: 1 }));
    expect(fromAll).toEqual(fromStream);
    expect(fromAll?.commitPosition).toBe(first.commit);
  });

  it('carries events of the system too', async () => {
    const isOfSystem = (resolved: AllStreamResolvedEvent) => resolved.event?.streamId.startsWith('$') === true;
    expect((await collect(client().readAll({ maxCount: 1_000 }))).some(isOfSystem)).toBe(true);
  });

  it('reads its own acknowledged writes', async () => {
    const stream = freshName();
    for (let turn = 0; turn < 20; turn++) {
      const { position } = await client().appendToStream(stream, numbered(1));
      const [read] = await collect(client().readAll({ fromPosition: position as Position, maxCount: 1 }));
      expect(read?.event?.position).toEqual(position);
    }
  });
});
