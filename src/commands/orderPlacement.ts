import { findOrder, type Order, type SubmissionRefused, settleOrder, submitOrder } from '../domain/account.ts';
import type { CouponFacts } from '../domain/accountCoupons.ts';
import { findCoupon, type IssuedCoupon } from '../domain/couponPolicy.ts';
import { type CouponId, type Fingerprint, type OrderId, partsOfCouponId, type UserId } from '../domain/ids.ts';
import { denyStock, type Inventory, type InventoryEvent, type Judged, takeStock, type Verdict } from '../domain/inventory.ts';
import { type Decision, refuse } from '../domain/kernel.ts';
import { type CartLine, type Quoted, quote } from '../domain/quote.ts';
import type { Clock } from '../platform/clock.ts';
import type { Metadata } from '../platform/eventStore/eventStore.ts';
import type { Logger } from '../platform/log.ts';
import type { Catalog } from './catalog.ts';
import type { Told } from './mailbox.ts';
import type { Mailboxes } from './mailboxes.ts';
import type { PastVerdicts } from './pastVerdicts.ts';

export type OrderRequest = Readonly<{
  orderId: OrderId;
  fingerprint: Fingerprint;
  userId: UserId;
  couponId: CouponId | null;
  items: readonly CartLine[];
  at: number;
}>;

type QuoteRefused = Exclude<Quoted, { kind: 'quoted' }>;
export type OrderRefused = SubmissionRefused | QuoteRefused;
export type Placed = Readonly<{ kind: 'order'; order: Order; replayed: boolean }> | OrderRefused;

/** Milliseconds from the request to its answer; an order without outcome is then told as open. */
const ANSWER_MS_MAX = 5_000;
/** Times a verdict is looked for in the ledger's history while the ledger keeps forgetting. */
const SEARCHES_MAX = 5;

/**
 * An order in three facts: the account submits it (money and coupon held), the ledger gives its verdict, the
 * account settles by that verdict. Each step repeats safely, so whoever finds an order open (the same
 * request again, or the watchdog) walks it to the end. Nothing is ever compensated.
 * (A pump over recorded phases, as Equinox's FinalizationProcess.)
 */
export class OrderPlacement {
  private readonly mailboxes: Mailboxes;
  private readonly catalog: Catalog;
  private readonly past: PastVerdicts;
  private readonly clock: Clock;
  private readonly log: Logger;

  constructor(mailboxes: Mailboxes, catalog: Catalog, past: PastVerdicts, clock: Clock, log: Logger) {
    this.mailboxes = mailboxes;
    this.catalog = catalog;
    this.past = past;
    this.clock = clock;
    this.log = log;
  }

  /**
   * Places an order, or finds the one this request placed before. The order told is `open` when it has no
   * outcome after ANSWER_MS_MAX; it gets one without the caller.
   * @throws what a mailbox throws, when not even the submission is known.
   */
  async place(request: OrderRequest, about: Metadata): Promise<Told<Placed>> {
    const answerBy = this.clock.monotonic() + ANSWER_MS_MAX;
    const account = this.mailboxes.account(request.userId);
    const quoted = await this.quote(request, about);
    if (quoted.kind === 'refused') return this.refusalUnlessKnown(request, quoted, answerBy, about);
    const { lines, subtotal, discount, totalAmount, coupon } = quoted;
    const { orderId, fingerprint, userId, at } = request;
    const ledgerSeen = await this.ledgerCount(about);
    const submission = { orderId, fingerprint, userId, lines, subtotal, discount, totalAmount, coupon, ledgerSeen, at };
    const submitted = await account.ask(submitOrder(submission), about);
    if (submitted.outcome.kind === 'refused') return { ...submitted, outcome: submitted.outcome };
    const { order, replayed } = submitted.outcome;
    return this.finishInTime(userId, { ...submitted, outcome: order }, replayed, answerBy, about);
  }

  /** Walks an order to its end. @throws when that is not possible now; it stays open. */
  async resume(userId: UserId, orderId: OrderId, about: Metadata): Promise<Order | null> {
    const found = await this.mailboxes.account(userId).ask(findOrder(orderId), about);
    return found.outcome && (await this.finish(userId, { ...found, outcome: found.outcome }, about)).outcome;
  }

  private async quote(request: OrderRequest, about: Metadata) {
    const priceOf = await this.catalog.pricesOf(
      request.items.map(({ productId }) => productId),
      about,
    );
    const priced = quote(request.items, priceOf, null);
    if (priced.kind === 'refused' || request.couponId === null) return { ...priced, coupon: null };
    const issued = await this.couponFacts(request.couponId, about);
    if (!issued) return { kind: 'refused', reason: 'unknown-coupon' } as const;
    const coupon: CouponFacts = { couponId: issued.couponId, owner: issued.userId, expiresAt: issued.expiresAt };
    return { ...quote(request.items, priceOf, issued), coupon };
  }

  /** A request under a known key is answered by what it did before, whatever a new quote would say. */
  private async refusalUnlessKnown(request: OrderRequest, refused: OrderRefused, answerBy: number, about: Metadata): Promise<Told<Placed>> {
    const found = await this.mailboxes.account(request.userId).ask(findOrder(request.orderId), about);
    if (!found.outcome) return { ...found, outcome: refused };
    if (found.outcome.fingerprint !== request.fingerprint) return { ...found, outcome: { kind: 'refused', reason: 'key-reused' } };
    return this.finishInTime(request.userId, { ...found, outcome: found.outcome }, true, answerBy, about);
  }

  private async couponFacts(couponId: CouponId, about: Metadata): Promise<IssuedCoupon | null> {
    const parts = partsOfCouponId(couponId);
    if (!parts) return null;
    const policy = this.mailboxes.policy(parts.policyId);
    const known = policy.glance((state) => state.issued.get(couponId));
    return known ?? (await policy.ask(findCoupon(couponId), about)).outcome;
  }

  /** Events on the ledger seen before the submission. An older count is safe, it only fences sooner; nothing seen asks the stream. */
  private async ledgerCount(about: Metadata): Promise<number> {
    const ledger = this.mailboxes.inventory();
    return ledger.glance((state) => state.count) || (await ledger.ask(countOf, about)).outcome;
  }

  private async finishInTime(
    userId: UserId,
    seen: Told<Order>,
    replayed: boolean,
    answerBy: number,
    about: Metadata,
  ): Promise<Told<Placed>> {
    let timer: NodeJS.Timeout | undefined;
    const open: Told<Placed> = { ...seen, outcome: { kind: 'order', order: seen.outcome, replayed } };
    const late = new Promise<Told<Placed>>((resolve) => {
      timer = setTimeout(() => resolve(open), Math.max(answerBy - this.clock.monotonic(), 0));
    });
    const finished = this.finish(userId, seen, about).then(
      (told): Told<Placed> => ({ ...told, outcome: { kind: 'order', order: told.outcome, replayed } }),
      (error: unknown) => {
        this.log.warn({ err: error, orderId: seen.outcome.orderId, correlationId: about.correlationId }, 'an order stays open for now');
        return open;
      },
    );
    try {
      return await Promise.race([finished, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  private async finish(userId: UserId, seen: Told<Order>, about: Metadata): Promise<Told<Order>> {
    const { orderId, status } = seen.outcome;
    if (status !== 'open') return seen;
    const verdict = await this.verdictOn(seen.outcome, following(about, 'verdict'));
    const settlement = settleOrder({ orderId, verdict, at: this.clock.now() });
    return this.mailboxes.account(userId).ask(settlement, following(about, 'settle'));
  }

  private async verdictOn({ orderId, lines, ledgerSeen }: Order, about: Metadata): Promise<Verdict> {
    const ledger = this.mailboxes.inventory();
    let judged: Judged = (await ledger.ask(takeStock({ orderId, lines, ledgerSeen, at: this.clock.now() }), about)).outcome;
    for (let search = 1; judged === 'too-old'; search += 1) {
      if (search > SEARCHES_MAX) throw new Error(`the ledger forgets faster than order ${orderId} can be looked for`);
      const past = await this.past.find(orderId, ledgerSeen);
      if (past.verdict) return past.verdict;
      judged = (await ledger.ask(denyStock({ orderId, searchedTo: past.searchedTo, at: this.clock.now() }), about)).outcome;
    }
    return judged;
  }
}

const countOf = (ledger: Inventory): Decision<InventoryEvent, number> => refuse(ledger.count);

/** Metadata of a step that an order's submission caused. */
const following = (about: Metadata, step: 'verdict' | 'settle'): Metadata => ({
  ...about,
  commandId: `${about.commandId}.${step}`,
  causationId: about.commandId,
});
