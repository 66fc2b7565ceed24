import { type Account, type AccountEvent, accountFold, charge, settleOrder, submitOrder } from '../../src/domain/account.ts';
import { type CouponCommand, cancelUse, deleteCoupon, useCoupon } from '../../src/domain/accountCoupons.ts';
import {
  addCount,
  type CouponPolicy,
  type CouponPolicyEvent,
  changePolicy,
  couponPolicyFold,
  deletePolicy,
  issueCoupon,
  openPolicy,
} from '../../src/domain/couponPolicy.ts';
import { decideRequest } from '../../src/domain/couponRequests.ts';
import type { CommandId, CouponId, Fingerprint, OrderId, PolicyId, ProductId, UserId } from '../../src/domain/ids.ts';
import { denyStock, type Inventory, type InventoryEvent, inventoryFoldOf, receiveStock, takeStock } from '../../src/domain/inventory.ts';
import { type Decision, type Fold, foldAll } from '../../src/domain/kernel.ts';
import type { Won } from '../../src/domain/money.ts';

// Histories as they come about: each number picks a command and whom it is about; what it decides is recorded.

type Command<S, E> = (state: S) => Decision<E, unknown>;

const historyOf = <S, E>(fold: Fold<S, E>, commands: readonly Command<S, E>[]): E[] => {
  const events: E[] = [];
  let state = fold.initial;
  for (const command of commands) {
    const decided = command(state).events;
    events.push(...decided);
    state = foldAll(fold, state, decided);
  }
  return events;
};

/** Few enough that commands meet one another. */
const few = (n: number): number => Math.floor(n / 8) % 7;
const fingerprint = 'f' as Fingerprint;

export const ledgerHistory = (numbers: readonly number[], perGeneration: number): InventoryEvent[] =>
  historyOf(
    inventoryFoldOf(perGeneration),
    numbers.map((n, at): Command<Inventory, InventoryEvent> => {
      const orderId = `order-${n}` as OrderId;
      const productId = `p${few(n)}` as ProductId;
      if (n % 8 === 0) return receiveStock({ receiptId: `r${n}` as CommandId, fingerprint, productId, quantity: few(n) + 1, at });
      if (n % 8 === 1) return denyStock({ orderId, searchedTo: Number.MAX_SAFE_INTEGER, at });
      return takeStock({ orderId, lines: [{ productId, quantity: 1 }], ledgerSeen: Number.MAX_SAFE_INTEGER, at });
    }),
  );

const userId = 'ann' as UserId;
const line = { productId: 'p' as ProductId, name: 'thing', quantity: 1, unitPrice: 100 as Won };
const price = { lines: [line], subtotal: 100 as Won, discount: 0 as Won, totalAmount: 100 as Won };

export const accountHistory = (numbers: readonly number[]): AccountEvent[] =>
  historyOf(
    accountFold,
    numbers.map((n, at): Command<Account, AccountEvent> => {
      const coupon = { couponId: `cp-${few(n) + 1}` as CouponId, owner: userId, expiresAt: 1e12 };
      const asked: CouponCommand = { coupon, commandId: `c${n}` as CommandId, fingerprint, at };
      const orderId = `order-${few(n)}` as OrderId;
      switch (n % 8) {
        case 0:
          return charge({ chargeId: `charge-${n}` as CommandId, fingerprint, amount: 500 as Won, at });
        case 1:
        case 2:
          return submitOrder({ ...price, orderId, fingerprint, userId, coupon: n % 8 === 1 ? coupon : null, ledgerSeen: at, at });
        case 3:
        case 4:
          return (account) =>
            account.orders.has(orderId)
              ? settleOrder({ orderId, verdict: n % 8 === 3 ? 'taken' : 'out-of-stock', at })(account)
              : { events: [], outcome: null, restsOn: 'current' };
        case 5:
          return useCoupon({ ...asked, productId: null });
        case 6:
          return cancelUse(asked);
        default:
          return n % 5 === 0 ? deleteCoupon(asked) : useCoupon({ ...asked, productId: 'p' as ProductId });
      }
    }),
  );

const terms = {
  name: 'sale',
  count: 5,
  discountType: 'amount' as const,
  discountAmount: 10,
  startsAt: 0,
  endsAt: 1e12,
  expireMinutes: 5,
  perUser: null,
};

export const policyHistory = (numbers: readonly number[]): CouponPolicyEvent[] =>
  historyOf(couponPolicyFold, [
    openPolicy({ policyId: 'cp1-1' as PolicyId, number: 1, generation: 1, terms, at: 0 }),
    ...numbers.map((n, at): Command<CouponPolicy, CouponPolicyEvent> => {
      const command = { commandId: `c${n}` as CommandId, fingerprint, at };
      const { count: _count, perUser: _perUser, ...wished } = terms;
      if (n === 7) return deletePolicy(command);
      if (n % 8 === 0) return addCount({ ...command, add: few(n) + 1 });
      if (n % 8 === 1) return changePolicy({ ...command, wished: { ...wished, discountAmount: n + 1 } });
      const issue = { userId: `u${few(n)}` as UserId, commandId: command.commandId };
      if (n % 8 === 2) return decideRequest({ ...issue, transactionId: `tx-${n}`, requestedAt: at, decidedAt: at + 1 });
      return issueCoupon({ ...issue, at });
    }),
  ]);
