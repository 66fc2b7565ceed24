import { idOf, type Projection, type Stored } from '../projection.ts';
import { columns } from './rows.ts';

type Movement = Readonly<{
  userId: string;
  seq: number;
  type: 'charge' | 'use' | 'restore';
  amount: number;
  balanceAfter: number;
  orderId: string | null;
  at: number;
}>;

const movementOf = ({ event, stream }: Stored): Movement | null => {
  const userId = () => idOf(stream);
  switch (event.type) {
    case 'BalanceCharged': {
      const { movement: seq, amount, balanceAfter, at } = event.data;
      return { userId: userId(), seq, type: 'charge', amount, balanceAfter, orderId: null, at };
    }
    case 'OrderSubmitted': {
      const { movement: seq, totalAmount, balanceAfter, orderId, at } = event.data;
      return { userId: userId(), seq, type: 'use', amount: 0 - totalAmount, balanceAfter, orderId, at };
    }
    case 'OrderRejected': {
      const { movement: seq, totalAmount, balanceAfter, orderId, at } = event.data;
      return { userId: userId(), seq, type: 'restore', amount: totalAmount, balanceAfter, orderId, at };
    }
    default:
      return null;
  }
};

/** Every change of a balance, one row each (R29). A change told twice breaks the key, and is not hidden. */
export const balanceHistory: Projection = {
  name: 'balance_history',
  version: 1,
  handles: { account: ['BalanceCharged', 'OrderSubmitted', 'OrderRejected'] },
  createTable: (table) => [
    `create table ${table} (
       user_id        text        not null,
       seq            int         not null check (seq > 0),
       type           text        not null,
       amount         bigint      not null,
       balance_after  bigint      not null check (balance_after >= 0),
       order_id       text,
       reservation_id text,
       at             timestamptz not null,
       primary key (user_id, seq)
     )`,
  ],
  toSql: (table, events) => {
    const movements = events.map(movementOf).filter((movement) => movement !== null);
    if (movements.length === 0) return [];
    const text = `insert into ${table} (user_id, seq, type, amount, balance_after, order_id, at)
      select user_id, seq, type, amount, balance_after, order_id, to_timestamp(at / 1000)
        from unnest($1::text[], $2::int[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::float8[])
          n(user_id, seq, type, amount, balance_after, order_id, at)`;
    const values = columns(
      movements,
      (m) => m.userId,
      (m) => m.seq,
      (m) => m.type,
      (m) => m.amount,
      (m) => m.balanceAfter,
      (m) => m.orderId,
      (m) => m.at,
    );
    return [{ name: table, text, values }];
  },
};
