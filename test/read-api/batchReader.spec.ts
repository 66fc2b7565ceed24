import { expect, it } from '@jest/globals';
import { BatchReader } from '../../src/read-api/batchReader.ts';

const echo = (batches: (readonly string[])[]) =>
  new BatchReader(async (keys) => {
    batches.push(keys);
    await new Promise((resolve) => setImmediate(resolve));
    return { asOf: BigInt(batches.length), value: (key: string) => `of ${key}` };
  });

it('asks for the keys of one turn in one statement, each once', async () => {
  const batches: (readonly string[])[] = [];
  const reader = echo(batches);
  const answers = await Promise.all(['a', 'b', 'a', 'c'].map((key) => reader.read(key)));
  expect(answers.map(({ value }) => value)).toEqual(['of a', 'of b', 'of a', 'of c']);
  expect(batches).toEqual([['a', 'b', 'c']]);
});

it('asks for 500 keys at most in one statement, and for no key twice', async () => {
  const batches: (readonly string[])[] = [];
  const reader = echo(batches);
  const keys = Array.from({ length: 1_201 }, (_, i) => `k${i}`);
  const answers = await Promise.all(keys.map((key) => reader.read(key)));
  expect(answers.map(({ value }) => value)).toEqual(keys.map((key) => `of ${key}`));
  expect(batches.map((batch) => batch.length)).toEqual([500, 500, 201]);
});

it('lets nobody join a statement that was under way before the question', async () => {
  const batches: (readonly string[])[] = [];
  const reader = echo(batches);
  const first = reader.read('a');
  await new Promise((resolve) => setImmediate(resolve));
  const second = reader.read('a');
  expect([(await first).asOf, (await second).asOf]).toEqual([1n, 2n]);
});

it('rests after a statement that took long, and then asks for all that came meanwhile in one', async () => {
  const batches: (readonly string[])[] = [];
  const slow = new BatchReader(async (keys) => {
    batches.push(keys);
    await new Promise((resolve) => setTimeout(resolve, 30));
    return { asOf: 1n, value: (key: string) => key };
  });
  await slow.read('a');
  const asked = [slow.read('b')];
  // Without a rest the question would be on its way by now.
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  asked.push(slow.read('c'));
  await Promise.all(asked);
  expect(batches).toEqual([['a'], ['b', 'c']]);
});

it('tells all of a batch when it failed, and goes on', async () => {
  const faults = ['no database'];
  const reader = new BatchReader(async () => {
    if (faults.pop()) throw new Error('no database');
    return { asOf: 1n, value: (key: string) => key };
  });
  const results = await Promise.allSettled([reader.read('a'), reader.read('b')]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect((await reader.read('a')).value).toBe('a');
});

it('I21: turns away the 10,001st that waits', async () => {
  const reader = echo([]);
  const waiting = Array.from({ length: 10_000 }, () => reader.read('a'));
  expect(() => reader.read('a')).toThrow(expect.objectContaining({ problem: 'overloaded' }));
  expect((await Promise.all(waiting)).length).toBe(10_000);
});
