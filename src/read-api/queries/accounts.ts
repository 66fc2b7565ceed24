import { BatchReader } from '../batchReader.ts';
import { keyOf } from '../cursor.ts';
import { id, idOrNull, number, object, time } from '../json.ts';
import { allOf, type ItemsRow, type Page, pageOf, split } from '../page.ts';
import { type ReadModels, type Snapshot, viewQuery } from '../readModels.ts';

const balance = object({ userId: id('user_id'), balance: number('balance'), held: number('held') });
const balances = viewQuery(
  'balances',
  ['accounts'],
  allOf(`select ${balance} as item, user_id as key from accounts where user_id = any($1::text[])`),
);

/** Looks balances up, those of one turn in one statement. A user nobody has heard of has 0. */
export const balanceReader = (models: ReadModels): BatchReader<string> =>
  new BatchReader(async (userIds) => {
    const { asOf, value } = await models.read<ItemsRow>(balances, [userIds]);
    const items = split(value.items);
    const found = new Map(split(value.keys).map((userId, i) => [userId, items[i]]));
    return { asOf, value: (userId) => found.get(userId) ?? `{"userId":"${userId}","balance":0,"held":0}` };
  });

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
