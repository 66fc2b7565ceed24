/**
 * The identities every run must end in (K1–K7, K9), over what the query API says. Pure: the same function judges in k6's
 * teardown and in unit tests. K8 compares with the shoppers' own counters and is judged by the runner.
 */
export type HistoryRow = Readonly<{
  seq: number;
  type: 'charge' | 'use' | 'restore';
  amount: number;
  balanceAfter: number;
  orderId: string | null;
}>;
export type Coupon = Readonly<{ couponId: string; policyId: string; serial: number; status: string; orderId: string | null }>;
export type Line = Readonly<{ productId: string; quantity: number }>;
export type Order = Readonly<{ orderId: string; status: string; couponId: string | null; totalAmount: number; items: readonly Line[] }>;
export type Policy = Readonly<{ policyId: string; count: number | null; issued: number; remaining: number | null; perUser: number | null }>;
export type Product = Readonly<{ id: string; price: number; stock: number }>;
export type Ranked = Readonly<{ productId: string; soldQty: number }>;

/** Everything one user owns; `history` and `orders` newest first, as the query API lists them. */
export type UserState = Readonly<{
  userId: string;
  balance: number;
  held: number;
  history: readonly HistoryRow[];
  coupons: readonly Coupon[];
  orders: readonly Order[];
}>;

/** The shop as the query API shows it. `lagMs`: how long the views took to reach the last write. */
export type ShopState = Readonly<{
  users: readonly UserState[];
  policies: readonly Policy[];
  products: readonly Product[];
  ranking: readonly Ranked[];
  lagMs: number;
}>;

/** What was there before the first shopper: stock per product, sales carried over into the realtime ranking. */
export type Start = Readonly<{ stock: Readonly<Record<string, number>>; carriedOver: Readonly<Record<string, number>>; day: string }>;

export type Identity = Readonly<{ id: string; ok: boolean; expected: string; actual: string }>;

/** Views must stand at the end of the log this soon after the last write. */
const DRAIN_MAX_MS = 30_000;
/** Rows of a ranking. */
const TOP = 5;
/** Offenders an identity names. */
const NAMED_MAX = 3;

export const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);
export const placedOf = (user: UserState): readonly Order[] => user.orders.filter((order) => order.status === 'placed');
/** 1234567 as `1,234,567`; k6's engine has no locales. */
export const won = (amount: number): string => String(amount).replace(/\B(?=(\d{3})+$)/g, ',');

export const equal = (id: string, expected: number, actual: number): Identity => ({
  id,
  ok: expected === actual,
  expected: won(expected),
  actual: won(actual),
});

/** An identity that holds when nobody offends it; `offenders` say who and how. */
export const none = (id: string, expected: string, offenders: readonly string[]): Identity => ({
  id,
  ok: offenders.length === 0,
  expected,
  actual: offenders.length === 0 ? 'so' : `${offenders.length} off: ${offenders.slice(0, NAMED_MAX).join('; ')}`,
});

/** Totals of a state; the runner compares them with what the shoppers were answered (K8). */
export const totalsOf = ({ users }: ShopState) => {
  const charges = users.flatMap((user) => user.history.filter((row) => row.type === 'charge'));
  const placed = users.flatMap(placedOf);
  return {
    balances: sum(users.map((user) => user.balance)),
    charge: charges.length,
    charge_won: sum(charges.map((row) => row.amount)),
    order: placed.length,
    order_won: sum(placed.map((order) => order.totalAmount)),
    ordersWithCoupon: placed.filter((order) => order.couponId !== null).length,
    ordersNotPlaced: sum(users.map((user) => user.orders.length)) - placed.length,
    coupon: sum(users.map((user) => user.coupons.length)),
    couponsUsed: users.flatMap((user) => user.coupons).filter((coupon) => coupon.status === 'used').length,
  };
};
export type Totals = ReturnType<typeof totalsOf>;

/** All identities of `shop`, given what it began with. `day` is the day in the service zone now: at midnight rankings move. */
export const identitiesOf = (shop: ShopState, start: Start, day: string): Identity[] => [
  ...money(shop),
  ...shop.policies.map((policy) => couponsOfPolicy(shop, policy)),
  ...couponsInOrders(shop),
  ...stock(shop, start, soldOf(shop)),
  ...(day === start.day ? [ranking(shop, start, soldOf(shop))] : []),
  ...drained(shop),
  none('K9 every use has its placed order', 'one use each, no other', shop.users.flatMap(usesWithoutOrder)),
];

const money = (shop: ShopState): Identity[] => {
  const totals = totalsOf(shop);
  return [
    equal('K1 charges - orders = balances', totals.charge_won - totals.order_won, totals.balances),
    none('K1 for each user', `${won(shop.users.length)} users right`, shop.users.flatMap(balanceOff)),
    none('K2 history = balance', 'every row follows from the row before', shop.users.flatMap(historyOff)),
  ];
};

const balanceOff = (user: UserState): string[] => {
  const charged = sum(user.history.filter((row) => row.type === 'charge').map((row) => row.amount));
  const due = charged - sum(placedOf(user).map((order) => order.totalAmount));
  return due === user.balance ? [] : [`${user.userId} has ${won(user.balance)}, not ${won(due)}`];
};

const historyOff = (user: UserState): string[] => {
  const oldestFirst = [...user.history].sort((a, b) => a.seq - b.seq);
  let balance = 0;
  for (const row of oldestFirst) {
    balance += row.amount;
    if (row.balanceAfter !== balance || balance < 0)
      return [`${user.userId} row ${row.seq}: ${won(row.balanceAfter)}, not ${won(balance)}`];
  }
  return balance === user.balance ? [] : [`${user.userId}: rows give ${won(balance)}, balance is ${won(user.balance)}`];
};

const couponsOfPolicy = ({ users }: ShopState, policy: Policy): Identity => {
  const owners = users.flatMap((user) =>
    user.coupons.filter((c) => c.policyId === policy.policyId).map((c) => ({ ...c, userId: user.userId })),
  );
  const serials = owners.map((coupon) => coupon.serial).sort((a, b) => a - b);
  const counted = policy.count === null ? policy.issued : policy.count - (policy.remaining ?? Number.NaN);
  const greedy = new Set(owners.map((c) => c.userId)).size < owners.length && policy.perUser === 1;
  const faults = [
    ...(policy.issued === counted ? [] : [`issued ${policy.issued}, count - remaining ${counted}`]),
    ...(policy.count !== null && policy.issued > policy.count ? [`${policy.issued} issued of ${policy.count}`] : []),
    ...(owners.length === policy.issued ? [] : [`${owners.length} owned, ${policy.issued} issued`]),
    ...(serials.every((serial, i) => serial === i + 1) ? [] : ['serials are not 1, 2, 3 …']),
    ...(greedy ? ['a user has two'] : []),
  ];
  return none(`K3 policy ${policy.policyId}`, `${won(policy.issued)} issued, each once`, faults);
};

const couponsInOrders = ({ users }: ShopState): Identity[] => {
  const paid = users.flatMap(placedOf).filter((order) => order.couponId !== null);
  const usedBy = new Map(
    users.flatMap((user) => user.coupons.filter((c) => c.status === 'used').map((c) => [c.couponId, c.orderId] as const)),
  );
  const twice = paid.length - new Set(paid.map((order) => order.couponId)).size;
  const loose = paid.filter((order) => usedBy.get(order.couponId ?? '') !== order.orderId).map((order) => `order ${order.orderId}`);
  return [
    equal('K4 coupons used = orders with coupon', paid.length, usedBy.size),
    equal('K4 coupons in two placed orders', 0, twice),
    none('K4 each order owns its coupon', 'used by that order', loose),
  ];
};

/** Pieces of each product in placed orders. */
export const soldOf = ({ users }: ShopState): Map<string, number> => {
  const sold = new Map<string, number>();
  for (const line of users.flatMap(placedOf).flatMap((order) => order.items)) {
    sold.set(line.productId, (sold.get(line.productId) ?? 0) + line.quantity);
  }
  return sold;
};

const stock = ({ products }: ShopState, start: Start, sold: Map<string, number>): Identity[] =>
  products.map(({ id, stock: left }) => {
    const identity = equal(`K5 stock gone from ${id} = sold`, sold.get(id) ?? 0, (start.stock[id] ?? 0) - left);
    return left >= 0 ? identity : { ...identity, ok: false, actual: `stock ${left}` };
  });

const ranking = (shop: ShopState, start: Start, sold: Map<string, number>): Identity => {
  const expected = shop.products
    .map(({ id }) => ({ productId: id, soldQty: (start.carriedOver[id] ?? 0) + (sold.get(id) ?? 0) }))
    .filter(({ soldQty }) => soldQty > 0)
    .sort((a, b) => b.soldQty - a.soldQty || (a.productId < b.productId ? -1 : 1))
    .slice(0, TOP);
  const told = (rows: readonly Ranked[]) => rows.map(({ productId, soldQty }) => `${productId} ${soldQty}`).join(', ');
  return { id: 'K6 realtime ranking', ok: told(expected) === told(shop.ranking), expected: told(expected), actual: told(shop.ranking) };
};

const drained = ({ users, lagMs }: ShopState): Identity[] => [
  none(
    'K7 nothing open or held',
    'no open order, no held money, no held coupon',
    users.flatMap((user) => [
      ...user.orders.filter((order) => order.status === 'open').map((order) => `order ${order.orderId} open`),
      ...(user.held === 0 ? [] : [`${user.userId} has ${won(user.held)} held`]),
      ...user.coupons.filter((coupon) => coupon.status === 'held').map((coupon) => `coupon ${coupon.couponId} held`),
    ]),
  ),
  {
    id: 'K7 views at the end of the log',
    ok: lagMs <= DRAIN_MAX_MS,
    expected: `within ${won(DRAIN_MAX_MS)} ms`,
    actual: `${won(lagMs)} ms`,
  },
];

/** A placed order has taken its money once, any other order holds none; a total of 0 may leave no row at all. */
const usesWithoutOrder = (user: UserState): string[] => {
  const taken = new Map<string, number>(user.orders.map((order) => [order.orderId, 0]));
  for (const { orderId, type } of user.history) {
    if (orderId !== null) taken.set(orderId, (taken.get(orderId) ?? 0) + (type === 'use' ? 1 : -1));
  }
  const placed = new Map(placedOf(user).map((order) => [order.orderId, order]));
  return [...taken].flatMap(([orderId, uses]) => {
    const order = placed.get(orderId);
    const isRight = order?.totalAmount === 0 ? uses === 0 || uses === 1 : uses === (order ? 1 : 0);
    return isRight ? [] : [`order ${orderId} ${order ? 'placed' : 'not placed'}, taken ${uses} times`];
  });
};
