import type { Client } from './client.ts';
import { PRICE, type World } from './requests.ts';

const USERS = 1_000;
/** Won that each user has to spend. */
const MONEY = 1_000_000_000;
/** More than any load takes. */
const STOCK = 1_000_000_000;
const COUPONS = 1_000_000_000;

export type Opened = World & Readonly<{ charged: number; stock: number; soldBefore: number }>;

const opening = { policies: 1, couponCount: COUPONS, productPrice: PRICE, productStock: STOCK };

/** A new opening, with users of its own who have money if they need it. */
export const openWorld = async (client: Client, name: string, isCharged: boolean): Promise<Opened> => {
  const { status, body } = await client.post('/init', opening);
  if (status !== 200) throw new Error(`no shop could be opened: ${status} ${JSON.stringify(body)}`);
  const { productIds, policyIds } = body as { productIds: string[]; policyIds: string[] };
  const users = Array.from({ length: USERS }, (_, i) => `${name}-${i}`);
  if (isCharged) {
    const answers = await Promise.all(users.map((user) => client.post(`/users/${user}/balance`, { amount: MONEY })));
    const bad = answers.find((answer) => answer.status !== 201);
    if (bad !== undefined) throw new Error(`a user could not be charged: ${bad.status} ${JSON.stringify(bad.body)}`);
  }
  const ranking = (await client.get('/products/top/realtime')).body as { soldQty: number }[];
  const soldBefore = ranking.reduce((sum, { soldQty }) => sum + soldQty, 0);
  return { users, productIds, policyId: policyIds[0] ?? '', soldBefore, charged: isCharged ? USERS * MONEY : 0, stock: STOCK };
};
