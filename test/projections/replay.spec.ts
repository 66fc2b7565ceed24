import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { accountFold, accountStream, charge, settleOrder, submitOrder } from '../../src/domain/account.ts';
import { cancelUse, deleteCoupon, useCoupon } from '../../src/domain/accountCoupons.ts';
import { addCount, changePolicy, couponPolicyFold, couponPolicyStream, issueCoupon, openPolicy } from '../../src/domain/couponPolicy.ts';
import type { DomainEvent } from '../../src/domain/events.ts';
import type { CommandId, Fingerprint, OrderId, PolicyId, ProductId, UserId } from '../../src/domain/ids.ts';
import { inventoryFold, inventoryStream, receiveStock, takeStock } from '../../src/domain/inventory.ts';
import { type Decision, type Fold, foldAll } from '../../src/domain/kernel.ts';
import type { Won } from '../../src/domain/money.ts';
import { createProduct, productFold, productStream } from '../../src/domain/product.ts';
import { quote } from '../../src/domain/quote.ts';
import { createMemoryEventStore } from '../../src/platform/eventStore/memoryEventStore.ts';
import { NOON } from './facts.ts';
import { World } from './world.ts';

const fingerprint = 'f' as Fingerprint;
const users = ['ann', 'bob', 'cid'] as const;
const products = ['p1', 'p2'] as ProductId[];
const policy = 'cp0-1' as PolicyId;
const prices = new Map(products.map((id, i) => [id, { name: id, price: ((i + 1) * 700) as Won }]));

type Step =
  | Readonly<{ kind: 'charge'; user: number; amount: number }>
  | Readonly<{ kind: 'issue'; user: number }>
  | Readonly<{ kind: 'receive'; product: number; quantity: number }>
  | Readonly<{ kind: 'submit'; user: number; product: number; quantity: number; withCoupon: boolean }>
  | Readonly<{ kind: 'settle'; nth: number }>
  | Readonly<{ kind: 'use' | 'cancel' | 'delete'; user: number }>
  | Readonly<{ kind: 'change' | 'add'; amount: number }>;

const user = fc.nat(users.length - 1);
const product = fc.nat(products.length - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('charge' as const), user, amount: fc.integer({ min: 1, max: 9_000 }) }),
  fc.record({ kind: fc.constant('issue' as const), user }),
  fc.record({ kind: fc.constant('receive' as const), product, quantity: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ kind: fc.constant('submit' as const), user, product, quantity: fc.integer({ min: 1, max: 4 }), withCoupon: fc.boolean() }),
  fc.record({ kind: fc.constant('settle' as const), nth: fc.nat(30) }),
  fc.record({ kind: fc.constantFrom('use' as const, 'cancel' as const, 'delete' as const), user }),
  fc.record({ kind: fc.constantFrom('change' as const, 'add' as const), amount: fc.integer({ min: 1, max: 5 }) }),
);

type Fact = readonly [stream: string, event: DomainEvent];

/** A shop in memory that lets the real deciders say what happens. */
class Shop {
  readonly log: Fact[] = [];
  private readonly open: Readonly<{ orderId: OrderId; userId: UserId }>[] = [];
  private readonly coupons = new Map<UserId, ReturnType<typeof this.issue>[]>();
  private commands = 0;

  ask<S, E extends DomainEvent, O>(stream: string, fold: Fold<S, E>, decide: (state: S) => Decision<E, O>): O {
    const past = this.log.filter(([name]) => name === stream).map(([, event]) => event as E);
    const { events, outcome } = decide(foldAll(fold, fold.initial, past));
    this.log.push(...events.map((event): Fact => [stream, event]));
    return outcome;
  }

  begin(): void {
    const at = NOON;
    for (const id of products) {
      const wished = {
        productId: id,
        name: id,
        price: prices.get(id)?.price ?? (0 as Won),
        openingStock: 0,
        generation: 0,
        commandId: this.command(),
        fingerprint,
        at,
      };
      this.ask(productStream(id), productFold, createProduct(wished));
    }
    const terms = {
      name: 'w',
      count: 5,
      discountType: 'rate' as const,
      discountAmount: 29,
      startsAt: at,
      endsAt: at + 1e9,
      expireMinutes: 60,
      perUser: null,
    };
    this.ask(couponPolicyStream(policy), couponPolicyFold, openPolicy({ policyId: policy, number: 1, generation: 0, terms, at }));
  }

  take(next: Step): void {
    const at = NOON + this.log.length * 977_000;
    switch (next.kind) {
      case 'charge': {
        const charging = { chargeId: this.command(), fingerprint, amount: next.amount as Won, at };
        this.ask(accountStream(this.user(next.user)), accountFold, charge(charging));
        break;
      }
      case 'issue':
        this.issue(this.user(next.user), at);
        break;
      case 'receive': {
        const receipt = {
          receiptId: this.command(),
          fingerprint,
          productId: products[next.product] as ProductId,
          quantity: next.quantity,
          at,
        };
        this.ask(inventoryStream, inventoryFold, receiveStock(receipt));
        break;
      }
      case 'submit':
        this.submit(next, at);
        break;
      case 'settle':
        this.settle(next.nth, at);
        break;
      case 'change':
      case 'add':
        this.change(next.kind, next.amount, at);
        break;
      default:
        this.touch(next.kind, this.user(next.user), at);
    }
  }

  private issue(userId: UserId, at: number) {
    const outcome = this.ask(couponPolicyStream(policy), couponPolicyFold, issueCoupon({ userId, commandId: this.command(), at }));
    if (outcome.kind === 'issued') this.coupons.set(userId, [...(this.coupons.get(userId) ?? []), outcome]);
    return outcome;
  }

  private touch(kind: 'use' | 'cancel' | 'delete', userId: UserId, at: number): void {
    const [first] = this.coupons.get(userId) ?? [];
    if (first?.kind !== 'issued') return;
    const { couponId, expiresAt } = first.coupon;
    const command = { coupon: { couponId, owner: userId, expiresAt }, commandId: this.command(), fingerprint, at };
    const decide = { use: useCoupon({ ...command, productId: null }), cancel: cancelUse(command), delete: deleteCoupon(command) }[kind];
    this.ask(accountStream(userId), accountFold, decide);
  }

  private change(kind: 'change' | 'add', amount: number, at: number): void {
    const command = { commandId: this.command(), fingerprint, at };
    const wished = {
      name: `w${amount}`,
      discountType: 'rate' as const,
      discountAmount: amount,
      startsAt: at,
      endsAt: at + 1e9,
      expireMinutes: 9,
    };
    const decide = kind === 'add' ? addCount({ add: amount, ...command }) : changePolicy({ wished, ...command });
    this.ask(couponPolicyStream(policy), couponPolicyFold, decide);
  }

  private submit({ user: nth, product: which, quantity, withCoupon }: Extract<Step, { kind: 'submit' }>, at: number): void {
    const userId = this.user(nth);
    const [held] = withCoupon ? (this.coupons.get(userId) ?? []) : [];
    const coupon = held?.kind === 'issued' ? held.coupon : null;
    const quoted = quote([{ productId: products[which] as ProductId, quantity }], (id) => prices.get(id), coupon);
    if (quoted.kind !== 'quoted') return;
    const { lines, subtotal, discount, totalAmount } = quoted;
    const orderId = this.command() as string as OrderId;
    const facts = coupon && { couponId: coupon.couponId, owner: userId, expiresAt: coupon.expiresAt };
    const submission = { orderId, fingerprint, userId, coupon: facts, lines, subtotal, discount, totalAmount, ledgerSeen: 0, at };
    const outcome = this.ask(accountStream(userId), accountFold, submitOrder(submission));
    if (outcome.kind === 'submitted') this.open.push({ orderId, userId });
  }

  private settle(nth: number, at: number): void {
    const [order] = this.open.splice(nth % Math.max(1, this.open.length), 1);
    if (!order) return;
    const submitted = this.log.find(([, event]) => event.type === 'OrderSubmitted' && event.data.orderId === order.orderId)?.[1];
    if (submitted?.type !== 'OrderSubmitted') return;
    const { orderId, lines } = submitted.data;
    const verdict = this.ask(inventoryStream, inventoryFold, takeStock({ orderId, lines, ledgerSeen: 0, at }));
    if (verdict !== 'too-old') this.ask(accountStream(order.userId), accountFold, settleOrder({ orderId, verdict, at }));
  }

  private user(nth: number): UserId {
    return users[nth] as string as UserId;
  }

  private command(): CommandId {
    this.commands += 1;
    return `c${this.commands}` as CommandId;
  }
}

const RUNS = 8;
const CASE_MAX_MS = 60_000;

it(
  'I17: the views, however the log was cut into batches, are row for row those of a replay',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 80 }),
        fc.integer({ min: 1, max: 7 }),
        fc.nat(80),
        async (steps, batchMax, stopAt) => {
          const shop = new Shop();
          shop.begin();
          for (const next of steps) shop.take(next);
          const [world, replayed] = await Promise.all([World.open(), World.open()]);
          try {
            // Bit by bit, with the runner taken away in between.
            const cut = Math.min(stopAt, shop.log.length);
            for (const [stream, event] of shop.log.slice(0, cut)) await world.recordOurs(stream, event);
            const first = world.run({ batchMax, paceMs: 0 });
            await world.drained();
            await first.stop();
            for (const [stream, event] of shop.log.slice(cut)) await world.recordOurs(stream, event);
            world.run({ batchMax: batchMax + 1, paceMs: 0 });
            await world.drained();
            // All at once, from the same log.
            replayed.store = createMemoryEventStore({ log: world.store.log });
            replayed.run({ batchMax: 10_000 });
            await replayed.drained();
            expect((await world.checkpoints()).filter(({ halted }) => halted !== null)).toEqual([]);
            expect(await replayed.tables()).toEqual(await world.tables());
            await agreesWithTheDeciders(world, shop);
          } finally {
            await Promise.all([world.close(), replayed.close()]);
          }
        },
      ),
      { numRuns: RUNS },
    );
  },
  CASE_MAX_MS,
);

/** Σ history = balance (R29), and money and stock are those that the deciders fold (I1, R39). */
const agreesWithTheDeciders = async (world: World, shop: Shop): Promise<void> => {
  const shown = await world.rows<{ user_id: string; balance: string; held: string; moved: string }>(
    `select user_id, balance, held, (select sum(amount) from balance_history h where h.user_id = a.user_id) as moved
       from accounts a order by user_id`,
  );
  const folded = users
    .map((id) => ({ id, past: shop.log.filter(([stream]) => stream === accountStream(id as string as UserId)).map(([, event]) => event) }))
    .map(({ id, past }) => ({ id, account: foldAll(accountFold, accountFold.initial, past as never) }))
    .filter(({ account }) => account.movements > 0)
    .map(({ id, account }) => ({ user_id: id, ...moneyIn(account) }));
  expect(shown).toEqual(folded.map((row) => ({ ...row, moved: row.balance })));
  const ledger = shop.log.filter(([stream]) => stream === inventoryStream).map(([, event]) => event);
  const { onHand } = foldAll(inventoryFold, inventoryFold.initial, ledger as never);
  const stock = await world.rows<{ product_id: string; stock: string }>('select product_id, stock from products order by product_id');
  expect(stock).toEqual(products.map((id) => ({ product_id: id, stock: String(onHand.get(id) ?? 0) })));
};

const moneyIn = ({ balance, held }: { balance: number; held: number }) => ({ balance: String(balance), held: String(held) });
