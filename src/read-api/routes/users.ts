import { z } from 'zod';
import { inGeneration } from '../../domain/ids.ts';
import type { Clock } from '../../platform/clock.ts';
import { idInput, parseParams, parseQuery } from '../../platform/input.ts';
import { type RouteDescription, type RouteTable, route } from '../../platform/route.ts';
import { shape } from '../../platform/shapes.ts';
import { itemReader } from '../itemReader.ts';
import { balanceSource, noBalance, readHistory } from '../queries/accounts.ts';
import { LISTED_STATUSES, readCoupons } from '../queries/coupons.ts';
import type { GenerationReader } from '../queries/generation.ts';
import { ORDER_STATUSES, readOrders } from '../queries/orders.ts';
import type { ReadGate } from '../readGate.ts';
import type { ReadModels } from '../readModels.ts';
import { answer, answerPage, fresh, noQuery, pageQuery, unstored } from './answer.ts';
import { balance, balanceChange, coupon, order } from './shapes.ts';

const NAME_CHARS_MAX = 50;

const userParams = z.object({ userId: idInput });
const nameQuery = z.strictObject({
  name: idInput.refine(
    (name) => name.length <= NAME_CHARS_MAX && !name.includes('--'),
    `must be at most ${NAME_CHARS_MAX} characters without "--"`,
  ),
});
const historyQuery = z.strictObject(pageQuery);
const couponsQuery = z.strictObject({ ...pageQuery, status: z.enum(LISTED_STATUSES).optional() });
const ordersQuery = z.strictObject({ ...pageQuery, status: z.enum(ORDER_STATUSES).optional() });

const descriptions = {
  id: { summary: 'The user id of a name in the present generation', query: nameQuery, answers: { 200: shape.id } },
  balance: {
    summary: "A user's balance: what can be spent now, and what is held",
    params: userParams,
    query: noQuery,
    answers: { 200: { body: balance, headers: ['Cache-Control'] } },
  },
  history: {
    summary: "Every change of a user's balance, newest first",
    params: userParams,
    query: historyQuery,
    answers: { 200: { body: z.array(balanceChange), headers: ['Link', 'Cache-Control'] } },
  },
  coupons: {
    summary: "A user's coupons: available, held, used, expired; in each the newest first",
    params: userParams,
    query: couponsQuery,
    answers: { 200: { body: z.array(coupon), headers: ['Link', 'Cache-Control'] } },
  },
  orders: {
    summary: "A user's orders, newest first",
    params: userParams,
    query: ordersQuery,
    answers: { 200: { body: z.array(order), headers: ['Link', 'Cache-Control'] } },
  },
} as const satisfies Record<string, RouteDescription>;

/** What a user has: balance and its history, coupons, orders. A user nobody has heard of has nothing, and is no error. */
export const userRoutes = (models: ReadModels, gate: ReadGate, generation: GenerationReader, clock: Clock): RouteTable => {
  const balances = itemReader(models, balanceSource);
  return {
    'GET /users/id': route(descriptions.id, async (req, res) => {
      const { name } = parseQuery(nameQuery, req);
      const { asOf, value } = await fresh(gate, req, ['generations'], generation);
      answer(res, { asOf, value: `"${inGeneration(name, value)}"` });
    }),
    'GET /users/:userId/balance': route(descriptions.balance, async (req, res) => {
      const { userId } = parseParams(userParams, req);
      parseQuery(noQuery, req);
      const { asOf, value } = await fresh(gate, req, ['accounts'], () => balances.read(userId));
      answer(unstored(res), { asOf, value: value ?? noBalance(userId) });
    }),
    'GET /users/:userId/balance/history': route(descriptions.history, async (req, res) => {
      const { userId } = parseParams(userParams, req);
      const { limit, after } = parseQuery(historyQuery, req);
      const read = () => readHistory(models, userId, limit, after);
      answerPage(req, unstored(res), await fresh(gate, req, ['balance_history'], read));
    }),
    'GET /users/:userId/coupons': route(descriptions.coupons, async (req, res) => {
      const { userId } = parseParams(userParams, req);
      const filter = parseQuery(couponsQuery, req);
      const read = () => readCoupons(models, userId, clock.now(), filter);
      answerPage(req, unstored(res), await fresh(gate, req, ['coupons'], read));
    }),
    'GET /users/:userId/orders': route(descriptions.orders, async (req, res) => {
      const { userId } = parseParams(userParams, req);
      const filter = parseQuery(ordersQuery, req);
      answerPage(req, unstored(res), await fresh(gate, req, ['orders'], () => readOrders(models, userId, filter)));
    }),
  };
};
