import { keyOf } from '../cursor.ts';
import type { ItemSource } from '../itemReader.ts';
import { id, idOrNull, json, number, object, time, timeOrNull } from '../json.ts';
import { allOf, type ItemsRow, type Page, pageOf } from '../page.ts';
import { type ReadModels, type Snapshot, viewQuery } from '../readModels.ts';

export const ORDER_STATUSES = ['open', 'placed', 'rejected'] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

const order = object({
  orderId: id('order_id'),
  userId: id('user_id'),
  status: id('status'),
  reason: idOrNull('reason'),
  items: json('items'),
  subtotal: number('subtotal'),
  discount: number('discount'),
  totalAmount: number('total_amount'),
  couponId: idOrNull('coupon_id'),
  orderedAt: time('ordered_at'),
  settledAt: timeOrNull('settled_at'),
});
/** Orders of all users. */
export const orderSource: ItemSource = { view: 'orders', key: 'order_id', item: order };
const list = viewQuery(
  'orders of a user',
  ['orders'],
  allOf(
    `select ${order} as item, position::text as key from orders
      where user_id = $1 and position < $2 and status = any($3::text[]) order by position desc limit $4`,
  ),
);

const LIST = 'orders';
const LIST_KEY = /^(0|[1-9][0-9]{0,17})$/;
const POSITION_MAX = '9223372036854775807';

export type OrderFilter = Readonly<{ status?: OrderStatus | undefined; limit: number; after?: string | undefined }>;

/** A user's orders, newest first by their place in the log. */
export const readOrders = async (models: ReadModels, userId: string, filter: OrderFilter): Promise<Snapshot<Page>> => {
  const { status, limit, after } = filter;
  const [before = POSITION_MAX] = keyOf(LIST, after, LIST_KEY) ?? [];
  const { asOf, value } = await models.read<ItemsRow>(list, [userId, before, status ? [status] : ORDER_STATUSES, limit + 1]);
  return { asOf, value: pageOf(LIST, value, limit) };
};
