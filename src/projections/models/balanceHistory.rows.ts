/** `bigint` columns arrive as text. `amount` is signed; `seq` counts the changes of one balance, 1, 2, 3 …. */
export type BalanceHistoryRow = Readonly<{
  user_id: string;
  seq: number;
  type: 'charge' | 'use' | 'restore';
  amount: string;
  balance_after: string;
  order_id: string | null;
  reservation_id: string | null;
  at: Date;
}>;
