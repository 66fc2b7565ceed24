/** A policy's terms after each of its changes. `bigint` columns arrive as text. `seq` counts from 1, the creation. */
export type CouponPolicyHistoryRow = Readonly<{
  policy_id: string;
  seq: number;
  change: 'created' | 'changed' | 'count-added' | 'deleted';
  name: string;
  count: number | null;
  discount_type: 'rate' | 'amount';
  discount_amount: string;
  starts_at: Date;
  ends_at: Date;
  expire_minutes: string;
  per_user: number | null;
  at: Date;
}>;
