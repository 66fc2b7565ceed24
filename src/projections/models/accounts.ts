import { idOf, type Projection, type Stored } from '../projection.ts';
import { columns, entryOf } from './rows.ts';

type Change = { userId: string; balance: number | null; heldBy: number };

const changesOf = (events: readonly Stored[]): Map<string, Change> => {
  const changes = new Map<string, Change>();
  const of = (stream: string) => entryOf(changes, stream, () => ({ userId: idOf(stream), balance: null, heldBy: 0 }));
  for (const { event, stream } of events) {
    switch (event.type) {
      case 'BalanceCharged':
        of(stream).balance = event.data.balanceAfter;
        break;
      case 'OrderSubmitted': {
        const change = of(stream);
        change.balance = event.data.balanceAfter;
        change.heldBy += event.data.totalAmount;
        break;
      }
      case 'OrderPlaced':
        of(stream).heldBy -= event.data.totalAmount;
        break;
      case 'OrderRejected': {
        const change = of(stream);
        change.balance = event.data.balanceAfter;
        change.heldBy -= event.data.totalAmount;
        break;
      }
    }
  }
  return changes;
};

/** What each user can spend, and what open orders hold (R27). The checks of the table are the last guard of I1. */
export const accounts: Projection = {
  name: 'accounts',
  version: 1,
  handles: { account: ['BalanceCharged', 'OrderSubmitted', 'OrderPlaced', 'OrderRejected'] },
  createTable: (table) => [
    `create table ${table} (
       user_id text primary key,
       balance bigint not null check (balance >= 0),
       held    bigint not null check (held >= 0)
     ) with (fillfactor = 70)`,
  ],
  toSql: (table, events) => {
    const changes = changesOf(events);
    if (changes.size === 0) return [];
    // The row is computed before it is offered: a check judges the offered row also when the conflict then updates another.
    const text = `insert into ${table} (user_id, balance, held)
      select n.user_id, coalesce(n.balance, t.balance, 0), coalesce(t.held, 0) + n.held_by
        from unnest($1::text[], $2::bigint[], $3::bigint[]) n(user_id, balance, held_by)
        left join ${table} t using (user_id)
      on conflict (user_id) do update set balance = excluded.balance, held = excluded.held`;
    const values = columns(
      changes.values(),
      (c) => c.userId,
      (c) => c.balance,
      (c) => c.heldBy,
    );
    return [{ name: table, text, values }];
  },
};
