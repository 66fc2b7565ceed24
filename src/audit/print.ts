import { INVARIANTS } from './findings.ts';
import type { AuditReport } from './report.ts';

const VIOLATIONS_SHOWN_MAX = 20;
/** Products and policies of older generations pile up; the newest are of interest. */
const ITEMS_SHOWN_MAX = 10;

const number = (value: number): string => value.toLocaleString('en-GB');
const verdict = (ok: boolean, count: number, of: string): string => (ok ? 'OK' : `${number(count)} ${of}`);

/** The report for people: sums, a line for each invariant and each view, and the first violations. */
export const printed = (report: AuditReport): string => {
  const { position, events, invariants, views, violations } = report;
  const found = invariants.reduce((sum, each) => sum + each.violations, 0);
  return [
    `${number(events)} events, position ${position}`,
    ...sums(report),
    '',
    ...invariants.map(
      (each) => `  ${each.id.padEnd(4)} ${verdict(each.ok, each.violations, 'violations').padEnd(14)} ${INVARIANTS[each.id]}`,
    ),
    '',
    ...views.map(
      ({ name, ok, rows, differences, position: at }) =>
        `  ${name.padEnd(16)} ${verdict(ok, differences, 'differences').padEnd(14)} ${number(rows)} rows at ${at ?? 'no position'}`,
    ),
    '',
    ...violations
      .slice(0, VIOLATIONS_SHOWN_MAX)
      .map(({ invariant, where, expected, actual }) => `  ${invariant} ${where}: expected ${expected}, found ${actual}`),
    found === 0 ? 'no violation' : `${number(found)} violations`,
    '',
  ].join('\n');
};

const sums = ({ totals: t, openOrders, balances, products, policies }: AuditReport): string[] => [
  `  accounts  ${number(t.accounts)}: charged ${number(t.charged)} = balances ${number(t.balances)} + held ${number(t.held)} + spent ${number(t.spent)} won`,
  `  balances  ${balances.map(({ balance, accounts }) => `${number(accounts)} x ${number(balance)}`).join(', ') || 'none'}`,
  `  orders    ${number(t.ordersPlaced)} placed (${number(t.ordersPlacedWithCoupon)} with coupon), ${number(t.ordersRejected)} rejected, ` +
    `${number(t.ordersOpen)} open${openOrders.count > 0 ? `, the oldest for ${number(openOrders.oldestSeconds)} s` : ''}`,
  `  coupons   ${number(t.couponsIssued)} issued, ${number(t.couponsUsed)} used, ${number(t.couponsHeld)} held`,
  ...policies
    .slice(-ITEMS_SHOWN_MAX)
    .map(({ policyId, count, issued }) => `  policy    ${policyId}: ${number(issued)} of ${count === null ? 'any number' : number(count)}`),
  ...products
    .slice(-ITEMS_SHOWN_MAX)
    .map((p) => `  product   ${p.productId}: received ${number(p.received)} = on hand ${number(p.onHand)} + taken ${number(p.taken)}`),
];
