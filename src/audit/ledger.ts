import { accountEvents } from '../domain/account.ts';
import { couponPolicyEvents } from '../domain/couponPolicy.ts';
import { type DomainEvent, isOurs, parseEvent } from '../domain/events.ts';
import { inventoryEvents } from '../domain/inventory.ts';
import { productEvents } from '../domain/product.ts';
import { shopEvents } from '../domain/shop.ts';
import { type Position, type RecordedEvent, type Revision, STORE_IDENTITY_STREAM } from '../platform/eventStore/eventStore.ts';
import { charge } from './accounts.ts';
import { type Books, type DataOf, Entry, emptyBooks } from './books.ts';
import { issue } from './coupons.ts';
import { cancelUse, deleteCoupon, useCoupon } from './couponUse.ts';
import { type Findings, placeText } from './findings.ts';
import { place, reject, submit } from './orders.ts';
import { addCount, changePolicy, deletePolicy, openPolicy } from './policies.ts';
import { refuseRequest } from './requests.ts';
import { openGeneration } from './sales.ts';
import { createProduct, denyStock, receiveStock, takeStock } from './stock.ts';

const categoryOfType = new Map<string, string>(
  Object.entries({
    account: accountEvents,
    couponPolicy: couponPolicyEvents,
    inventory: inventoryEvents,
    product: productEvents,
    shop: shopEvents,
  }).flatMap(([category, events]) => Object.keys(events).map((type): [string, string] => [type, category])),
);

/**
 * Folds the whole log, event by event, and checks each prefix of it. It shares the shapes of stored events with the
 * program that wrote them and nothing else: no fold, no decision, no read model.
 */
export class Ledger {
  readonly books: Books;
  private readonly findings: Findings;
  private readonly revisions = new Map<string, Revision>();
  private newest: Position | null = null;
  private counted = 0;
  private identity: string | null = null;

  constructor(serviceZone: string, findings: Findings) {
    this.books = emptyBooks(serviceZone);
    this.findings = findings;
  }

  /** Of the last event taken, others' events included; `null` before the first. */
  get position(): Position | null {
    return this.newest;
  }

  /** Events of this shop. */
  get events(): number {
    return this.counted;
  }

  /** What the store calls itself; `null` when the log does not say. */
  get storeId(): string | null {
    return this.identity;
  }

  take(event: RecordedEvent): void {
    const { stream, position } = event;
    if (this.newest !== null && position <= this.newest) this.breaks(event, `a position above ${this.newest}`, position);
    this.newest = position;
    if (stream === STORE_IDENTITY_STREAM) this.identity ??= String((event.data as { storeId?: unknown } | null)?.storeId);
    if (!isOurs(stream)) return;
    this.counted += 1;
    const known = this.isNext(event) ? this.parse(event) : null;
    if (known === null) return;
    const dash = stream.indexOf('-');
    const category = stream.slice(0, dash);
    if (categoryOfType.get(event.type) !== category) this.breaks(event, `an event of ${category}`, event.type);
    else enter(new Entry(this.books, this.findings, event, stream.slice(dash + 1)), known);
  }

  /** An event that was seen before is not folded again; after a hole the fold goes on, so that each hole is told once. */
  private isNext(event: RecordedEvent): boolean {
    const { stream, revision } = event;
    const next = (this.revisions.get(stream) ?? -1n) + 1n;
    if (revision !== next) this.breaks(event, `revision ${next}`, `revision ${revision}`);
    if (revision < next) return false;
    this.revisions.set(stream, revision);
    return true;
  }

  private parse(event: RecordedEvent): DomainEvent | null {
    try {
      return parseEvent(event);
    } catch (error) {
      this.breaks(event, 'an event that can be read', `${event.type}: ${(error as Error).message}`);
      return null;
    }
  }

  private breaks(event: RecordedEvent, expected: unknown, actual: unknown): void {
    this.findings.report('log', placeText(event), expected, actual);
  }
}

type Handlers = Readonly<{ [Type in DomainEvent['type']]: (entry: Entry, data: DataOf<Type>) => void }>;

const HANDLERS: Handlers = {
  BalanceCharged: charge,
  OrderSubmitted: submit,
  OrderPlaced: place,
  OrderRejected: reject,
  CouponPolicyOpened: openPolicy,
  CouponPolicyChanged: changePolicy,
  CouponCountAdded: addCount,
  CouponPolicyDeleted: deletePolicy,
  CouponIssued: issue,
  CouponRequestRefused: refuseRequest,
  CouponUsed: useCoupon,
  CouponUseCancelled: cancelUse,
  CouponDeleted: deleteCoupon,
  StockReceived: receiveStock,
  StockTaken: takeStock,
  StockDenied: denyStock,
  ProductCreated: createProduct,
  GenerationOpened: openGeneration,
  PolicyNumbered: (entry, { policyId }) => entry.once('I4', 'number of policy', policyId),
};

const enter = (entry: Entry, { type, data }: DomainEvent): void =>
  (HANDLERS[type] as (entry: Entry, data: DomainEvent['data']) => void)(entry, data);
