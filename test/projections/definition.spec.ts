import { expect, it } from '@jest/globals';
import { definitionOf } from '../../src/projections/definition.ts';
import { accounts } from '../../src/projections/models/accounts.ts';
import { allProjections } from '../../src/projections/models/all.ts';
import { orders } from '../../src/projections/models/orders.ts';
import type { Projection } from '../../src/projections/projection.ts';
import { specimens } from '../../src/projections/specimens.ts';

it('BG4: differs when tables, views, statements, handled events, version or zone do', () => {
  const changed: readonly Projection[] = [
    { ...accounts, version: 2 },
    { ...accounts, handles: { account: ['BalanceCharged'] } },
    { ...accounts, createTable: (table) => [...accounts.createTable(table), `create index on ${table} (held)`] },
    { ...accounts, viewOf: (table) => `select user_id, balance from ${table}` },
    { ...accounts, furtherViews: { rich: 'select * from accounts where balance > 1000000' } },
    { ...accounts, toSql: (table, events) => accounts.toSql(table, events).map((sql) => ({ ...sql, text: `${sql.text} -- ` })) },
    { ...accounts, toSql: (table, events) => accounts.toSql(table, events.slice(1)) },
  ];
  expect(new Set([accounts, ...changed].map(definitionOf)).size).toBe(changed.length + 1);
  const [seoul, calcutta] = ['Asia/Seoul', 'Asia/Calcutta'].map((zone) => allProjections(zone).map(definitionOf));
  expect(seoul?.filter((definition, nth) => definition !== calcutta?.[nth])).toHaveLength(1);
});

it('is the same for the same code, whatever its layout', () => {
  const again: Projection = {
    ...accounts,
    toSql: (table, events) => {
      const all = accounts.toSql(table, events);
      return all;
    },
  };
  expect(definitionOf(again)).toBe(definitionOf({ ...accounts }));
  expect(definitionOf(accounts)).toMatch(/^[0-9a-f]{16}$/);
});

it('there is a specimen of every event that a projection handles, and each makes it write something', () => {
  for (const projection of [...allProjections('Asia/Seoul'), orders]) {
    for (const [category, types] of Object.entries(projection.handles)) {
      for (const type of types) {
        const of = specimens.filter(({ event, stream }) => event.type === type && stream.startsWith(`${category}-`));
        expect([projection.name, type, of.length > 0, projection.toSql('t', of).length > 0]).toEqual([projection.name, type, true, true]);
      }
    }
  }
});
