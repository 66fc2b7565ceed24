import { id, idOrNull, numberOrNull, object, time } from '../json.ts';
import { type ItemRow, oneOf } from '../page.ts';
import { type ReadModels, type Snapshot, viewQuery } from '../readModels.ts';

const request = object({
  transactionId: id('transaction_id'),
  userId: id('user_id'),
  couponId: numberOrNull('policy_number'),
  status: id('status'),
  reason: idOrNull('reason'),
  userCouponId: idOrNull('coupon_id'),
  decidedAt: time('decided_at'),
});

const newest = viewQuery(
  'coupon request',
  ['coupon_requests'],
  oneOf(
    `select ${request} from coupon_requests
      where transaction_id = $1 and ($2::int is null or policy_number = $2) order by position desc limit 1`,
  ),
);

/** What became of the request: of the one for this policy's number, or else of the newest; `null` while nothing is recorded. */
export const readCouponRequest = async (
  models: ReadModels,
  transactionId: string,
  policyNumber: number | null,
): Promise<Snapshot<string | null>> => {
  const { asOf, value } = await models.read<ItemRow>(newest, [transactionId, policyNumber]);
  return { asOf, value: value.item };
};
