import { isId } from '../../domain/ids.ts';
import type { Clock } from '../../platform/clock.ts';
import { invalid } from '../../platform/input.ts';
import { BatchReader } from '../batchReader.ts';
import type { AtGeneration } from '../queries/generation.ts';
import { ISSUABLE } from '../queries/policies.ts';
import type { ReadGate } from '../readGate.ts';
import { PRESENT_GENERATION, type ReadModels, type Snapshot, type ViewName, viewQuery } from '../readModels.ts';

/** A policy as seed 004's clients see it. Times in milliseconds since 1970; `count: null` is unlimited. */
export type ListedPolicy = Readonly<{
  number: number;
  name: string;
  count: number | null;
  issued: number;
  discountType: 'rate' | 'amount';
  discountAmount: number;
  startsAt: number;
  endsAt: number;
  expireMinutes: number;
  createdAt: number;
  updatedAt: number;
  deletedAt: number | null;
}>;

/** A coupon of a user, with the present terms of its policy. */
export type ListedCoupon = Readonly<{
  number: number;
  userId: string;
  serial: number;
  productId: string | null;
  issuedAt: number;
  usedAt: number | null;
  expiresAt: number;
  updatedAt: number;
  policy: ListedPolicy;
}>;

/** Policies in one answer at most: about 400 KB, of the 4 MB that clients take unless told otherwise. */
export const POLICIES_MAX = 1_000;
/** Coupons in one answer at most. */
export const TAKE_MAX = 100;
const INT32_MAX = 2_147_483_647;

const ms = (column: string): string => `(extract(epoch from ${column}) * 1000)::bigint`;
const policy = (p: string): string =>
  `json_build_object('number', ${p}.number, 'name', ${p}.name, 'count', ${p}.count, 'issued', ${p}.issued,
     'discountType', ${p}.discount_type, 'discountAmount', ${p}.discount_amount, 'startsAt', ${ms(`${p}.starts_at`)},
     'endsAt', ${ms(`${p}.ends_at`)}, 'expireMinutes', ${p}.expire_minutes, 'createdAt', ${ms(`${p}.created_at`)},
     'updatedAt', ${ms(`${p}.updated_at`)}, 'deletedAt', ${ms(`${p}.deleted_at`)})`;

const issuable = viewQuery(
  'issuable coupons of seed 004',
  ['coupon_policies', 'generations'],
  `select json_agg(item)::text as items from (
     select ${policy('p')} as item from coupon_policies p where generation = at.generation and ${ISSUABLE} order by number limit $2) rows`,
  PRESENT_GENERATION,
);

const ofUser = viewQuery(
  'coupons of a user of seed 004',
  ['coupons', 'coupon_policies', 'coupon_history'],
  `select json_agg(item)::text as items from (
     select json_build_object('number', c.number, 'userId', c.user_id, 'serial', c.serial, 'productId', c.product_id,
              'issuedAt', ${ms('c.issued_at')}, 'usedAt', ${ms('c.used_at')}, 'expiresAt', ${ms('c.expires_at')},
              'updatedAt', ${ms('coalesce((select h.at from coupon_history h where h.coupon_id = c.coupon_id order by h.seq desc limit 1), c.issued_at)')},
              'policy', ${policy('p')}) as item
       from coupons c join coupon_policies p using (policy_id)
      where c.user_id = $1 and c.status <> 'deleted' and c.expires_at >= $2::timestamptz and c.number < $3::bigint
      order by c.number desc limit $4) rows`,
);

const numbered = viewQuery('coupon by number', ['coupons'], 'select (select coupon_id from coupons where number = $1::bigint) as id');

type Items = Readonly<{ items: string | null }>;
const rowsOf = <Row>({ items }: Items): readonly Row[] => (items === null ? [] : (JSON.parse(items) as Row[]));

export type CouponsAsked = Readonly<{ userId: string; take: number; couponIdCursor?: number | undefined }>;

/** What seed 004's clients ask, from the same views as everybody else. */
export class Seed004Queries {
  private readonly models: ReadModels;
  private readonly gate: ReadGate;
  private readonly clock: Clock;
  private readonly policies: BatchReader<readonly ListedPolicy[]>;

  constructor(models: ReadModels, gate: ReadGate, clock: Clock) {
    this.models = models;
    this.gate = gate;
    this.clock = clock;
    this.policies = new BatchReader(() => this.readIssuable(), 1);
  }

  /** The policies of the present generation that can be issued now (R8); 1,000 at most, those with the lowest numbers. */
  async issuable(token: bigint | null): Promise<readonly ListedPolicy[]> {
    return (await this.gate.pass(token, ['coupon_policies', 'generations'], () => this.policies.read('issuable'))).value;
  }

  /** A user's coupons that are neither deleted nor expired, the newest number first (R25). @throws Problem invalid-request. */
  async couponsOf({ userId, take, couponIdCursor = INT32_MAX }: CouponsAsked, token: bigint | null): Promise<readonly ListedCoupon[]> {
    if (!isId(userId)) throw invalid('userId', 'must be an id');
    if (take < 0) throw invalid('take', 'must not be negative');
    const values = [userId, new Date(this.clock.now()).toISOString(), couponIdCursor, Math.min(take, TAKE_MAX)];
    const read = () => this.models.read<Items>(ofUser, values);
    return rowsOf((await this.gate.pass(token, ['coupons', 'coupon_policies', 'coupon_history'], read)).value);
  }

  /** The id of the coupon with this number; `null` when the view shows none. */
  async couponNumbered(number: number): Promise<string | null> {
    return (await this.models.read<Readonly<{ id: string | null }>>(numbered, [number])).value.id;
  }

  /** Whether these views show what was recorded at `position` within 2 s. */
  shows(position: bigint, views: readonly ViewName[]): Promise<boolean> {
    return this.gate.reaches(position, views);
  }

  private async readIssuable(): Promise<Snapshot<() => readonly ListedPolicy[]>> {
    const values = [new Date(this.clock.now()).toISOString(), POLICIES_MAX];
    const { asOf, value } = await this.models.read<Items & AtGeneration>(issuable, values);
    const rows = rowsOf<ListedPolicy>(value);
    return { asOf, value: () => rows };
  }
}
