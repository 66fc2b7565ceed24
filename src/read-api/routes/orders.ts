import { z } from 'zod';
import type { RouteTable } from '../../platform/http.ts';
import { idInput, parseParams, parseQuery } from '../../platform/input.ts';
import { readOrder } from '../queries/orders.ts';
import type { ReadGate } from '../readGate.ts';
import type { ReadModels } from '../readModels.ts';
import { answerOne, fresh, noQuery, unstored } from './answer.ts';

const orderParams = z.object({ orderId: idInput });

export const orderRoutes = (models: ReadModels, gate: ReadGate): RouteTable => ({
  'GET /orders/:orderId': async (req, res) => {
    const { orderId } = parseParams(orderParams, req);
    parseQuery(noQuery, req);
    const order = await fresh(gate, req, ['orders'], () => readOrder(models, orderId));
    answerOne(unstored(res), order, 'unknown-order', `There is no order ${orderId}.`);
  },
});
