import { z } from 'zod';
import type { PolicyTerms } from '../../domain/couponPolicy.ts';
import { AMOUNT_MAX, won } from '../../domain/money.ts';
import type { GenerationOpening } from '../../domain/shop.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Position } from '../../platform/eventStore/eventStore.ts';
import { fingerprintOf } from '../../platform/idempotency.ts';
import { parse, parseQuery } from '../../platform/input.ts';
import { Problem } from '../../platform/problem.ts';
import { type RouteDescription, type RouteTable, route } from '../../platform/route.ts';
import { sendJson } from '../../platform/sendJson.ts';
import { dayIn, daysBefore } from '../../platform/serviceZone.ts';
import { shape } from '../../platform/shapes.ts';
import type { ShopSetup } from '../shopSetup.ts';
import { incoming, mark, noQuery } from './answer.ts';
import { WEEK_MINUTES } from './policies.ts';

/** Where every live view has arrived. */
export interface ViewPositions {
  /** Waits until all live views are at or past `position`. @throws Problem read-model-behind after `msMax`. */
  reached(position: Position, msMax: number): Promise<void>;
}

const VIEWS_MS_MAX = 5_000;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const POLICIES_MAX = 100;
const PRODUCTS = 5;
/** Units sold a day before the log began, of p1 … p5, on the first day and the two before. */
const SOLD_A_DAY = [500, 400, 300, 200, 100];
const DAYS_CARRIED_OVER = 3;

const overrides = z.strictObject({
  policies: z.int().min(1).max(POLICIES_MAX).default(5),
  couponCount: z.int().min(1).max(2_147_483_647).default(200_000),
  perUser: z.literal(1).nullable().default(null),
  products: z.int().min(1).max(SOLD_A_DAY.length).default(PRODUCTS),
  productPrice: z.int().min(0).max(AMOUNT_MAX).default(2_000),
  productStock: z.int().min(0).max(AMOUNT_MAX).default(2_000_000),
});

const description = {
  summary: 'Open a new generation of products and policies, for tests',
  details: 'Exists only where test endpoints are enabled. Nothing is deleted. Answers when the views show all of it.',
  body: overrides,
  bodyOptional: true,
  answers: {
    200: {
      body: z.object({ message: shape.text, policyIds: z.array(shape.id), productIds: z.array(shape.id), generation: shape.count }),
      headers: ['Idempotent-Replayed'],
    },
  },
  problems: ['read-model-behind'],
} as const satisfies RouteDescription;

/** The test endpoint that opens a new generation; it exists only where test endpoints are enabled. */
export const initRoutes = (setup: ShopSetup, views: ViewPositions, clock: Clock, zone: string): RouteTable => ({
  'POST /init': route(description, async (req, res) => {
    parseQuery(noQuery, req);
    const wished = parse(overrides, req.body === undefined ? {} : req.body);
    const { commandId, about } = incoming(req, res, ['init'], 'shop');

    const start = startOf(wished, clock.now(), zone);
    const { outcome, position } = await setup.openGeneration({ commandId, fingerprint: fingerprintOf(wished), ...start }, about);
    mark(res, position, outcome.kind === 'opened' && outcome.replayed);
    if (outcome.kind === 'refused') throw new Problem(outcome.reason, 'This key belongs to an opening with other numbers.');
    await views.reached(position, VIEWS_MS_MAX);

    sendJson(res, 200, {
      message: 'System initialized to default state.',
      policyIds: outcome.policies.map(({ policyId }) => policyId),
      productIds: outcome.opened.products.map(({ productId }) => productId),
      generation: outcome.opened.generation,
    });
  }),
});

const startOf = (wished: z.output<typeof overrides>, at: number, zone: string): Omit<GenerationOpening, 'commandId' | 'fingerprint'> => {
  const today = dayIn(zone, at);
  const days = Array.from({ length: DAYS_CARRIED_OVER }, (_, before) => daysBefore(today, before));
  const policy: PolicyTerms = {
    name: 'flash sale',
    count: wished.couponCount,
    discountType: 'amount',
    discountAmount: 2_000,
    startsAt: at - MINUTE_MS,
    endsAt: at + 3 * DAY_MS,
    expireMinutes: WEEK_MINUTES,
    perUser: wished.perUser,
  };
  return {
    products: SOLD_A_DAY.slice(0, wished.products).map((quantity, i) => ({
      name: `p${i + 1}`,
      price: won(wished.productPrice),
      stock: wished.productStock,
      soldBefore: days.map((day) => ({ day, quantity })),
    })),
    policies: [policy, ...Array.from({ length: wished.policies - 1 }, () => policy)],
    at,
  };
};
