import { keyOf } from '../cursor.ts';
import type { ItemSource } from '../itemReader.ts';
import { andNumberIfAny, id, number, numberOrNull, object, text, time, timeOrNull } from '../json.ts';
import type { Generational } from '../keptAnswer.ts';
import { allOf, type ItemsRow, type Page, type Paging, pageOf, seqAfter } from '../page.ts';
import { PRESENT_GENERATION, type ReadModels, type Snapshot, viewQuery } from '../readModels.ts';
import type { AtGeneration } from './generation.ts';

const terms = {
  discountType: id('discount_type'),
  discountAmount: number('discount_amount'),
  startsAt: time('starts_at'),
  endsAt: time('ends_at'),
  expireMinutes: number('expire_minutes'),
  perUser: numberOrNull('per_user'),
};
const policy = object({
  policyId: id('policy_id'),
  number: number('number'),
  name: text('name'),
  type: id('type'),
  count: numberOrNull('count'),
  // An unlimited policy has no remaining (R8).
  issued: [...number('issued'), ...andNumberIfAny('remaining', 'count - issued')],
  ...terms,
  createdAt: time('created_at'),
  updatedAt: time('updated_at'),
  deletedAt: timeOrNull('deleted_at'),
});

/** When the list of issuable policies next changes by time alone: a window opens, or has just closed. Milliseconds since 1970. */
const NEXT_BORDER = `(select (extract(epoch from min(border)) * 1000)::bigint from (
    select starts_at as border from coupon_policies where deleted_at is null and starts_at > $1::timestamptz
    union all
    select ends_at + interval '1 millisecond' from coupon_policies where deleted_at is null and ends_at >= $1::timestamptz) borders
  ) as next_border`;

const list = (name: string, condition: string) =>
  viewQuery(
    name,
    ['coupon_policies', 'generations'],
    allOf(
      `select ${policy} as item, number::text as key from coupon_policies
        where generation = at.generation and number > $2 and ${condition} order by number limit $3`,
    ),
    [...PRESENT_GENERATION, NEXT_BORDER],
  );

/** What can be issued at `$1`, both ends of the window included (R8). */
export const ISSUABLE = 'deleted_at is null and starts_at <= $1::timestamptz and ends_at >= $1::timestamptz';
const issuable = list('issuable policies', ISSUABLE);
const all = list('all policies', 'true');
/** Policies of every generation, closed and deleted ones too. */
export const policySource: ItemSource = { view: 'coupon_policies', key: 'policy_id', item: policy };

const LIST = 'policies';
const LIST_KEY = /^[1-9][0-9]{0,9}$/;
const NUMBER_MAX = 2_147_483_647;

export type PolicyFilter = Readonly<{ all: boolean; limit: number; after?: string | undefined }>;
type ListRow = ItemsRow & AtGeneration & Readonly<{ next_border: string | null }>;

/** The policies of the present generation by number: those issuable at `now`, both ends of the window included (R8), or all. */
export const readPolicies = async (models: ReadModels, now: number, filter: PolicyFilter): Promise<Snapshot<Generational<Page>>> => {
  const [above = '0'] = keyOf(LIST, filter.after, LIST_KEY) ?? [];
  const values = [new Date(now).toISOString(), Math.min(Number(above), NUMBER_MAX), filter.limit + 1];
  const { asOf, value } = await models.read<ListRow>(filter.all ? all : issuable, values);
  const untilAt = value.next_border === null ? null : Number(value.next_border);
  return { asOf, value: { of: value, value: pageOf(LIST, value, filter.limit), untilAt } };
};

const entry = object({
  seq: number('seq'),
  change: id('change'),
  name: text('name'),
  count: numberOrNull('count'),
  ...terms,
  at: time('at'),
});
const history = viewQuery(
  'policy history',
  ['coupon_policy_history'],
  allOf(`select ${entry} as item, seq::text as key from coupon_policy_history where policy_id = $1 and seq > $2 order by seq limit $3`),
  ['exists (select from coupon_policy_history where policy_id = $1) as known'],
);
const HISTORY = 'policy history';

/** Every change of a policy with all terms after it, its creation first (R11); `null` when there is no such policy. */
export const readPolicyHistory = async (models: ReadModels, policyId: string, paging: Paging): Promise<Snapshot<Page | null>> => {
  const values = [policyId, seqAfter(HISTORY, paging.after), paging.limit + 1];
  const { asOf, value } = await models.read<ItemsRow & Readonly<{ known: boolean }>>(history, values);
  return { asOf, value: value.known ? pageOf(HISTORY, value, paging.limit) : null };
};
