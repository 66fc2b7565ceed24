import { sleep } from 'k6';
import { bodyOf, type Call, get, positionOf, post, send, sendAll } from './calls.ts';
import { commandUrl, queryUrl } from './environment.ts';
import type { ShopState, UserState } from './oracle.ts';

/** Rows of a page: the most the query API gives. */
const PAGE = 100;
/** Pages asked for at once. */
const PAGES_AT_ONCE = 100;
/** How long orders may stay open after the last shopper, in milliseconds: every order has its outcome within 60 s (R40). */
const SETTLE_MAX_MS = 60_000;
/** Pause between two looks at open orders, in seconds. */
const LOOK_PAUSE_S = 1;

const lists = { history: 'balance/history', coupons: 'coupons', orders: 'orders' } as const;

/** The ids of the users `u1` … `u<n>` of the present generation (R32). */
export const userIds = (n: number): string[] => {
  const calls = Array.from({ length: n }, (_, i) => audited(`/users/id?name=u${i + 1}`));
  return inSlices(calls).map((answer) => bodyOf<string>(answer) ?? '');
};

/**
 * Everything the query API says about these users and the shop, at one position or later: a charge of a throw-away user
 * gives the position that all earlier writes stand before. Waits up to 60 s for open orders.
 */
export const readShop = (ids: readonly string[], run: string): ShopState => {
  const at = markEnd(run);
  const until = Date.now() + SETTLE_MAX_MS;
  const lagMs = at.lagMs;
  let users = readUsers(ids, at.position);
  while (users.some(isUnsettled) && Date.now() < until) {
    sleep(LOOK_PAUSE_S);
    users = readUsers(ids, markEnd(run).position);
  }
  const { position } = markEnd(run);
  const [policies = [], products = []] = readLists(['/coupon-policies?all=true&limit=100', '/products?limit=100'], position);
  const ranking = bodyOf<unknown[]>(send(audited('/products/top/realtime', position))) ?? [];
  return { users, policies, products, ranking, lagMs } as ShopState;
};

/** Writes once more and waits for the views to show it. */
export const markEnd = (run: string): { position: string | undefined; lagMs: number } => {
  const userId = `mark-${run}`;
  const url = `${commandUrl}/users/${userId}/balance`;
  const charged = send(post('mark the end', url, { amount: 1 }, { audit: true, key: `${run}-mark-${Date.now()}` }));
  const position = positionOf(charged);
  const from = Date.now();
  send(audited(`/users/${userId}/balance`, position));
  return { position, lagMs: Date.now() - from };
};

const readUsers = (ids: readonly string[], position: string | undefined): UserState[] => {
  const balances = inSlices(ids.map((id) => audited(`/users/${id}/balance`, position)));
  const rows = Object.values(lists).map((list) =>
    readLists(
      ids.map((id) => `/users/${id}/${list}?limit=${PAGE}`),
      position,
    ),
  );
  return ids.map((userId, i) => {
    const { balance, held } = bodyOf<{ balance: number; held: number }>(balances[i] as never) ?? { balance: Number.NaN, held: Number.NaN };
    return { userId, balance, held, history: rows[0]?.[i], coupons: rows[1]?.[i], orders: rows[2]?.[i] } as unknown as UserState;
  });
};

/** Each list to its last page, following `Link: <…>; rel="next"`. */
const readLists = (paths: readonly string[], position: string | undefined): unknown[][] => {
  const rows: unknown[][] = paths.map(() => []);
  let open = paths.map((path, list) => ({ list, path }));
  while (open.length > 0) {
    const answers = inSlices(open.map(({ path }) => audited(path, position)));
    open = open.flatMap(({ list }, i) => {
      const answer = answers[i];
      for (const row of (answer && bodyOf<unknown[]>(answer)) ?? []) rows[list]?.push(row);
      const next = nextOf(answer?.headers.Link);
      return next === undefined ? [] : [{ list, path: next }];
    });
  }
  return rows;
};

/** The path of the next page: links may be absolute or relative. */
const nextOf = (link: string | undefined): string | undefined => /<(?:https?:\/\/[^/>]+)?([^>]+)>;\s*rel="?next"?/.exec(link ?? '')?.[1];

export const audited = (path: string, readAfter?: string): Call =>
  get(`read ${nameOf(path)}`, `${queryUrl}${path}`, { audit: true, readAfter });

/** The route without ids and queries, so that metrics keep few names. */
const nameOf = (path: string): string =>
  path
    .replace(/\?.*$/, '')
    .replace(/^\/users\/(?!id$)[^/]+/, '/users/:id')
    .replace(/^\/(orders|coupons|coupon-policies)\/[^/]+/, '/$1/:id');

export const inSlices = (calls: readonly Call[]) => {
  const slices = Array.from({ length: Math.ceil(calls.length / PAGES_AT_ONCE) }, (_, i) =>
    calls.slice(i * PAGES_AT_ONCE, (i + 1) * PAGES_AT_ONCE),
  );
  return slices.flatMap((slice) => sendAll(slice));
};

const isUnsettled = (user: UserState): boolean =>
  user.held !== 0 || user.orders.some((order) => order.status === 'open') || user.coupons.some((coupon) => coupon.status === 'held');
