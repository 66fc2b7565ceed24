import {
  type AllStreamResolvedEvent,
  END,
  type EventStoreDBClient,
  eventTypeFilter,
  excludeSystemEvents,
  type Filter,
  type Position,
  START,
  streamNameFilter,
} from '@eventstore/db-client';
import { expect, it } from '@jest/globals';
import { freshName, freshType, numbered, numbersIn, serverContract, until, upTo, wait } from './support.ts';

const follow = (client: EventStoreDBClient, fromPosition: Position | typeof START | typeof END, filter: Filter) => {
  const subscription = client.subscribeToAll({ fromPosition, filter });
  const got: AllStreamResolvedEvent[] = [];
  const told = { got, caughtUp: 0, errors: [] as unknown[], unsubscribe: () => subscription.unsubscribe() };
  subscription.on('data', (resolved) => got.push(resolved));
  subscription.on('caughtUp', () => told.caughtUp++);
  subscription.on('error', (error) => told.errors.push(error));
  return told;
};

/** A part that no other name has, so that filters match nothing of others. */
const mark = () => freshType('m');

type Row = readonly [string, (mine: string) => Filter, number[]];
/** Each case writes types Apple, Pear, Plum, Fig (0–3) to basket-a and (4–7) to 수레-b; both names and types carry the mark. */
const rows: Row[] = [
  ['a prefix of streams', (m) => streamNameFilter({ prefixes: [`${m}-basket-`] }), [0, 1, 2, 3]],
  ['several prefixes of streams', (m) => streamNameFilter({ prefixes: [`${m}-수레-`, `${m}-basket-a`, 'none-'] }), upTo(8)],
  ['a regular expression on streams', (m) => streamNameFilter({ regex: `^${m}-.*-b$` }), [4, 5, 6, 7]],
  ['a regular expression on streams that is not anchored', (m) => streamNameFilter({ regex: `${m}-수레` }), [4, 5, 6, 7]],
  ['a prefix of types', (m) => eventTypeFilter({ prefixes: [`${m}P`] }), [1, 2, 5, 6]],
  ['several prefixes of types', (m) => eventTypeFilter({ prefixes: [`${m}App`, `${m}Fig`] }), [0, 3, 4, 7]],
  ['a regular expression on types', (m) => eventTypeFilter({ regex: `^${m}(Plum|Pear)$` }), [1, 2, 5, 6]],
  ['a class of letters', (m) => eventTypeFilter({ regex: `^${m}[A-F][a-z]*$` }), [0, 3, 4, 7]],
  ['a whole type as prefix', (m) => eventTypeFilter({ prefixes: [`${m}Pear`] }), [1, 5]],
];

serverContract('filtered subscriptions to $all', ({ client }) => {
  const begin = async (): Promise<Position> => (await client().appendToStream(freshName(), numbered(1))).position as Position;
  const write = async (m: string, stream: string, first: number) =>
    client().appendToStream(
      `${m}-${stream}`,
      ['Apple', 'Pear', 'Plum', 'Fig'].flatMap((type, i) => numbered(1, `${m}${type}`, first + i)),
    );

  it.each(rows)('by %s, stored and live', async (_by, filter, expected) => {
    const [m, from] = [mark(), await begin()];
    await write(m, 'basket-a', 0);
    const told = follow(client(), from, filter(m));
    await until(() => told.caughtUp > 0, 'caught up');
    const stored = told.got.length;
    await write(m, '수레-b', 4);
    await until(() => told.got.length >= expected.length, 'all matches');
    await wait(10);
    expect(numbersIn(told.got)).toEqual(expected);
    expect(stored).toBe(expected.filter((n) => n < 4).length);
    await told.unsubscribe();
  });

  it('prefixes mind the case of letters, and stand at the beginning', async () => {
    const [m, from] = [mark(), await begin()];
    const told = follow(client(), from, streamNameFilter({ prefixes: [`${m}-Basket`] }));
    await write(m, 'basket-a', 0);
    await client().appendToStream(`x${m}-Basket-a`, numbered(1));
    await write(m, 'Basket-a', 4);
    await until(() => told.got.length >= 4, 'the matches');
    expect(numbersIn(told.got)).toEqual([4, 5, 6, 7]);
    await told.unsubscribe();
  });

  it('signs that mean something in a regular expression mean nothing in a prefix', async () => {
    const [m, from] = [mark(), await begin()];
    await client().appendToStream(`${m}.+`, numbered(1, 'Counted', 1));
    await client().appendToStream(`${m}xx`, numbered(1, 'Counted', 2));
    const told = follow(client(), from, streamNameFilter({ prefixes: [`${m}.+`] }));
    await until(() => told.caughtUp > 0, 'caught up');
    expect(numbersIn(told.got)).toEqual([1]);
    await told.unsubscribe();
  });

  it('from the start finds what matches in the whole log', async () => {
    const m = mark();
    await write(m, 'basket-a', 0);
    const told = follow(client(), START, streamNameFilter({ prefixes: [m], checkpointInterval: 1_000 }));
    await until(() => told.got.length >= 4, 'the matches');
    expect(numbersIn(told.got)).toEqual(upTo(4));
    await told.unsubscribe();
  });

  it('from the end hears only what comes', async () => {
    const m = mark();
    await write(m, 'basket-a', 0);
    const told = follow(client(), END, streamNameFilter({ prefixes: [m] }));
    await until(() => told.caughtUp > 0, 'caught up');
    await write(m, '수레-b', 4);
    await until(() => told.got.length >= 4, 'the matches');
    expect(numbersIn(told.got)).toEqual(upTo(4, 4));
    await told.unsubscribe();
  });

  it('of which nothing matches is caught up all the same', async () => {
    const from = await begin();
    await client().appendToStream(freshName(), numbered(200));
    const told = follow(client(), from, eventTypeFilter({ prefixes: [freshType('Never')] }));
    await until(() => told.caughtUp > 0, 'caught up');
    expect(told.got).toEqual([]);
    await told.unsubscribe();
  });

  it('excludeSystemEvents leaves out every type that begins with $, and nothing else', async () => {
    const [stream, from] = [freshName(), await begin()];
    const type = freshType('a$b');
    await client().appendToStream(stream, numbered(3, type));
    await client().setStreamMetadata(stream, { maxCount: 10 });
    const told = follow(client(), from, excludeSystemEvents());
    await until(() => told.caughtUp > 0, 'caught up');
    await client().tombstoneStream(stream);
    await client().appendToStream(freshName(), numbered(1, type, 3));
    const mine = () => told.got.filter(({ event }) => event?.type === type);
    await until(() => mine().length === 4, 'the events');
    expect(numbersIn(mine())).toEqual(upTo(4));
    expect(told.got.some(({ event }) => event?.type.startsWith('$'))).toBe(false);
    await told.unsubscribe();
  });

  it('streams of the system can be asked for by name', async () => {
    const [stream, from] = [freshName(), await begin()];
    const told = follow(client(), from, streamNameFilter({ prefixes: [`$$${stream}`] }));
    await client().setStreamMetadata(stream, { maxCount: 10 });
    await until(() => told.got.length > 0, 'the metadata');
    expect(told.got[0]?.event).toMatchObject({ type: '$metadata', data: { $maxCount: 10 } });
    await told.unsubscribe();
  });

  it('several with different filters go side by side', async () => {
    const [m, from] = [mark(), await begin()];
    const told = rows.map(([, filter]) => follow(client(), from, filter(m)));
    await write(m, 'basket-a', 0);
    await write(m, '수레-b', 4);
    await until(() => told.every(({ got }, i) => got.length >= (rows[i]?.[2].length ?? 0)), 'all matches');
    expect(told.map(({ got }) => numbersIn(got))).toEqual(rows.map(([, , expected]) => expected));
    await Promise.all(told.map((one) => one.unsubscribe()));
  });

  it('a regular expression that is none is an error, and the server goes on', async () => {
    const told = follow(client(), START, eventTypeFilter({ regex: '(' }));
    await until(() => told.errors.length > 0, 'the error');
    expect(told.got).toEqual([]);
    expect(await client().appendToStream(freshName(), numbered(1))).toMatchObject({ success: true });
  });
});
