import type { Account, DataOf, Entry, Movement } from './books.ts';

const accountOf = ({ books, id: userId }: Entry): Account => {
  const known = books.accounts.get(userId);
  if (known) return known;
  const opened = { userId, charged: 0, balance: 0, held: 0, openTotal: 0, spent: 0, movements: 0 };
  books.accounts.set(userId, opened);
  return opened;
};

/** After a wrong figure the books go on from what is recorded, so that one fault is told once. */
const move = (entry: Entry, account: Account, movement: Movement): void => {
  const { seq, amount, balanceAfter } = movement;
  entry.same('I1', 'movement', account.movements + 1, seq);
  entry.same('I1', 'balanceAfter', account.balance + amount, balanceAfter);
  account.movements = seq;
  account.balance = balanceAfter;
  entry.books.movements.set(`${account.userId} ${seq}`, movement);
};

const weigh = (entry: Entry, account: Account): void => {
  if (account.balance < 0) entry.breaks('I2', 'balance', '0 or more', account.balance);
  if (account.held < 0) entry.breaks('I2', 'held', '0 or more', account.held);
  entry.same('I2', 'held', account.openTotal, account.held);
  account.held = account.openTotal;
};

export const charge = (entry: Entry, data: DataOf<'BalanceCharged'>): void => {
  const account = accountOf(entry);
  const { amount, balanceAfter, movement: seq, at, chargeId } = data;
  entry.once('I3', 'charge', chargeId);
  move(entry, account, { userId: entry.id, seq, type: 'charge', amount, balanceAfter, orderId: null, at });
  account.charged += amount;
  weigh(entry, account);
};

/** Money goes from the balance into a hold. */
export const hold = (entry: Entry, data: DataOf<'OrderSubmitted'>): void => {
  const account = accountOf(entry);
  const { totalAmount, balanceAfter, movement: seq, at, orderId } = data;
  move(entry, account, { userId: entry.id, seq, type: 'use', amount: 0 - totalAmount, balanceAfter, orderId, at });
  account.held += totalAmount;
  account.openTotal += totalAmount;
  weigh(entry, account);
};

/** Held money is spent. `openTotal`: what the order had been submitted with, 0 when it was not open. */
export const spend = (entry: Entry, { totalAmount }: DataOf<'OrderPlaced'>, openTotal: number): void => {
  const account = accountOf(entry);
  account.held -= totalAmount;
  account.openTotal -= openTotal;
  account.spent += totalAmount;
  weigh(entry, account);
};

/** Held money goes back into the balance. */
export const restore = (entry: Entry, data: DataOf<'OrderRejected'>, openTotal: number): void => {
  const account = accountOf(entry);
  const { totalAmount, balanceAfter, movement: seq, at, orderId } = data;
  move(entry, account, { userId: entry.id, seq, type: 'restore', amount: totalAmount, balanceAfter, orderId, at });
  account.held -= totalAmount;
  account.openTotal -= openTotal;
  weigh(entry, account);
};
