import { keyOf } from '../cursor.ts';
import type { ItemSource } from '../itemReader.ts';
import { id, idOrNull, number, object, time } from '../json.ts';
import { allOf, type ItemsRow, type Page, pageOf } from '../page.ts';
import { type ReadModels, type Snapshot, viewQuery } from '../readModels.ts';

const balance = object({ userId: id('user_id'), balance: number('balance'), held: number('held') });
/** Balances of users. One nobody has heard of is not there, which is no error: it has 0. */
export const balanceSource: ItemSource = { view: 'accounts', key: 'user_id', item: balance };
export const noBalance = (userId: string): string => `{"userId":"${userId}","balance":0,"held":0}`;

const change = object({
  seq: number('seq'),
  type: id('type'),
  amount: number('amount'),
  balanceAfter: number('balance_after'),
  orderId: idOrNull('order_id'),
  reservationId: idOrNull('reservation_id'),
  at: time('at'),
});
const history = viewQuery(
  'balance history',
  ['balance_history'],
  allOf(`select ${change} as item, seq::text as key from balance_history where user_id = $1 and seq < $2 order by seq desc limit $3`),
);
const HISTORY = 'history';
const HISTORY_KEY = /^[1-9][0-9]{0,9}$/;
const SEQ_MAX = 2_147_483_647;

/** Every change of a user's balance, newest first (R29). */
export const readHistory = async (
  models: ReadModels,
  userId: string,
  limit: number,
  after: string | undefined,
): Promise<Snapshot<Page>> => {
  const [before = SEQ_MAX] = keyOf(HISTORY, after, HISTORY_KEY) ?? [];
  const { asOf, value } = await models.read<ItemsRow>(history, [userId, Math.min(Number(before), SEQ_MAX), limit + 1]);
  return { asOf, value: pageOf(HISTORY, value, limit) };
};
