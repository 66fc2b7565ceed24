import { ANY, type AppendResult, type EventStoreDBClient, jsonEvent, NO_STREAM, WrongExpectedVersionError } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { appendWays, batchAppend } from './appendWays.ts';
import { collect, freshName, idsIn, idsOf, numbered, numbersIn, serverContract, startServerProcess, upTo } from './support.ts';

/** As many as a client gets through within its own 10 s on a slow machine. */
const FLOOD_APPENDS = 4_000;

const commitsOf = (results: readonly AppendResult[]) => new Set(results.map(({ position }) => position?.commit));
const readIds = async (client: EventStoreDBClient, stream: string) => idsIn(await collect(client.readStream(stream)));

serverContract(
  'many appends at once',
  ({ client, connect }) => {
    it('4,000 appends of one tick to one stream, 1 KiB each, are all answered, each with a place of its own', async () => {
      const stream = freshName();
      const value = 'A'.repeat(904);
      const appends = Array.from({ length: FLOOD_APPENDS }, () =>
        client().appendToStream(stream, jsonEvent({ type: 'Flood', data: { value } })),
      );
      const results = await Promise.all(appends);
      expect(results.every(({ success }) => success)).toBe(true);
      expect(commitsOf(results).size).toBe(FLOOD_APPENDS);
      expect(new Set(results.map(({ nextExpectedRevision }) => nextExpectedRevision)).size).toBe(FLOOD_APPENDS);
      expect(await readIds(client(), stream)).toHaveLength(FLOOD_APPENDS);
    });

    it('appends to three hundred streams in one tick each begin theirs', async () => {
      const streams = Array.from({ length: 300 }, () => freshName());
      const results = await Promise.all(streams.map((stream) => batchAppend(client(), stream, numbered(2), NO_STREAM)));
      expect(results.every(({ nextExpectedRevision }) => nextExpectedRevision === 1n)).toBe(true);
      expect(await readIds(client(), streams.at(-1) as string)).toHaveLength(2);
    });

    it('a chain of exact revisions sent without waiting is checked against what is about to be written', async () => {
      const stream = freshName();
      await batchAppend(client(), stream, numbered(1), NO_STREAM);
      const chain = await Promise.all(upTo(200).map((n) => batchAppend(client(), stream, numbered(1, 'Counted', n + 1), BigInt(n))));
      expect(chain.map(({ nextExpectedRevision }) => nextExpectedRevision)).toEqual(upTo(200, 1).map(BigInt));
      expect(numbersIn(await collect(client().readStream(stream)))).toEqual(upTo(201));
    });

    it('the same append twice in flight is one append', async () => {
      const [stream, events] = [freshName(), numbered(3)];
      const [first, second] = await Promise.all([
        batchAppend(client(), stream, events, NO_STREAM),
        batchAppend(client(), stream, events, NO_STREAM),
      ]);
      expect(second).toEqual(first);
      expect(await readIds(client(), stream)).toEqual(idsOf(events));
    });

    describe.each(appendWays)('%s append', (_name, append) => {
      it('of 40 writers at one revision, over two connections, one wins; all others learn the revision is wrong', async () => {
        const [one, other] = [client(), connect()];
        const stream = freshName();
        for (let revision = -1n; revision < 5n; revision += 1n) {
          const expected = revision < 0n ? NO_STREAM : revision;
          const tries = upTo(40).map((n) => append(n % 2 === 0 ? one : other, stream, numbered(1), expected));
          const ends = await Promise.allSettled(tries);
          expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
          for (const end of ends) if (end.status === 'rejected') expect(end.reason).toBeInstanceOf(WrongExpectedVersionError);
        }
        expect(await readIds(client(), stream)).toHaveLength(6);
      });

      it('of racing batches one is written whole, the others not at all', async () => {
        const stream = freshName();
        const batches = Array.from({ length: 10 }, () => numbered(20));
        const ends = await Promise.allSettled(batches.map((batch) => append(client(), stream, batch, NO_STREAM)));
        const winners = batches.filter((_, i) => ends[i]?.status === 'fulfilled');
        expect(winners).toHaveLength(1);
        expect(await readIds(client(), stream)).toEqual(idsOf(winners[0] ?? []));
      });

      it('readers see a batch whole or not at all', async () => {
        const stream = freshName();
        await append(client(), stream, numbered(10), NO_STREAM);
        let isOver = false;
        const writing = (async () => {
          for (let batch = 0; batch < 30; batch++) await append(client(), stream, numbered(10), ANY);
          isOver = true;
        })();
        const lengths: number[] = [];
        while (!isOver) lengths.push((await collect(client().readStream(stream))).length);
        await writing;
        expect(lengths.length).toBeGreaterThan(0);
        expect(lengths.filter((length) => length % 10 !== 0)).toEqual([]);
      });
    });
  },
  startServerProcess,
);
