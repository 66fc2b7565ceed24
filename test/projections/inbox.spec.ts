import { expect, it } from '@jest/globals';
import { Inbox } from '../../src/projections/inbox.ts';

const numbers = async function* (upTo: number, onAsked: (n: number) => void = () => undefined) {
  for (let n = 1; n <= upTo; n += 1) {
    onAsked(n);
    yield n;
  }
};

const aWhile = () => new Promise((resolve) => setTimeout(resolve, 20));

it('asks the source for no more than it holds', async () => {
  let asked = 0;
  const inbox = new Inbox<number>(10);
  const filling = inbox.fill(
    numbers(1_000, (n) => {
      asked = n;
    }),
  );
  await aWhile();
  expect(asked).toBe(10);
  expect(await inbox.take(4)).toEqual([1, 2, 3, 4]);
  await aWhile();
  expect(asked).toBeLessThanOrEqual(15);
  inbox.close();
  await filling;
});

it('hands over everything in order, then the end', async () => {
  const inbox = new Inbox<number>(3);
  const filling = inbox.fill(numbers(10));
  const got: number[] = [];
  for (let taken = await inbox.take(2); taken !== null; taken = await inbox.take(2)) {
    expect(taken.length).toBeLessThanOrEqual(2);
    got.push(...taken);
  }
  expect(got).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  await filling;
});

it('hands over what came before a failure, then the failure', async () => {
  const inbox = new Inbox<number>(10);
  const filling = inbox.fill(
    (async function* () {
      yield 1;
      throw new Error('the line broke');
    })(),
  );
  expect(await inbox.take(10)).toEqual([1]);
  await expect(inbox.take(10)).rejects.toThrow('the line broke');
  await filling;
});

it('lets go of a waiting reader and of a source that waits for room when it is closed', async () => {
  const full = new Inbox<number>(2);
  const filling = full.fill(numbers(1_000));
  await aWhile();
  full.close();
  await filling;
  const empty = new Inbox<number>(2);
  const waiting = empty.take(1);
  empty.close();
  expect(await waiting).toBeNull();
});
