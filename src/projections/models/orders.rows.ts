export type OrderItem = Readonly<{ productId: string; name: string; quantity: number; unitPrice: number; subtotal: number }>;

/** `bigint` columns arrive as text. `position` is where the order stands in the log: newest first is by it, descending. */
export type OrderRow = Readonly<{
  order_id: string;
  user_id: string;
  status: 'open' | 'placed' | 'rejected';
  reason: string | null;
  items: readonly OrderItem[];
  subtotal: string;
  discount: string;
  total_amount: string;
  coupon_id: string | null;
  ordered_at: Date;
  settled_at: Date | null;
  position: string;
}>;

/** Orders without an outcome, for the watchdog. */
export type OpenOrderRow = Readonly<{ order_id: string; user_id: string; ordered_at: Date }>;
