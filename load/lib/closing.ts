import { check } from 'k6';
import { faultsExpected } from './environment.ts';
import type { Expected } from './expect.ts';
import { identitiesOf, type ShopState, type Start, totalsOf } from './oracle.ts';
import { readShop, userIds } from './state.ts';
import { dayAt, type World } from './world.ts';

/** What `teardown` tells the runner, as one line `closing {…}`: identities judged here, totals and numbers to be judged there. */
export type Closing = Readonly<{
  identities: readonly { id: string; ok: boolean; expected: string; actual: string }[];
  totals: ReturnType<typeof totalsOf>;
  counted: Readonly<Record<string, number>>;
  beaten?: Expected['beaten'];
}>;

type Expect = (shop: ShopState, stock: Start['stock']) => Expected;

/**
 * Reads the whole shop through the query API, judges it and prints the closing line. Each identity is also a check, so
 * that k6 alone ends with a failed threshold on any miss.
 */
export const judgeShop = ({ run, start }: Readonly<{ run: string; start: Start }>, users: number, expect: Expect): Closing => {
  const shop = readShop(userIds(users), run);
  const own = expect(shop, start.stock);
  const identities = [...identitiesOf(shop, start, dayAt(Date.now())), ...own.identities];
  for (const { id, ok } of identities) check(ok, { [id.split(' ')[0] ?? id]: (holds) => holds }, { audit: 'true' });
  // Requests sent again after a fault make the count of requests and refusals meaningless.
  const counts = faultsExpected ? { counted: {} } : own;
  const closing: Closing = { ...counts, identities, totals: totalsOf(shop) };
  console.log(`closing ${JSON.stringify(closing)}`);
  return closing;
};

/** The end of a scenario: its `teardown`. */
export const close = (world: World, users: number, expect: Expect): void => {
  judgeShop(world, users, expect);
};
