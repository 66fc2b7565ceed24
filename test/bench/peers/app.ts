import { randomUUID } from 'node:crypto';
import express, { type Express, type Response } from 'express';
import { z } from 'zod';
import type { Job, World } from './job.ts';

const id = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[\p{L}\p{N}_-]+$/u);
const amount = z.int().min(1).max(1_000_000_000_000);
const charge = z.strictObject({ amount });
const order = z.strictObject({
  userId: id,
  couponId: id.nullable().default(null),
  items: z
    .array(z.strictObject({ productId: id, quantity: z.int().min(1).max(10_000) }))
    .min(1)
    .max(50),
});
const issue = z.strictObject({ userId: id, policyId: id });
const opening = z.object({ couponCount: z.int(), productPrice: z.int(), productStock: z.int() });

const PRODUCTS = 5;

const worldOf = (generation: number, wished: z.output<typeof opening>): World => ({
  products: Array.from({ length: PRODUCTS }, (_, i) => ({
    id: `p${i + 1}--${generation}`,
    name: `p${i + 1}`,
    price: wished.productPrice,
    stock: wished.productStock,
  })),
  policyId: `cp${generation}-1`,
  couponCount: wished.couponCount,
});

const refused = (res: Response, status: number): void => void res.status(status).json({ title: 'refused' });

/** The routes that the benchmark calls, with the shop's limits on what may come in, on any way of doing the job. */
export const appOf = (job: Job): Express => {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.use(express.json());
  let generation = 0;
  app.post('/init', async (req, res) => {
    generation += 1;
    const world = worldOf(generation, opening.parse(req.body));
    await job.init(world);
    res.json({ generation, productIds: world.products.map((product) => product.id), policyIds: [world.policyId] });
  });
  app.post('/users/:userId/balance', async (req, res) => {
    const userId = id.parse(req.params.userId);
    const balance = await job.charge(userId, charge.parse(req.body).amount);
    res.status(201).json({ userId, balance });
  });
  app.get('/users/:userId/balance', async (req, res) => {
    const userId = id.parse(req.params.userId);
    res.json({ userId, balance: await job.balance(userId), held: 0 });
  });
  app.post('/orders', async (req, res) => {
    const { userId, couponId, items } = order.parse(req.body);
    const totalAmount = await job.order(userId, items);
    if (totalAmount === null) return refused(res, 400);
    const orderId = randomUUID();
    return void res.status(201).json({ orderId, totalAmount, subtotal: totalAmount, discount: 0, couponId, userId, status: 'placed' });
  });
  app.post('/coupons', async (req, res) => {
    const { userId, policyId } = issue.parse(req.query);
    const serial = await job.issue(userId, policyId);
    if (serial === null) return refused(res, 409);
    return void res.status(201).json({ couponId: `${policyId}-${serial}`, userId, policyId, serial, discount: 2_000 });
  });
  app.get('/products', async (_req, res) => void res.json(await job.products()));
  app.get(['/products/top', '/products/top/realtime'], async (_req, res) => void res.json(await job.top()));
  app.get('/products/:productId', async (req, res) => {
    const product = await job.product(id.parse(req.params.productId));
    if (product === null) return refused(res, 404);
    return void res.json(product);
  });
  return app;
};
