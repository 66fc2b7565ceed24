/** The outcome of a request that came by the queue. `policy_number` is null for an id that no policy can have. */
export type CouponRequestRow = Readonly<{
  transaction_id: string;
  policy_id: string;
  policy_number: number | null;
  user_id: string;
  status: 'issued' | 'refused';
  reason: string | null;
  coupon_id: string | null;
  decided_at: Date;
  /** Where in the log it was decided: the newest is the highest. */
  position: string;
}>;
