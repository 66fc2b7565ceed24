import type { Brand } from './kernel.ts';

/** Whole won. Never a fraction; always a safe integer. */
export type Won = Brand<number, 'Won'>;

export const AMOUNT_MAX = 1_000_000_000;
/** Balance (holds included) and order total. */
export const TOTAL_MAX = 1_000_000_000_000;

/** @throws RangeError when it is not whole won: a bug, since input was parsed before. */
export const won = (amount: number): Won => {
  if (!Number.isSafeInteger(amount)) throw new RangeError(`${amount} is not whole won`);
  return amount as Won;
};

export const plus = (a: Won, b: Won): Won => won(a + b);
export const minus = (a: Won, b: Won): Won => won(a - b);
export const times = (unit: Won, quantity: number): Won => won(unit * quantity);
export const NOTHING = 0 as Won;
