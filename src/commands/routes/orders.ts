import type { Response } from 'express';
import { z } from 'zod';
import type { Order } from '../../domain/account.ts';
import type { CouponId, OrderId, ProductId, UserId } from '../../domain/ids.ts';
import { LINE_QUANTITY_MAX, LINES_MAX } from '../../domain/quote.ts';
import type { Clock } from '../../platform/clock.ts';
import { fingerprintOf } from '../../platform/idempotency.ts';
import { idInput, invalid } from '../../platform/input.ts';
import { Problem } from '../../platform/problem.ts';
import { type RouteDescription, type RouteTable, route } from '../../platform/route.ts';
import { sendJson } from '../../platform/sendJson.ts';
import { shape } from '../../platform/shapes.ts';
import type { OrderPlacement, OrderRefused } from '../orderPlacement.ts';
import { bodyAlone, incoming, mark } from './answer.ts';

const item = z.strictObject({
  productId: idInput.meta({ examples: ['p1'] }),
  quantity: z
    .int()
    .min(1)
    .max(LINE_QUANTITY_MAX)
    .meta({ examples: [1] }),
});
const body = z.strictObject({ userId: idInput, couponId: idInput.nullable().default(null), items: z.array(item).min(1).max(LINES_MAX) });
const answer = (status: 'placed' | 'open') =>
  z.object({
    orderId: shape.id,
    totalAmount: shape.won,
    subtotal: shape.won,
    discount: shape.won,
    couponId: shape.id.nullable(),
    userId: shape.id,
    status: z.literal(status),
  });

const description = {
  summary: 'Place an order',
  body,
  answers: {
    201: { body: answer('placed'), headers: ['Idempotent-Replayed'], what: 'Paid; `totalAmount` is what was paid.' },
    202: {
      body: answer('open'),
      headers: ['Location', 'Retry-After', 'Idempotent-Replayed'],
      what: 'No outcome within 5 s; it gets one without the client.',
    },
  },
  problems: [
    'unknown-product',
    ['unknown-coupon', 400],
    'coupon-unavailable',
    'insufficient-balance',
    'out-of-stock',
    'too-many-open-orders',
  ],
} as const satisfies RouteDescription;

export const orderRoutes = (placement: OrderPlacement, clock: Clock, keyRequired: boolean): RouteTable => ({
  'POST /orders': route(description, async (req, res) => {
    const request = bodyAlone(body, req);
    const userId = request.userId as UserId;
    const { commandId, about } = incoming(req, res, ['order', userId], userId, keyRequired);

    const { outcome, position } = await placement.place(
      {
        orderId: commandId as string as OrderId,
        fingerprint: fingerprintOf(request),
        userId,
        couponId: request.couponId as CouponId | null,
        items: request.items.map(({ productId, quantity }) => ({ productId: productId as ProductId, quantity })),
        at: clock.now(),
      },
      about,
    );

    mark(res, position, outcome.kind === 'order' && outcome.replayed);
    if (outcome.kind === 'refused') throw refusal(outcome);
    answerOrder(res, userId, outcome.order);
  }),
});

/** An order as its placing answers it, the first time and at every repeat. */
const answerOrder = (res: Response, userId: UserId, order: Order): void => {
  const { orderId, totalAmount, subtotal, discount, couponId, status } = order;
  if (status === 'rejected') {
    throw new Problem('out-of-stock', 'The order was rejected: the stock does not cover it.', { orderId, reason: order.reason });
  }
  if (status === 'open') res.setHeader('Location', `/orders/${orderId}`).setHeader('Retry-After', '1');
  sendJson(res, status === 'open' ? 202 : 201, { orderId, totalAmount, subtotal, discount, couponId, userId, status });
};

const refusal = (refused: OrderRefused): Problem => {
  switch (refused.reason) {
    case 'unknown-product':
      return new Problem('unknown-product', `There is no product ${refused.productId}.`, { productId: refused.productId });
    case 'quantity-above-limit':
      return invalid('items', `all lines of ${refused.productId} together are above ${LINE_QUANTITY_MAX}`, 'quantity');
    case 'total-above-limit':
      return invalid('items', 'the order is above 1,000,000,000,000 won');
    case 'unknown-coupon':
      return new Problem('unknown-coupon', 'This user has no such coupon.', { status: 400 });
    case 'coupon-unavailable':
      return new Problem('coupon-unavailable', `The coupon is ${refused.because}.`, {
        reason: refused.because,
        ...(refused.because === 'held' ? { message: '이미 사용된 쿠폰이거나 유효하지 않습니다.' } : {}),
      });
    case 'insufficient-balance':
      return new Problem('insufficient-balance', 'The balance is lower than the total of the order.');
    case 'too-many-open-orders':
      return new Problem('too-many-open-orders', 'Wait until earlier orders have an outcome.');
    case 'key-reused':
      return new Problem('key-reused', 'This key belongs to another order.');
  }
};
