import { z } from 'zod';
import type { CommandId, ProductId } from '../../domain/ids.ts';
import { receiveStock } from '../../domain/inventory.ts';
import { AMOUNT_MAX, won } from '../../domain/money.ts';
import { currentGeneration } from '../../domain/shop.ts';
import type { Clock } from '../../platform/clock.ts';
import { fingerprintOf } from '../../platform/idempotency.ts';
import { amountInput, idInput, nameInput, parseParams } from '../../platform/input.ts';
import { Problem } from '../../platform/problem.ts';
import { type RouteDescription, type RouteTable, route } from '../../platform/route.ts';
import { sendJson } from '../../platform/sendJson.ts';
import { shape } from '../../platform/shapes.ts';
import type { Catalog } from '../catalog.ts';
import type { Mailboxes } from '../mailboxes.ts';
import type { ShopSetup } from '../shopSetup.ts';
import { bodyAlone, incoming, mark } from './answer.ts';

/** Words that stand in the place of an id in paths of the query API. */
const RESERVED = ['top', 'top-selling'];
const ACTOR = 'shop';

const wholeFromZero = z.int().min(0).max(AMOUNT_MAX);
const newProduct = z.strictObject({
  name: nameInput,
  price: wholeFromZero,
  stock: wholeFromZero.default(0),
  id: idInput.refine((id) => !RESERVED.includes(id), 'is a reserved word').optional(),
});
const params = z.object({ productId: idInput });
const receipt = z.strictObject({ quantity: amountInput });

const creating = {
  summary: 'Create a product',
  body: newProduct,
  answers: {
    201: {
      body: z.object({ id: shape.id, name: shape.text, price: shape.won, stock: shape.count }),
      headers: ['Location', 'Idempotent-Replayed'],
    },
  },
  problems: ['product-exists'],
} as const satisfies RouteDescription;
const receiving = {
  summary: 'Receive stock of a product',
  params,
  body: receipt,
  answers: { 200: { body: z.object({ id: shape.id, stock: shape.count }), headers: ['Idempotent-Replayed'] } },
  problems: ['unknown-product', 'limit-exceeded'],
} as const satisfies RouteDescription;

export const productRoutes = (mailboxes: Mailboxes, catalog: Catalog, setup: ShopSetup, clock: Clock): RouteTable => ({
  'POST /products': route(creating, async (req, res) => {
    const wished = bodyAlone(newProduct, req);
    const { commandId, about } = incoming(req, res, ['product', wished.id ?? ''], ACTOR);
    const { outcome: generation } = await mailboxes.shop().ask(currentGeneration, about);

    const { outcome, position } = await setup.createProduct(
      {
        productId: (wished.id ?? productIdOf(commandId)) as ProductId,
        name: wished.name,
        price: won(wished.price),
        openingStock: wished.stock,
        generation,
        commandId,
        fingerprint: fingerprintOf(wished),
        at: clock.now(),
      },
      about,
    );

    mark(res, position, outcome.kind === 'created' && outcome.replayed);
    if (outcome.kind === 'refused') throw new Problem(outcome.reason, refusals[outcome.reason]);
    const { productId: id, name, price, openingStock: stock } = outcome.product;
    res.setHeader('Location', `/products/${id}`);
    sendJson(res, 201, { id, name, price, stock });
  }),

  'POST /products/:productId/stock': route(receiving, async (req, res) => {
    const productId = parseParams(params, req).productId as ProductId;
    const { quantity } = bodyAlone(receipt, req);
    const { commandId, about } = incoming(req, res, ['stock', productId], ACTOR);
    if (!(await catalog.find(productId, about))) throw new Problem('unknown-product', `There is no product ${productId}.`);

    const received = receiveStock({ receiptId: commandId, fingerprint: fingerprintOf({ quantity }), productId, quantity, at: clock.now() });
    const { outcome, position } = await mailboxes.inventory().ask(received, about);

    mark(res, position, outcome.kind === 'received' && outcome.replayed);
    if (outcome.kind === 'refused') throw new Problem(outcome.reason, refusals[outcome.reason]);
    sendJson(res, 200, { id: productId, stock: outcome.stock });
  }),
});

const productIdOf = (commandId: CommandId): string => `p-${commandId.slice(0, 16)}`;

const refusals = {
  'product-exists': 'Another product has this id.',
  'limit-exceeded': 'The stock would be above 1,000,000,000,000 pieces.',
  'key-reused': 'This key belongs to another request.',
} as const;
