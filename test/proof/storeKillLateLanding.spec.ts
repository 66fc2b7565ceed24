import { expect, it } from '@jest/globals';
import { type Acknowledged, LogCheck, type Refused, type Seen, type Sent } from './storeKillCheck.ts';

const none = new Map<string, never>();
const sent = (...names: string[]) => new Map(names.map((append): [string, Sent] => [append, { append, stream: 's', count: 1 }]));
const seen = (append: string, revision: bigint): Seen => ({
  stream: 's',
  revision,
  position: 10n + revision,
  id: append,
  append,
  index: 0,
  count: 1,
});
const at = (revision: bigint): Acknowledged => ({ revision, position: 10n + revision });
const refusal = (append: string, expected: bigint): Map<string, Refused> => new Map([[append, { stream: 's', expected }]]);

it('an append in doubt may land in a later round', () => {
  const log = new LogCheck();
  expect(log.round(sent('a'), none)).toBe(0);
  log.event(seen('a', 0n));
  expect(log.round(none, none)).toBe(1);
  expect(log.violations).toEqual([]);
});

it('an answer may come rounds after its events', () => {
  const log = new LogCheck();
  log.event(seen('a', 0n));
  log.round(sent('a'), none);
  log.round(none, new Map([['a', at(0n)]]));
  expect(log.violations).toEqual([]);
});

it('a late answer about events that are elsewhere is a violation', () => {
  const log = new LogCheck();
  log.event(seen('a', 0n));
  log.round(sent('a'), none);
  log.round(none, new Map([['a', at(5n)]]));
  expect(log.violations).toEqual(['append a was acknowledged at 15, and is at 10']);
});

it('an append that lands once more in a later round is a violation', () => {
  const log = new LogCheck();
  log.event(seen('a', 0n));
  log.round(sent('a'), none);
  log.event(seen('a', 1n));
  log.round(none, none);
  expect(log.violations).toEqual(['nobody sent append a, found in s']);
});

it('an append may be refused because one in doubt had landed before it', () => {
  const log = new LogCheck();
  log.round(sent('a'), none);
  log.event(seen('a', 0n));
  log.round(sent('b'), none, refusal('b', -1n));
  expect(log.violations).toEqual([]);
});

it('a refusal at the very revision of the stream is a violation', () => {
  const log = new LogCheck();
  log.event(seen('a', 0n));
  log.round(sent('a', 'b'), new Map([['a', at(0n)]]), refusal('b', 0n));
  expect(log.violations).toEqual(['append b was refused at 0, where s is']);
});

it('a refused append that lands all the same is a violation, at once or later', () => {
  const log = new LogCheck();
  log.event(seen('a', 0n));
  log.round(sent('a'), none, refusal('a', -1n));
  expect(log.violations).toEqual(['append a was refused and is there']);
  const later = new LogCheck();
  later.event(seen('a', 0n));
  later.round(sent('a', 'b'), new Map([['a', at(0n)]]), refusal('b', -1n));
  later.event(seen('b', 1n));
  later.round(none, none);
  expect(later.violations).toEqual(['nobody sent append b, found in s']);
});

it('an append with more or fewer events than were sent is a violation', () => {
  const log = new LogCheck();
  log.event(seen('a', 0n));
  log.round(new Map([['a', { append: 'a', stream: 's', count: 3 }]]), none);
  expect(log.violations).toEqual(['append a had 3 events, and has 1']);
});
