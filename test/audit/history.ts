import { accountFold, accountStream, charge, type Order, type Submitted, settleOrder, submitOrder } from '../../src/domain/account.ts';
import { type CouponCommand, cancelUse, deleteCoupon, useCoupon } from '../../src/domain/accountCoupons.ts';
import {
  addCount,
  changePolicy,
  couponPolicyFold,
  couponPolicyStream,
  deletePolicy,
  type IssuedCoupon,
  issueCoupon,
  openPolicy,
} from '../../src/domain/couponPolicy.ts';
import { decideRequest, type RequestDecided } from '../../src/domain/couponRequests.ts';
import type { CommandId, Fingerprint, OrderId, PolicyId, ProductId, UserId } from '../../src/domain/ids.ts';
import { inventoryFold, inventoryStream, receiveStock, takeStock } from '../../src/domain/inventory.ts';
import { type Decision, type Fold, foldAll } from '../../src/domain/kernel.ts';
import type { Won } from '../../src/domain/money.ts';
import { createProduct, productFold, productStream } from '../../src/domain/product.ts';
import { quote } from '../../src/domain/quote.ts';
import { openedFrom, openGeneration, shopFold, shopStream } from '../../src/domain/shop.ts';
import type { RecordedEvent } from '../../src/platform/eventStore/eventStore.ts';

/** Noon of 5 January 2026 in Seoul. */
export const NOON = Date.parse('2026-01-05T03:00:00.000Z');
const PRICE = 2_000 as Won;
const POSITION_STEP = 100n;

export const randomOf = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

/** A log as the shop's own decisions write it, with the steps of many orders between one another. */
export class History {
  readonly recorded: RecordedEvent[] = [];
  private readonly states = new Map<string, { state: unknown; revision: bigint }>();
  /** Orders that wait for their verdict or for their end. */
  private readonly pending: (() => void)[] = [];
  private readonly random: () => number;
  private now = NOON;
  private count = 0;

  constructor(seed = 1) {
    this.random = randomOf(seed);
  }

  ask<State, Event extends Readonly<{ type: string; data: unknown }>, Outcome>(
    stream: string,
    fold: Fold<State, Event>,
    decide: (state: State) => Decision<Event, Outcome>,
  ): Outcome {
    const known = this.states.get(stream) ?? { state: fold.initial, revision: -1n };
    const { events, outcome } = decide(known.state as State);
    for (const { type, data } of events) {
      known.revision += 1n;
      this.append(stream, type, data, known.revision);
    }
    known.state = foldAll(fold, known.state as State, events);
    this.states.set(stream, known);
    return outcome;
  }

  /** Five products with `stock` of each, and two policies: any number of coupons for a user, and one for each. */
  open(stock = 20, count = 10): void {
    const terms = { name: 'sale', count, discountAmount: 2_000, startsAt: NOON - 60_000, endsAt: NOON + 86_400_000, expireMinutes: 10_080 };
    const started = this.ask(
      shopStream,
      shopFold,
      openGeneration({
        commandId: 'init' as CommandId,
        fingerprint: 'f' as Fingerprint,
        products: ['p1', 'p2', 'p3', 'p4', 'p5'].map((name) => ({
          name,
          price: PRICE,
          stock,
          soldBefore: [{ day: '2026-01-04', quantity: 100 }],
        })),
        policies: [
          { ...terms, discountType: 'amount', perUser: null },
          { ...terms, discountType: 'rate', discountAmount: 29, perUser: 1 },
        ],
        at: NOON,
      }),
    );
    if (started.kind !== 'opened') throw new Error('no generation was opened');
    const { opened, policies } = started;
    for (const { productId, name, price } of opened.products) {
      const named = { commandId: `init.${productId}` as CommandId, fingerprint: 'f' as Fingerprint, at: NOON };
      const product = { ...named, productId, name, price, openingStock: stock, generation: opened.generation };
      this.ask(productStream(productId), productFold, createProduct(product));
      const receipt = {
        receiptId: `opening-${productId}` as CommandId,
        fingerprint: 'f' as Fingerprint,
        productId,
        quantity: stock,
        at: NOON,
      };
      this.ask(inventoryStream, inventoryFold, receiveStock(receipt));
    }
    for (const policy of policies) this.ask(couponPolicyStream(policy.policyId), couponPolicyFold, openPolicy(openedFrom(policy)));
  }

  charge(user: string, amount: number): void {
    const chargeId = `charge-${this.tick()}` as CommandId;
    const wished = { chargeId, fingerprint: 'f' as Fingerprint, amount: amount as Won, at: this.now };
    this.ask(accountStream(user as UserId), accountFold, charge(wished));
  }

  /** A coupon of the first policy, or of the second: `null` when it is refused. */
  issue(user: string, policy: 1 | 2 = 1): IssuedCoupon | null {
    const commandId = `issue-${this.tick()}` as CommandId;
    const wished = issueCoupon({ userId: user as UserId, commandId, at: this.now });
    const outcome = this.ask(couponPolicyStream(`cp1-${policy}` as PolicyId), couponPolicyFold, wished);
    return outcome.kind === 'issued' ? outcome.coupon : null;
  }

  /** A request of the queue for the first policy, or the second, or one that there is not; delivered as often as it is called. */
  request(user: string, transactionId: string, policy: 1 | 2 | 99 = 1): RequestDecided {
    const commandId = `request-${transactionId}` as CommandId;
    const request = { transactionId, userId: user as UserId, commandId, requestedAt: this.now, decidedAt: this.now + 3 };
    this.tick();
    return this.ask(couponPolicyStream(`cp1-${policy}` as PolicyId), couponPolicyFold, decideRequest(request));
  }

  /** What users do with a coupon outside orders; the owner's stream decides. */
  use(coupon: IssuedCoupon, product = 'p1'): void {
    const productId = product as ProductId;
    this.ask(accountStream(coupon.userId), accountFold, useCoupon({ ...this.commandOn(coupon), productId }));
  }

  cancel(coupon: IssuedCoupon): void {
    this.ask(accountStream(coupon.userId), accountFold, cancelUse(this.commandOn(coupon)));
  }

  deleteCoupon(coupon: IssuedCoupon): void {
    this.ask(accountStream(coupon.userId), accountFold, deleteCoupon(this.commandOn(coupon)));
  }

  /** Other terms for a policy. */
  change(policy: 1 | 2, discountAmount: number): void {
    const command = this.command();
    const name = `changed at ${command.at}`;
    const times = { startsAt: NOON - 60_000, endsAt: NOON + 86_400_000, expireMinutes: 5_000 };
    const wished = { name, discountType: 'amount' as const, discountAmount, ...times };
    this.ask(couponPolicyStream(`cp1-${policy}` as PolicyId), couponPolicyFold, changePolicy({ wished, ...command }));
  }

  add(policy: 1 | 2, add: number): void {
    this.ask(couponPolicyStream(`cp1-${policy}` as PolicyId), couponPolicyFold, addCount({ add, ...this.command() }));
  }

  endPolicy(policy: 1 | 2): void {
    this.ask(couponPolicyStream(`cp1-${policy}` as PolicyId), couponPolicyFold, deletePolicy(this.command()));
  }

  submit(user: string, products: readonly string[], coupon: IssuedCoupon | null = null): Submitted {
    const orderId = `o${this.tick()}` as OrderId;
    const cart = products.map((name) => ({ productId: `${name}--1` as ProductId, quantity: 1 + Math.floor(this.random() * 2) }));
    const quoted = quote(cart, (id) => ({ name: `name of ${id}`, price: PRICE }), coupon);
    if (quoted.kind === 'refused') throw new Error(quoted.reason);
    const { kind: _, ...priced } = quoted;
    const facts = coupon && { couponId: coupon.couponId, owner: coupon.userId, expiresAt: coupon.expiresAt };
    const named = { orderId, fingerprint: 'f' as Fingerprint, userId: user as UserId, ledgerSeen: 0, at: this.now };
    return this.ask(accountStream(user as UserId), accountFold, submitOrder({ ...priced, ...named, coupon: facts }));
  }

  judge({ orderId, lines, ledgerSeen }: Order): 'taken' | 'out-of-stock' | 'expired' {
    this.tick();
    const judged = this.ask(inventoryStream, inventoryFold, takeStock({ orderId, lines, ledgerSeen, at: this.now }));
    if (judged === 'too-old') throw new Error('no verdict is forgotten here');
    return judged;
  }

  settle(user: string, { orderId }: Order, verdict: 'taken' | 'out-of-stock' | 'expired'): void {
    this.tick();
    this.ask(accountStream(user as UserId), accountFold, settleOrder({ orderId, verdict, at: this.now }));
  }

  /** A whole order at once; the order when it was accepted. */
  order(user: string, products: readonly string[], coupon: IssuedCoupon | null = null): Order | null {
    const told = this.submit(user, products, coupon);
    if (told.kind === 'refused') return null;
    this.settle(user, told.order, this.judge(told.order));
    return told.order;
  }

  /** `users` charge, take coupons, do all that can be done with them, and order, while the policies change; in the end no order is open. */
  run(users: number, steps: number): void {
    const any = <T>(of: readonly T[]): T => of[Math.floor(this.random() * of.length)] as T;
    const coupons = new Map<string, IssuedCoupon>();
    for (let step = 0; step < steps; step += 1) {
      const user = `u${Math.floor(this.random() * users)}`;
      const dice = this.random();
      if (dice < 0.25) this.charge(user, 1_000 + Math.floor(this.random() * 9_000));
      else if (dice < 0.4) {
        const coupon = this.issue(user, any([1, 2]));
        if (coupon) coupons.set(user, coupon);
      } else if (dice < 0.5) this.touch(coupons.get(user), any(['use', 'use', 'cancel', 'delete']));
      else if (dice < 0.51) this.change(any([1, 2]), 1 + Math.floor(this.random() * 3_000));
      else if (dice < 0.52) this.add(any([1, 2]), 1 + Math.floor(this.random() * 3));
      else if (dice < 0.75)
        this.begin(user, ['p1', 'p2', 'p3', 'p4', 'p5'].slice(Math.floor(this.random() * 5)), coupons.get(user) ?? null);
      else this.pending.splice(Math.floor(this.random() * this.pending.length), 1)[0]?.();
    }
    while (this.pending.length > 0) this.pending.shift()?.();
  }

  private touch(coupon: IssuedCoupon | undefined, what: 'use' | 'cancel' | 'delete'): void {
    if (!coupon) return;
    if (what === 'use') this.use(coupon);
    else if (what === 'cancel') this.cancel(coupon);
    else this.deleteCoupon(coupon);
  }

  private command() {
    return { commandId: `command-${this.tick()}` as CommandId, fingerprint: 'f' as Fingerprint, at: this.now };
  }

  private commandOn({ couponId, userId: owner, expiresAt }: IssuedCoupon): CouponCommand {
    return { coupon: { couponId, owner, expiresAt }, ...this.command() };
  }

  private begin(user: string, products: readonly string[], coupon: IssuedCoupon | null): void {
    const told = this.submit(user, products, coupon);
    if (told.kind === 'refused') return;
    this.pending.push(() => {
      const verdict = this.judge(told.order);
      this.pending.push(() => this.settle(user, told.order, verdict));
    });
  }

  private tick(): number {
    this.now += 7;
    this.count += 1;
    return this.count;
  }

  private append(stream: string, type: string, data: unknown, revision: bigint): void {
    const position = POSITION_STEP * BigInt(this.recorded.length + 1);
    const stored = { id: `e${this.recorded.length}`, metadata: {}, createdAt: this.now };
    this.recorded.push({ ...stored, stream, type, data: JSON.parse(JSON.stringify(data)), revision, position });
  }
}
