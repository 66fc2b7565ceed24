import { z } from 'zod';
import { idInput, parseParams, parseQuery } from '../../platform/input.ts';
import { type RouteDescription, type RouteTable, route } from '../../platform/route.ts';
import { readOrder } from '../queries/orders.ts';
import type { ReadGate } from '../readGate.ts';
import type { ReadModels } from '../readModels.ts';
import { answerOne, fresh, noQuery, unstored } from './answer.ts';
import { order } from './shapes.ts';

const orderParams = z.object({ orderId: idInput });

const description = {
  summary: 'An order',
  params: orderParams,
  query: noQuery,
  answers: { 200: { body: order, headers: ['Cache-Control'] } },
  problems: ['unknown-order'],
} as const satisfies RouteDescription;

export const orderRoutes = (models: ReadModels, gate: ReadGate): RouteTable => ({
  'GET /orders/:orderId': route(description, async (req, res) => {
    const { orderId } = parseParams(orderParams, req);
    parseQuery(noQuery, req);
    const found = await fresh(gate, req, ['orders'], () => readOrder(models, orderId));
    answerOne(unstored(res), found, 'unknown-order', `There is no order ${orderId}.`);
  }),
});
