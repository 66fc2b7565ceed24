import { describe, expect, it } from '@jest/globals';
import { type Acknowledged, LogCheck, type Seen, type Sent } from '../../proof/storeKillCheck.ts';

/** Two events of one append at revisions 0 and 1. */
const batch = (append: string, stream = 's', first = 0n, at = 10n): Seen[] => [
  { stream, revision: first, position: at, id: `${append}-0`, append, index: 0, count: 2 },
  { stream, revision: first + 1n, position: at + 1n, id: `${append}-1`, append, index: 1, count: 2 },
];

const check = (seen: readonly Seen[], sent: readonly Sent[], acknowledged: readonly [string, Acknowledged][] = []) => {
  const log = new LogCheck();
  for (const one of seen) log.event(one);
  const landed = log.round(new Map(sent.map((one) => [one.append, one])), new Map(acknowledged));
  return { landed, violations: log.violations };
};

const sentA: Sent = { append: 'a', stream: 's', count: 2 };
const answerA: [string, Acknowledged] = ['a', { revision: 1n, position: 11n }];

describe('the proof sees', () => {
  it('a sound log', () => {
    expect(check(batch('a'), [sentA], [answerA])).toEqual({ landed: 0, violations: [] });
    expect(check(batch('a'), [sentA])).toEqual({ landed: 1, violations: [] });
    expect(check([], [sentA])).toEqual({ landed: 0, violations: [] });
  });

  it.each<[string, Seen[], Sent[], [string, Acknowledged][], RegExp]>([
    ['an acknowledged append that is lost', [], [sentA], [answerA], /acknowledged and is lost/],
    ['an acknowledged append elsewhere', batch('a', 's', 0n, 20n), [sentA], [answerA], /acknowledged at 11, and is at 21/],
    ['a batch that breaks off', batch('a').slice(0, 1), [sentA], [], /breaks off at 1 of 2/],
    ['a batch without its beginning', batch('a').slice(1), [sentA], [], /has revision 1 where 0/],
    ['a hole', batch('a', 's', 3n), [sentA], [], /has revision 3 where 0 should be/],
    ['an append that is there twice', [...batch('a'), ...batch('a', 's', 2n, 20n)], [sentA], [], /is there twice/],
    ['an append that nobody sent', batch('b'), [sentA], [], /nobody sent append b/],
    ['a position that does not grow', batch('a').map((one) => ({ ...one, position: 5n })), [sentA], [], /position 5 comes behind 5/],
  ])('%s', (_what, seen, sent, acknowledged, violation) => {
    expect(check(seen, sent, acknowledged).violations.join('\n')).toMatch(violation);
  });
});
