import type { OrderLine, Rejection } from '../domain/account.ts';
import type { IssuedCoupon, OpenedPolicy, PolicyTerms } from '../domain/couponPolicy.ts';
import type { DomainEvent } from '../domain/events.ts';
import type { CreatedProduct } from '../domain/product.ts';
import type { Position } from '../platform/eventStore/eventStore.ts';
import { type Findings, type Invariant, type Place, placeText } from './findings.ts';

export type DataOf<Type extends DomainEvent['type']> = Extract<DomainEvent, { type: Type }>['data'];

/** One user's money in won. `openTotal` sums what open orders were submitted with, `held` what the events took and gave back. */
export type Account = {
  userId: string;
  charged: number;
  balance: number;
  held: number;
  openTotal: number;
  spent: number;
  movements: number;
};

export type Movement = Readonly<{
  userId: string;
  seq: number;
  type: 'charge' | 'use' | 'restore';
  amount: number;
  balanceAfter: number;
  orderId: string | null;
  at: number;
}>;

export type Order = {
  readonly userId: string;
  readonly submitted: DataOf<'OrderSubmitted'>;
  readonly position: Position;
  status: 'open' | 'placed' | 'rejected';
  reason: Rejection | null;
  settledAt: number | null;
};

/** `terms` are those of now. */
export type Policy = {
  readonly opened: OpenedPolicy;
  terms: PolicyTerms;
  updatedAt: number;
  deletedAt: number | null;
  changes: number;
  issued: number;
  lastSerial: number;
  byUser: Map<string, number>;
};

export type PolicyChange = Readonly<{
  policyId: string;
  seq: number;
  change: 'created' | 'changed' | 'count-added' | 'deleted';
  terms: PolicyTerms;
  at: number;
}>;

export type Coupon = {
  readonly issued: IssuedCoupon;
  readonly policyId: string;
  /** Its place among all issues of the log, from 1. */
  readonly number: number;
  /** Its issue, and what was done with it since. */
  changes: number;
  status: 'available' | 'held' | 'used' | 'deleted';
  orderId: string | null;
  productId: string | null;
  usedAt: number | null;
  deletedAt: number | null;
};

export type CouponChange = Readonly<{
  couponId: string;
  seq: number;
  change: 'held' | 'used' | 'released' | 'use-cancelled' | 'deleted';
  productId: string | null;
  orderId: string | null;
  at: number;
}>;

/** The one outcome of a request that came by the queue. */
export type Request = Readonly<{
  policyId: string;
  transactionId: string;
  userId: string;
  status: 'issued' | 'refused';
  reason: string | null;
  couponId: string | null;
  decidedAt: number;
  position: Position;
}>;

/** `onHand` follows what the ledger says of itself; `received` and `taken` are summed up. */
export type Product = { readonly productId: string; created: CreatedProduct | null; received: number; taken: number; onHand: number };

export type Verdict = 'taken' | Rejection;
export type Sale = { readonly productId: string; readonly day: string; quantity: number };

/** Everything the log says, in plain maps that grow with it. Keys of two parts are joined by a space, which no id contains. */
export type Books = Readonly<{
  serviceZone: string;
  accounts: Map<string, Account>;
  /** By user and number of the movement. */
  movements: Map<string, Movement>;
  orders: Map<string, Order>;
  policies: Map<string, Policy>;
  coupons: Map<string, Coupon>;
  /** By transaction id and policy. */
  requests: Map<string, Request>;
  /** By policy and number of the change, from 1. */
  policyChanges: Map<string, PolicyChange>;
  /** By coupon and number of the change; the issue is 1. */
  couponChanges: Map<string, CouponChange>;
  products: Map<string, Product>;
  verdicts: Map<string, Verdict>;
  /** By product and day. */
  sales: Map<string, Sale>;
  generations: Map<string, DataOf<'GenerationOpened'>>;
  /** Commands that have their one outcome, each with the kind and the stream it belongs to. */
  commands: Set<string>;
}>;

export const emptyBooks = (serviceZone: string): Books => ({
  serviceZone,
  accounts: new Map(),
  movements: new Map(),
  orders: new Map(),
  policies: new Map(),
  coupons: new Map(),
  requests: new Map(),
  policyChanges: new Map(),
  couponChanges: new Map(),
  products: new Map(),
  verdicts: new Map(),
  sales: new Map(),
  generations: new Map(),
  commands: new Set(),
});

/** One event on its way into the books. `id` is what its stream is named for. */
export class Entry {
  readonly books: Books;
  readonly place: Place & Readonly<{ position: Position }>;
  readonly id: string;
  private readonly findings: Findings;

  constructor(books: Books, findings: Findings, place: Entry['place'], id: string) {
    this.books = books;
    this.findings = findings;
    this.place = place;
    this.id = id;
  }

  /** Reports `what` unless it is as expected. */
  same(invariant: Invariant, what: string, expected: unknown, actual: unknown): void {
    if (expected !== actual) this.breaks(invariant, what, expected, actual);
  }

  breaks(invariant: Invariant, what: string, expected: unknown, actual: unknown): void {
    this.findings.report(invariant, `${placeText(this.place)}: ${what}`, expected, actual);
  }

  /** Reports a command that has an outcome already. */
  once(invariant: Invariant, kind: string, commandId: string): void {
    const command = `${kind} ${this.id} ${commandId}`;
    if (this.books.commands.has(command)) this.breaks(invariant, `${kind} ${commandId}`, 'recorded once', 'recorded again');
    this.books.commands.add(command);
  }
}

export const linesText = (lines: readonly Pick<OrderLine, 'productId' | 'quantity'>[]): string =>
  lines.map(({ productId, quantity }) => `${quantity} x ${productId}`).join(', ');
