import type { Account, Books } from './books.ts';
import type { Findings } from './findings.ts';

/** Milliseconds within which every order has its outcome. */
const SETTLE_MAX_MS = 60_000;

/**
 * What must hold at the end of the fold. `asOf`: a wall-clock time at which the log had not yet grown past the fold, in
 * milliseconds; the age of an open order is measured against it.
 */
export const conclude = (books: Books, findings: Findings, asOf: number): void => {
  concludeMoney(books, findings);
  for (const { productId, received, taken, onHand } of books.products.values()) {
    if (received !== onHand + taken) findings.report('I11', `inventory: ${productId} received`, onHand + taken, received);
  }
  for (const { userId, status, submitted } of books.orders.values()) {
    const ageMs = asOf - submitted.at;
    if (status !== 'open' || ageMs <= SETTLE_MAX_MS) continue;
    const where = `account-${userId}: ${submitted.orderId}`;
    findings.report('I12', where, `settled within ${SETTLE_MAX_MS / 1_000} s`, `open for ${Math.floor(ageMs / 1_000)} s`);
  }
  for (const [couponId, { status, orderId, issued }] of books.coupons) {
    const order = books.orders.get(orderId ?? '');
    if (status !== 'held' || order?.status === 'open') continue;
    findings.report('I12', `account-${issued.userId}: ${couponId}`, 'held by an open order', `held by ${order?.status} ${orderId}`);
  }
};

/** In whole, exactly: sums over all accounts may exceed what a number holds. */
const concludeMoney = (books: Books, findings: Findings): void => {
  let due = 0n;
  let found = 0n;
  const open = new Set<string>();
  for (const { status, userId } of books.orders.values()) if (status === 'open') open.add(userId);
  for (const account of books.accounts.values()) {
    const where = `account-${account.userId}`;
    due += BigInt(account.charged);
    found += BigInt(worthOf(account));
    if (account.charged !== worthOf(account)) findings.report('I1', `${where}: balance + held + spent`, account.charged, worthOf(account));
    if (account.held !== 0 && !open.has(account.userId)) findings.report('I12', `${where}: held without an open order`, 0, account.held);
  }
  if (due !== found) findings.report('I1', 'all accounts: balance + held + spent', due, found);
};

const worthOf = ({ balance, held, spent }: Account): number => balance + held + spent;
