import { INVARIANTS } from './findings.ts';
import type { AuditReport } from './report.ts';

const VIOLATIONS_SHOWN_MAX = 20;
/** Products and policies of older generations pile up; the newest are of interest. */
const ITEMS_SHOWN_MAX = 10;
const BALANCES_SHOWN_MAX = 5;

const number = (value: number): string => value.toLocaleString('en-GB');
const counted = (count: number, of: string): string => `${number(count)} ${of}${count === 1 ? '' : 's'}`;
/** A view that is behind is not OK even without a difference. */
const verdict = (ok: boolean, count: number, of: string): string => (ok ? 'OK' : counted(count, of));

/** The report for people: sums, a line for each invariant and each view, and the first violations. */
export const printed = (report: AuditReport): string => {
  const { position, events, invariants, views, violations } = report;
  const found = invariants.reduce((sum, each) => sum + each.violations, 0);
  return [
    `${number(events)} events, position ${position}`,
    ...sums(report),
    '',
    ...invariants.map(
      (each) => `  ${each.id.padEnd(4)} ${verdict(each.ok, each.violations, 'violation').padEnd(14)} ${INVARIANTS[each.id]}`,
    ),
    '',
    ...views.map(
      ({ name, ok, rows, differences, position: at }) =>
        `  ${name.padEnd(16)} ${verdict(ok, differences, 'difference').padEnd(14)} ${number(rows)} rows at ${at ?? 'no position'}`,
    ),
    '',
    ...violations
      .slice(0, VIOLATIONS_SHOWN_MAX)
      .map(({ invariant, where, expected, actual }) => `  ${invariant} ${where}: expected ${expected}, found ${actual}`),
    found === 0 ? 'no violation' : counted(found, 'violation'),
    '',
  ].join('\n');
};

const balancesText = (balances: AuditReport['balances']): string => {
  const shown = balances.slice(0, BALANCES_SHOWN_MAX).map(({ balance, accounts }) => `${number(accounts)} x ${number(balance)}`);
  return `${shown.join(', ') || 'none'}${balances.length > BALANCES_SHOWN_MAX ? ', …' : ''}`;
};

const sums = ({ totals: t, openOrders, balances, products, policies }: AuditReport): string[] => [
  `  accounts  ${number(t.accounts)}: charged ${number(t.charged)} = balances ${number(t.balances)} + held ${number(t.held)} + spent ${number(t.spent)} won`,
  `  balances  ${balancesText(balances)}`,
  `  orders    ${number(t.ordersPlaced)} placed (${number(t.ordersPlacedWithCoupon)} with coupon), ${number(t.ordersRejected)} rejected, ` +
    `${number(t.ordersOpen)} open${openOrders.count > 0 ? `, the oldest for ${number(openOrders.oldestSeconds)} s` : ''}`,
  `  coupons   ${number(t.couponsIssued)} issued, ${number(t.couponsUsed)} used, ${number(t.couponsHeld)} held, ${number(t.couponsDeleted)} deleted`,
  `  requests  ${number(t.requestsIssued)} of the queue issued, ${number(t.requestsRefused)} refused`,
  ...policies
    .slice(-ITEMS_SHOWN_MAX)
    .map(({ policyId, count, issued }) => `  policy    ${policyId}: ${number(issued)} of ${count === null ? 'any number' : number(count)}`),
  ...products
    .slice(-ITEMS_SHOWN_MAX)
    .map((p) => `  product   ${p.productId}: received ${number(p.received)} = on hand ${number(p.onHand)} + taken ${number(p.taken)}`),
];
