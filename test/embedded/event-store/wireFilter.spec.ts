import {
  type EventStoreDBClient,
  eventTypeFilter,
  excludeSystemEvents,
  type Filter,
  NO_STREAM,
  streamNameFilter,
} from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { FILTER_KNOWN_TYPES_MAX } from '../../../src/embedded/event-store/limits.ts';
import { compileFilter } from '../../../src/embedded/event-store/reads/filter.ts';
import { encodeRecord } from '../../../src/embedded/event-store/storage/record.ts';
import { append, atEnd, event, startPair, until } from './support.ts';

const ID = '00000000-0000-4000-8000-000000000000';

const recordOf = (stream: string, type: string): Buffer =>
  encodeRecord(
    { id: ID, type, isJson: true, metadata: Buffer.alloc(0), data: Buffer.from('{}') },
    { stream, revision: 0, position: 0, createdAtMs: 0 },
    0,
  );

const matches = (regex: string, name: string, on: 'stream' | 'type' = 'type'): boolean =>
  compileFilter({ on, regex, prefixes: [] })(on === 'type' ? recordOf('s', name) : recordOf(name, 'Type'));

describe('a regular expression', () => {
  it.each([
    ['^[^$].*', 'Counted', true],
    ['^[^$].*', '$metadata', false],
    ['^[^\\$].*', '$>', false],
    ['^(account|inventory)-', 'account-7', true],
    ['^(account|inventory)-', 'an account-7', false],
    ['unt', 'Counted', true],
    ['Counted$', 'Counted', true],
    ['^\\w+-\\d{1,3}$', 'a-12', true],
    ['^\\w+-\\d{1,3}$', 'a-1234', false],
    ['^(?<category>[a-z]+)\\.', 'shop.x', true],
    ['주문', '큰주문생성', true],
  ])('%s on %s: %s', (regex, name, expected) => {
    expect(matches(regex, name)).toBe(expected);
    expect(matches(regex, name, 'stream')).toBe(expected);
  });

  it('says the same of a type at every look, of more types than it remembers', () => {
    const filter = compileFilter({ on: 'type', regex: '7$', prefixes: [] });
    const types = Array.from({ length: FILTER_KNOWN_TYPES_MAX + 100 }, (_, n) => `${n % 2 === 0 ? 'Type' : '주문'.repeat(100)}${n}`);
    const expected = types.map((type) => type.endsWith('7'));
    for (const _ of ['first look', 'second look']) expect(types.map((type) => filter(recordOf('s', type)))).toEqual(expected);
  });

  it.each(['(a+)+$', '(a*)*b', '(a|a)*$', '(a|aa)+$', '(.*a){12}', '^(([a-z])+.)+[A-Z]([a-z])+$'])(
    'that makes others stall takes no time here: %s',
    (regex) => {
      const filter = compileFilter({ on: 'type', regex, prefixes: [] });
      const hostile = recordOf('s', `${'a'.repeat(1_000)}!`);
      const begun = performance.now();
      for (let n = 0; n < 10; n++) filter(hostile);
      expect(performance.now() - begun).toBeLessThan(1_000);
    },
  );

  it.each([
    ['look-ahead', '^(?!x)'],
    ['look-behind', '(?<=x)y'],
    ['a reference back', '(a)\\1'],
    ['a large count', 'a{500}'],
    ['large counts of counts', '(a{0,15}){0,30}'],
    ['a .NET anchor', '\\Ax\\z'],
    ['a Unicode category', '\\p{L}+'],
    ['a class taken out of another', '[a-z-[aeiou]]'],
    ['an inline option', '(?i)x'],
    ['an atomic group', '(?>a+)b'],
    ['half a group', '('],
  ])('is refused rather than read otherwise than it was meant: %s', (_what, regex) => {
    expect(() => compileFilter({ on: 'type', regex, prefixes: [] })).toThrow(SyntaxError);
  });

  it('is not matched against a name that would take too long', () => {
    const filter = compileFilter({ on: 'type', regex: '(a|b|c)*'.repeat(100), prefixes: [] });
    expect(filter(recordOf('s', 'short'))).toBe(true);
    expect(() => filter(recordOf('s', 'a'.repeat(30_000)))).toThrow('too long for a name');
  });
});

describe('the client of npm', () => {
  const typesOf = async (client: EventStoreDBClient, filter: Filter): Promise<string[]> => {
    const subscription = client.subscribeToAll({ filter });
    const types: string[] = [];
    let isCaughtUp = false;
    subscription.on('data', (resolved) => types.push(resolved.event?.type ?? ''));
    subscription.on('caughtUp', () => {
      isCaughtUp = true;
    });
    subscription.on('error', () => undefined);
    atEnd(() => subscription.unsubscribe());
    await until(() => isCaughtUp, 'caught up');
    return types;
  };

  it.each<[string, Filter, string[]]>([
    ['excludeSystemEvents', excludeSystemEvents(), ['Counted', 'Added', 'Counted']],
    ['eventTypeFilter by prefix', eventTypeFilter({ prefixes: ['Add', 'None'] }), ['Added']],
    ['eventTypeFilter by expression', eventTypeFilter({ regex: '^(Count|None)' }), ['Counted', 'Counted']],
    ['streamNameFilter by prefix', streamNameFilter({ prefixes: ['account-'] }), ['Counted', 'Added']],
    ['streamNameFilter by expression', streamNameFilter({ regex: '-2$' }), ['Counted']],
  ])('%s', async (_what, filter, types) => {
    const { client } = await startPair();
    await append(client, 'account-1', [event(0), event(1, 'Added')], NO_STREAM);
    await append(client, 'other-2', event(2), NO_STREAM);
    expect(await typesOf(client, filter)).toEqual(types);
  });

  it('is told of an expression that is refused', async () => {
    const { client } = await startPair();
    const subscription = client.subscribeToAll({ filter: eventTypeFilter({ regex: '^(?!Counted)' }) });
    const error = await new Promise<Error>((resolve) => subscription.on('error', resolve));
    expect(error.message).toMatch(/INVALID_ARGUMENT.*linear time/);
  });
});
