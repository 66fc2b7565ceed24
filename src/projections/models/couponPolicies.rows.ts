/** `bigint` columns arrive as text. `count: null` is unlimited. */
export type CouponPolicyRow = Readonly<{
  policy_id: string;
  number: number;
  generation: number;
  name: string;
  type: 'limited' | 'unlimited';
  count: number | null;
  issued: number;
  discount_type: 'rate' | 'amount';
  discount_amount: string;
  starts_at: Date;
  ends_at: Date;
  expire_minutes: string;
  per_user: number | null;
  created_at: Date;
  updated_at: Date;
  deleted_at: Date | null;
}>;
