import { z } from 'zod';
import { shape } from '../../platform/shapes.ts';

// What the queries answer, for the document. The answers themselves are made by Postgres (see `json.ts`); a test holds both together.

const seq = z.int().min(1).meta({ description: 'Counts from 1 without gap.' });

export const balance = z.object({ userId: shape.id, balance: shape.won, held: shape.won });

export const balanceChange = z.object({
  seq,
  type: z.enum(['charge', 'use', 'restore']),
  amount: shape.won.meta({ description: 'Signed: what the balance changed by.' }),
  balanceAfter: shape.won,
  orderId: shape.id.nullable(),
  reservationId: shape.id.nullable(),
  at: shape.time,
});

const discount = {
  discountType: z.enum(['rate', 'amount']),
  discountAmount: z.int().meta({ description: 'Per cent of a rate, won of an amount.' }),
} as const;

export const coupon = z.object({
  couponId: shape.id,
  discount: shape.won.meta({ description: 'Won off; 0 for a rate.' }),
  userId: shape.id,
  policyId: shape.id,
  serial: shape.count.meta({ description: 'The n-th coupon of its policy.' }),
  number: shape.count.meta({ description: 'The n-th coupon of all.' }),
  status: z.enum(['available', 'held', 'used', 'expired', 'deleted']),
  ...discount,
  issuedAt: shape.time,
  expiresAt: shape.time,
  usedAt: shape.time.nullable(),
  productId: shape.id.nullable(),
  orderId: shape.id.nullable(),
  deletedAt: shape.time.nullable(),
});

export const couponChange = z.object({
  seq,
  change: z.enum(['issued', 'held', 'used', 'released', 'use-cancelled', 'deleted']),
  productId: shape.id.nullable().meta({ description: 'Of a use outside an order.' }),
  orderId: shape.id.nullable().meta({ description: 'The order that held, used or gave back the coupon.' }),
  at: shape.time,
});

const line = z.object({ productId: shape.id, name: shape.text, quantity: shape.count, unitPrice: shape.won, subtotal: shape.won });

export const order = z.object({
  orderId: shape.id,
  userId: shape.id,
  status: z.enum(['open', 'placed', 'rejected']),
  reason: shape.text.nullable().meta({ description: 'Why it was rejected.' }),
  items: z.array(line),
  subtotal: shape.won,
  discount: shape.won,
  totalAmount: shape.won,
  couponId: shape.id.nullable(),
  orderedAt: shape.time,
  settledAt: shape.time.nullable(),
});

export const product = z.object({ id: shape.id, name: shape.text, price: shape.won, stock: shape.count });

export const rankedProduct = z.object({ productId: shape.id, name: shape.text, soldQty: shape.count });

const terms = {
  ...discount,
  startsAt: shape.time,
  endsAt: shape.time,
  expireMinutes: shape.count,
  perUser: shape.count.nullable(),
} as const;

export const policy = z.object({
  policyId: shape.id,
  number: shape.count.meta({ description: 'The n-th policy of its generation.' }),
  name: shape.text,
  type: z.enum(['limited', 'unlimited']),
  count: shape.count.nullable(),
  issued: shape.count,
  remaining: shape.count.optional().meta({ description: 'Absent for an unlimited policy.' }),
  ...terms,
  createdAt: shape.time,
  updatedAt: shape.time,
  deletedAt: shape.time.nullable(),
});

export const policyChange = z.object({
  seq,
  change: z.enum(['created', 'changed', 'count-added', 'deleted']),
  name: shape.text,
  count: shape.count.nullable(),
  ...terms,
  at: shape.time,
});
