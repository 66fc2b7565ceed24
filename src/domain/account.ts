import {
  type AccountCoupons,
  accountCouponEvents,
  type CouponFacts,
  type CouponRefused,
  evolveCoupons,
  heldBy,
  objectionToCoupon,
  usedBy,
} from './accountCoupons.ts';
import type { CommandId, CouponId, Fingerprint, OrderId, ProductId, UserId } from './ids.ts';
import { assertNever, type Decision, type Fold, recall, record, refuse } from './kernel.ts';
import { minus, NOTHING, plus, TOTAL_MAX, type Won } from './money.ts';
import type { Quote } from './quote.ts';
import { RewindableMap } from './rewindable.ts';
import { type EventOf, integer, list, object, oneOf, orNull, type Parsed, text } from './shape.ts';

export const ACCOUNT = 'account-';
export const accountStream = (id: UserId): string => `${ACCOUNT}${id}`;

const orderLine = object({ productId: text<ProductId>(), name: text(), quantity: integer(), unitPrice: integer<Won>() });
export type OrderLine = Parsed<typeof orderLine>;
const rejection = oneOf('out-of-stock', 'expired');
export type Rejection = Parsed<typeof rejection>;

// These names and shapes are stored. A changed meaning is a new name, never an edit.
// `movement` numbers the changes of the balance, 1, 2, 3 …: one row of the history each.
export const accountEvents = {
  BalanceCharged: object({
    chargeId: text<CommandId>(),
    fingerprint: text<Fingerprint>(),
    amount: integer<Won>(),
    balanceAfter: integer<Won>(),
    movement: integer(),
    at: integer(),
  }),
  /** Money and coupon are held; what the order costs is fixed here for ever. */
  OrderSubmitted: object({
    orderId: text<OrderId>(),
    fingerprint: text<Fingerprint>(),
    lines: list(orderLine),
    couponId: orNull(text<CouponId>()),
    subtotal: integer<Won>(),
    discount: integer<Won>(),
    totalAmount: integer<Won>(),
    balanceAfter: integer<Won>(),
    movement: integer(),
    /** Events on the stock ledger when the order was quoted: its fence against forgotten verdicts. */
    ledgerSeen: integer(),
    at: integer(),
  }),
  /** Repeats lines, coupon and total, so that no consumer has to join. */
  OrderPlaced: object({
    orderId: text<OrderId>(),
    lines: list(orderLine),
    couponId: orNull(text<CouponId>()),
    totalAmount: integer<Won>(),
    at: integer(),
  }),
  OrderRejected: object({
    orderId: text<OrderId>(),
    reason: rejection,
    couponId: orNull(text<CouponId>()),
    totalAmount: integer<Won>(),
    balanceAfter: integer<Won>(),
    movement: integer(),
    at: integer(),
  }),
  ...accountCouponEvents,
};
export type AccountEvent = EventOf<typeof accountEvents>;

export type Order = Quote &
  Readonly<{
    orderId: OrderId;
    status: 'open' | 'placed' | 'rejected';
    reason: Rejection | null;
    couponId: CouponId | null;
    fingerprint: Fingerprint;
    ledgerSeen: number;
    submittedAt: number;
  }>;

/** One user's money and coupons, and what was done with them. `balance` can be spent now: holds are already taken off. */
export type Account = AccountCoupons &
  Readonly<{
    balance: Won;
    held: Won;
    movements: number;
    openOrders: number;
    charges: RewindableMap<CommandId, Readonly<{ fingerprint: Fingerprint; balanceAfter: Won }>>;
    orders: RewindableMap<OrderId, Order>;
  }>;

export const accountFold: Fold<Account, AccountEvent> = {
  get initial() {
    return {
      balance: NOTHING,
      held: NOTHING,
      movements: 0,
      openOrders: 0,
      charges: RewindableMap.empty(),
      orders: RewindableMap.empty(),
      coupons: RewindableMap.empty(),
      couponCommands: RewindableMap.empty(),
    } as Account;
  },
  evolve: (account, event) => {
    switch (event.type) {
      case 'BalanceCharged': {
        const { chargeId, fingerprint, balanceAfter, movement } = event.data;
        return {
          ...account,
          balance: balanceAfter,
          movements: movement,
          charges: account.charges.set(chargeId, { fingerprint, balanceAfter }),
        };
      }
      case 'OrderSubmitted': {
        const { balanceAfter, movement } = event.data;
        const order = submittedOrder(event.data);
        return {
          ...account,
          balance: balanceAfter,
          held: plus(account.held, order.totalAmount),
          movements: movement,
          openOrders: account.openOrders + 1,
          orders: account.orders.set(order.orderId, order),
          coupons: order.couponId ? account.coupons.set(order.couponId, heldBy(order.orderId)) : account.coupons,
        };
      }
      case 'OrderPlaced': {
        const { orderId, couponId, at } = event.data;
        const coupons = couponId ? account.coupons.set(couponId, usedBy(orderId, at)) : account.coupons;
        return { ...settled(account, orderId, 'placed', null), coupons };
      }
      case 'OrderRejected': {
        const { orderId, couponId, reason, balanceAfter, movement } = event.data;
        const coupons = couponId ? account.coupons.delete(couponId) : account.coupons;
        return { ...settled(account, orderId, 'rejected', reason), balance: balanceAfter, movements: movement, coupons };
      }
      case 'CouponUsed':
      case 'CouponUseCancelled':
      case 'CouponDeleted':
        return evolveCoupons(account, event);
      default:
        return assertNever(event);
    }
  },
};

/** Each member by its name: copying all but some costs fifty times as much, and this is done several times for every order. */
const submittedOrder = (event: Extract<AccountEvent, { type: 'OrderSubmitted' }>['data']): Order => {
  const { orderId, fingerprint, lines, couponId, subtotal, discount, totalAmount, ledgerSeen, at: submittedAt } = event;
  return { orderId, fingerprint, lines, couponId, subtotal, discount, totalAmount, ledgerSeen, status: 'open', reason: null, submittedAt };
};

const settled = (account: Account, orderId: OrderId, status: 'placed' | 'rejected', reason: Rejection | null): Account => {
  const order = account.orders.get(orderId);
  if (!order) throw new Error(`order ${orderId} was settled but never submitted`);
  return {
    ...account,
    held: minus(account.held, order.totalAmount),
    openOrders: account.openOrders - 1,
    orders: account.orders.set(orderId, { ...order, status, reason }),
  };
};

export type Charge = Readonly<{ chargeId: CommandId; fingerprint: Fingerprint; amount: Won; at: number }>;
export type Charged =
  | Readonly<{ kind: 'charged'; balance: Won; replayed: boolean }>
  | Readonly<{ kind: 'refused'; reason: 'limit-exceeded' | 'key-reused' }>;

/** Asked again, answers the balance just after that charge, not today's. */
export const charge =
  ({ chargeId, fingerprint, amount, at }: Charge) =>
  (account: Account): Decision<AccountEvent, Charged> => {
    const known = account.charges.get(chargeId);
    if (known && known.fingerprint !== fingerprint) return recall({ kind: 'refused', reason: 'key-reused' });
    if (known) return recall({ kind: 'charged', balance: known.balanceAfter, replayed: true });
    if (account.balance + account.held + amount > TOTAL_MAX) return refuse({ kind: 'refused', reason: 'limit-exceeded' });
    const balanceAfter = plus(account.balance, amount);
    const charged = { chargeId, fingerprint, amount, balanceAfter, movement: account.movements + 1, at };
    return record([{ type: 'BalanceCharged', data: charged }], { kind: 'charged', balance: balanceAfter, replayed: false });
  };

export const OPEN_ORDERS_MAX = 20;

export type Submission = Quote &
  Readonly<{ orderId: OrderId; fingerprint: Fingerprint; userId: UserId; coupon: CouponFacts | null; ledgerSeen: number; at: number }>;

export type SubmissionRefused =
  | Readonly<{ kind: 'refused'; reason: 'key-reused' | 'insufficient-balance' | 'too-many-open-orders' }>
  | CouponRefused;
export type Submitted = Readonly<{ kind: 'submitted'; order: Order; replayed: boolean }> | SubmissionRefused;

/** Takes hold of money and coupon together, or of neither (R37, R38). */
export const submitOrder =
  (submission: Submission) =>
  (account: Account): Decision<AccountEvent, Submitted> => {
    const { orderId, fingerprint, lines, subtotal, discount, totalAmount, ledgerSeen, coupon, at } = submission;
    const known = account.orders.get(orderId);
    if (known && known.fingerprint !== fingerprint) return recall({ kind: 'refused', reason: 'key-reused' });
    if (known) return recall({ kind: 'submitted', order: known, replayed: true });
    const objection = objectionTo(submission, account);
    if (objection) return refuse(objection);
    const couponId = coupon?.couponId ?? null;
    const balanceAfter = minus(account.balance, totalAmount);
    const movement = account.movements + 1;
    const data = { orderId, fingerprint, lines, couponId, subtotal, discount, totalAmount, balanceAfter, movement, ledgerSeen, at };
    return record([{ type: 'OrderSubmitted', data }], { kind: 'submitted', order: submittedOrder(data), replayed: false });
  };

const objectionTo = ({ coupon, userId, totalAmount, at }: Submission, account: Account): SubmissionRefused | null => {
  const refused = coupon && objectionToCoupon(account, coupon, userId, at);
  if (refused) return refused;
  if (account.balance < totalAmount) return { kind: 'refused', reason: 'insufficient-balance' };
  if (account.openOrders >= OPEN_ORDERS_MAX) return { kind: 'refused', reason: 'too-many-open-orders' };
  return null;
};

export type Settlement = Readonly<{ orderId: OrderId; verdict: 'taken' | Rejection; at: number }>;

/** Ends an order by the ledger's verdict. A verdict is final, so a second settling says nothing new. */
export const settleOrder =
  ({ orderId, verdict, at }: Settlement) =>
  (account: Account): Decision<AccountEvent, Order> => {
    const order = account.orders.get(orderId);
    if (!order) throw new Error(`order ${orderId} was never submitted`);
    if (order.status !== 'open') return recall(order);
    const { couponId, totalAmount, lines } = order;
    if (verdict === 'taken') {
      return record([{ type: 'OrderPlaced', data: { orderId, lines, couponId, totalAmount, at } }], { ...order, status: 'placed' });
    }
    const balanceAfter = plus(account.balance, totalAmount);
    const data = { orderId, reason: verdict, couponId, totalAmount, balanceAfter, movement: account.movements + 1, at };
    return record([{ type: 'OrderRejected', data }], { ...order, status: 'rejected', reason: verdict });
  };

/** The order as it stands, `null` when there is none. */
export const findOrder =
  (orderId: OrderId) =>
  (account: Account): Decision<AccountEvent, Order | null> => {
    const order = account.orders.get(orderId);
    return order && order.status !== 'open' ? recall(order) : refuse(order ?? null);
  };
