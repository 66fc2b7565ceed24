import { z } from 'zod';
import { idInput, parseParams, parseQuery } from '../../platform/input.ts';
import { type RouteDescription, type RouteTable, route } from '../../platform/route.ts';
import { itemReader } from '../itemReader.ts';
import { orderSource } from '../queries/orders.ts';
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

export const orderRoutes = (models: ReadModels, gate: ReadGate): RouteTable => {
  const orders = itemReader(models, orderSource);
  return {
    'GET /orders/:orderId': route(description, async (req, res) => {
      const { orderId } = parseParams(orderParams, req);
      parseQuery(noQuery, req);
      const found = await fresh(gate, req, ['orders'], () => orders.read(orderId));
      answerOne(unstored(res), found, 'unknown-order', `There is no order ${orderId}.`);
    }),
  };
};
