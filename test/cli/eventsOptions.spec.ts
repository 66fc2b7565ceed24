import { expect, it } from '@jest/globals';
import { parseEventsOptions, WrongUsage } from '../../src/cli/eventsOptions.ts';

it.each([
  [[]],
  [['watch']],
  [['toString']],
  [['tail', '--from', '-1']],
  [['tail', '--from=-1']],
  [['tail', '--from', '']],
  [['tail', '--from', '1e3']],
  [['tail', '--from', '9223372036854775808']],
  [['tail', '--count', '0']],
  [['tail', '--count', '1000000001']],
  [['tail', '--count', 'all']],
  [['tail', '--type', '']],
  [['tail', '--follow']],
  [['tail', 'long']],
  [['tail', '--json=yes']],
  [['stream']],
  [['stream', '']],
  [['stream', 'a', 'b']],
  [['stream', 'a', '--from', '1.5']],
  [['stream', 'a', '--from', 'end']],
  [['stream', 'a', '--system']],
  [['account']],
  [['account', '']],
  [['account', '--at', '1']],
  [['account', 'ann', 'bob']],
  [['account', '-ann']],
  [['account', 'a/b']],
  [['account', `a${'n'.repeat(64)}`]],
  [['account', 'ann', '--at', '']],
  [['account', 'ann', '--at', '-1']],
  [['account', 'ann', '--at=-1']],
  [['account', 'ann', '--at', '0x10']],
  [['account', 'ann', '--at', '1.0']],
  [['account', 'ann', '--at', 'now']],
  [['account', 'ann', '--at', '9223372036854775808']],
  [['account', 'ann', '--at', '5', '--from', '1']],
  [['export', '--from', 'end']],
  [['export', '--count', '1']],
  [['export', '--to-file', '']],
  [['export', '--to-file']],
])('refuses %j', (args) => {
  expect(() => parseEventsOptions(args)).toThrow(WrongUsage);
});

it('follows from the end when it is told nothing, from the start or behind a position when it is told so', () => {
  const from = (...args: readonly string[]) => (parseEventsOptions(['tail', ...args]).options as { from: unknown }).from;
  expect([from(), from('--from', 'end'), from('--from', 'start'), from('--from', '0')]).toEqual(['end', 'end', null, 0n]);
  expect(from('--from', '9223372036854775807')).toBe(2n ** 63n - 1n);
});

it('takes any name for a stream', () => {
  const name = (...args: readonly string[]) => (parseEventsOptions(['stream', ...args]).options as { name: string }).name;
  expect([name('쿠폰 1'), name('$$account-1'), name('--', '--json')]).toEqual(['쿠폰 1', '$$account-1', '--json']);
});

it('takes several types', () => {
  expect(parseEventsOptions(['export', '--type', 'A', '--type', 'B', '--json'])).toEqual({
    kind: 'export',
    options: { from: null, types: ['A', 'B'], system: false, toFile: null },
  });
});

it('takes a user and a position for an account, and now when it is told no position', () => {
  const asked = (...args: readonly string[]) => parseEventsOptions(['account', ...args]);
  expect(asked('u1--2', '--at', '907', '--json')).toEqual({ kind: 'account', options: { userId: 'u1--2', at: 907n, json: true } });
  expect(asked('u1')).toEqual({ kind: 'account', options: { userId: 'u1', at: null, json: false } });
});
