import { keyOf } from '../cursor.ts';
import { id, idOrNull, number, object, time, timeOrNull } from '../json.ts';
import { allOf, type ItemRow, type ItemsRow, oneOf, type Page, type Paging, pageOf, seqAfter } from '../page.ts';
import { type ReadModels, type Snapshot, viewQuery } from '../readModels.ts';

/** What a user's list is ordered by first (R24). Deleted coupons are in no list. */
export const LISTED_STATUSES = ['available', 'held', 'used', 'expired'] as const;
export type ListedStatus = (typeof LISTED_STATUSES)[number];

/** `discount`: what it takes off whatever the order is, which a rate does not. */
const couponWith = (status: string): string =>
  object({
    couponId: id('coupon_id'),
    discount: number("case discount_type when 'amount' then discount_amount else 0 end"),
    userId: id('user_id'),
    policyId: id('policy_id'),
    serial: number('serial'),
    number: number('number'),
    status: id(status),
    discountType: id('discount_type'),
    discountAmount: number('discount_amount'),
    issuedAt: time('issued_at'),
    expiresAt: time('expires_at'),
    usedAt: timeOrNull('used_at'),
    productId: idOrNull('product_id'),
    orderId: idOrNull('order_id'),
    deletedAt: timeOrNull('deleted_at'),
  });

const branch = (status: ListedStatus, condition: string, numberBelow: string): string =>
  `(select ${couponWith(`'${status}'`)} as item, '${LISTED_STATUSES.indexOf(status)}.' || number as key from coupons
     where user_id = $1 and ${condition} and number < ${numberBelow}::bigint order by number desc limit $3)`;

/** A branch for each status, best first: the limit outside stops before those that are not needed. */
const list = viewQuery(
  'coupons of a user',
  ['coupons'],
  allOf(
    `${branch('available', "status = 'available' and expires_at >= $2", '$4')}
     union all ${branch('held', "status = 'held'", '$5')}
     union all ${branch('used', "status = 'used'", '$6')}
     union all ${branch('expired', "status = 'available' and expires_at < $2", '$7')}
     limit $3`,
  ),
);

const statusAt = "(case when status = 'available' and expires_at < $2::timestamptz then 'expired' else status end)";
const one = viewQuery(
  'coupon',
  ['coupons'],
  oneOf(`select ${couponWith(statusAt)} from coupons where coupon_id = $1 and status <> 'deleted'`),
);

const LIST = 'coupons';
const LIST_KEY = /^[0-3]\.[1-9][0-9]{0,17}$/;
const NUMBER_MAX = '9223372036854775807';

export type CouponFilter = Readonly<{ status?: ListedStatus | undefined; limit: number; after?: string | undefined }>;

/**
 * A user's coupons: available, held, used, expired, in each the newest number first. A coupon whose status changes
 * between two pages may be seen twice or not at all, since its place in the order changes with it.
 */
export const readCoupons = async (models: ReadModels, userId: string, now: number, filter: CouponFilter): Promise<Snapshot<Page>> => {
  const { status, limit, after } = filter;
  const [rank = '-1', lastNumber = NUMBER_MAX] = keyOf(LIST, after, LIST_KEY) ?? [];
  const numbersBelow = LISTED_STATUSES.map((listed, i) => {
    if (i < Number(rank) || (status !== undefined && status !== listed)) return '0';
    return i === Number(rank) ? lastNumber : NUMBER_MAX;
  });
  const { asOf, value } = await models.read<ItemsRow>(list, [userId, new Date(now).toISOString(), limit + 1, ...numbersBelow]);
  return { asOf, value: pageOf(LIST, value, limit) };
};

/** A coupon by its id; `null` when there is none, or it was deleted. */
export const readCoupon = async (models: ReadModels, couponId: string, now: number): Promise<Snapshot<string | null>> => {
  const { asOf, value } = await models.read<ItemRow>(one, [couponId, new Date(now).toISOString()]);
  return { asOf, value: value.item };
};

const entry = object({
  seq: number('seq'),
  change: id('change'),
  productId: idOrNull('product_id'),
  orderId: idOrNull('order_id'),
  at: time('at'),
});
const history = viewQuery(
  'coupon history',
  ['coupons', 'coupon_history'],
  allOf(
    `select ${entry} as item, seq::text as key from (
       select 1 as seq, 'issued' as change, null::text as product_id, null::text as order_id, issued_at as at from coupons where coupon_id = $1
       union all
       select seq, change, product_id, order_id, at from coupon_history where coupon_id = $1 and seq > $2) entries
      where seq > $2 order by seq limit $3`,
  ),
  ['exists (select from coupons where coupon_id = $1) as known'],
);
const HISTORY = 'coupon history';

/** All that was done with a coupon, its issue first, its deletion too (R26); `null` when there is no such coupon. */
export const readCouponHistory = async (models: ReadModels, couponId: string, paging: Paging): Promise<Snapshot<Page | null>> => {
  const values = [couponId, seqAfter(HISTORY, paging.after), paging.limit + 1];
  const { asOf, value } = await models.read<ItemsRow & Readonly<{ known: boolean }>>(history, values);
  return { asOf, value: value.known ? pageOf(HISTORY, value, paging.limit) : null };
};
