import type { Books } from './books.ts';
import { type Findings, INVARIANTS, type Invariant, type Violation } from './findings.ts';
import type { Ledger } from './ledger.ts';

/** `position: null`: there is no such view. `differences`: rows that are wrong, missing or too many. */
export type ViewReport = Readonly<{ name: string; position: string | null; rows: number; ok: boolean; differences: number }>;

/** Sums in won and pieces. */
export type Totals = Readonly<{
  accounts: number;
  charged: number;
  balances: number;
  held: number;
  spent: number;
  ordersPlaced: number;
  ordersPlacedWithCoupon: number;
  ordersRejected: number;
  ordersOpen: number;
  couponsIssued: number;
  couponsHeld: number;
  couponsUsed: number;
  couponsDeleted: number;
  /** Outcomes of requests that came by the queue. */
  requestsIssued: number;
  requestsRefused: number;
}>;

export type AuditReport = Readonly<{
  /** Where in the log the fold ended. */
  position: string;
  events: number;
  totals: Totals;
  openOrders: Readonly<{ count: number; oldestSeconds: number }>;
  /** How many accounts have which balance, the most frequent first, at most 20. */
  balances: readonly Readonly<{ balance: number; accounts: number }>[];
  products: readonly Readonly<{ productId: string; received: number; taken: number; onHand: number }>[];
  policies: readonly Readonly<{ policyId: string; count: number | null; issued: number }>[];
  invariants: readonly Readonly<{ id: Invariant; ok: boolean; violations: number }>[];
  views: readonly ViewReport[];
  /** The first of them; `invariants` counts all. */
  violations: readonly Violation[];
}>;

const BALANCES_MAX = 20;

export const isClean = (report: AuditReport): boolean => report.invariants.every(({ ok }) => ok) && report.views.every(({ ok }) => ok);

export const reportOf = (ledger: Ledger, findings: Findings, views: readonly ViewReport[], asOf: number): AuditReport => {
  const { books, events, position } = ledger;
  const opened = [...books.orders.values()].filter(({ status }) => status === 'open').map(({ submitted }) => submitted.at);
  const oldest = opened.reduce((earliest, at) => Math.min(earliest, at), asOf);
  return {
    position: String(position ?? 0n),
    events,
    totals: totalsOf(books),
    openOrders: { count: opened.length, oldestSeconds: Math.floor((asOf - oldest) / 1_000) },
    balances: balancesOf(books),
    products: [...books.products.values()].map(({ productId, received, taken, onHand }) => ({ productId, received, taken, onHand })),
    policies: [...books.policies].map(([policyId, { terms, issued }]) => ({ policyId, count: terms.count, issued })),
    invariants: (Object.keys(INVARIANTS) as Invariant[]).map((id) => {
      const violations = findings.countOf(id);
      return { id, ok: violations === 0, violations };
    }),
    views,
    violations: findings.kept,
  };
};

const totalsOf = ({ accounts, orders, coupons, requests }: Books): Totals => {
  const totals = { accounts: accounts.size, charged: 0, balances: 0, held: 0, spent: 0, ordersPlaced: 0, ordersPlacedWithCoupon: 0 };
  const states = { open: 0, placed: 0, rejected: 0, available: 0, held: 0, used: 0, deleted: 0 };
  for (const { charged, balance, held, spent } of accounts.values()) {
    totals.charged += charged;
    totals.balances += balance;
    totals.held += held;
    totals.spent += spent;
  }
  for (const { status, submitted } of orders.values()) {
    states[status] += 1;
    if (status === 'placed' && submitted.couponId !== null) totals.ordersPlacedWithCoupon += 1;
  }
  for (const { status } of coupons.values()) states[status] += 1;
  let requestsIssued = 0;
  for (const { status } of requests.values()) requestsIssued += status === 'issued' ? 1 : 0;
  return {
    ...totals,
    ordersPlaced: states.placed,
    ordersRejected: states.rejected,
    ordersOpen: states.open,
    couponsIssued: coupons.size,
    couponsHeld: states.held,
    couponsUsed: states.used,
    couponsDeleted: states.deleted,
    requestsIssued,
    requestsRefused: requests.size - requestsIssued,
  };
};

const balancesOf = ({ accounts }: Books): AuditReport['balances'] => {
  const counts = new Map<number, number>();
  for (const { balance } of accounts.values()) counts.set(balance, 1 + (counts.get(balance) ?? 0));
  const all = [...counts].map(([balance, count]) => ({ balance, accounts: count }));
  return all.sort((a, b) => b.accounts - a.accounts || b.balance - a.balance).slice(0, BALANCES_MAX);
};
