import { type Account, type AccountEvent, accountFold, accountStream } from '../domain/account.ts';
import { type CouponPolicy, type CouponPolicyEvent, couponPolicyFold, couponPolicyStream } from '../domain/couponPolicy.ts';
import { parseEvent } from '../domain/events.ts';
import type { PolicyId, ProductId, UserId } from '../domain/ids.ts';
import { type Inventory, type InventoryEvent, inventoryFold, inventoryStream } from '../domain/inventory.ts';
import type { Fold } from '../domain/kernel.ts';
import { type Product, type ProductEvent, productFold, productStream } from '../domain/product.ts';
import { type Shop, type ShopEvent, shopFold, shopStream } from '../domain/shop.ts';
import type { EventStore, RecordedEvent } from '../platform/eventStore/eventStore.ts';
import { Mailbox, type MailboxKind, type MailboxOptions, mailboxDefaults } from './mailbox.ts';
import { type CommandObserver, noObserver } from './observer.ts';
import { accountSnapshots, inventorySnapshots, policySnapshots } from './snapshotKinds.ts';
import { type SnapshotKind, type SnapshotPorts, StreamSnapshots } from './snapshots.ts';
import type { EndSightings } from './soldOutHints.ts';
import type { TypedEvent } from './streamView.ts';
import { TimeLimits } from './timeLimits.ts';

/** Streams remembered in one process; those not used for longest are let go. Two mailboxes of one stream stay correct. */
export const MAILBOXES_MAX = 50_000;
/** What all of them may weigh: events that their states were made of, with a mailbox itself as heavy as some. */
const WEIGHT_MAX = 4 * MAILBOXES_MAX;
const WEIGHT_OF_ONE = 3;
/** No stream weighs more: the few that are in use always, like the ledger, would leave no room for others. */
const EVENTS_WEIGHED_MAX = 1_000;
/** After so many more mailboxes they are weighed. */
const WEIGH_EVERY = 512;
/** How old the sight of a sold-out policy may be: R13 allows a refusal that was true this long before it was asked for. */
export const SOLD_OUT_FRESH_FOR_MS = 100;

type AnyMailbox = Mailbox<never, never>;

export type MailboxesOptions = Readonly<{
  max?: number;
  observer?: CommandObserver;
  /** Where snapshots are kept; without it streams are always read from their beginning. */
  snapshots?: Omit<SnapshotPorts, 'store'> | null;
  /** What processes tell one another of sold-out policies; without it each reads for itself. */
  soldOut?: EndSightings | null;
  /** For tests: other limits for all mailboxes. */
  mailbox?: Partial<MailboxOptions>;
  /** For tests: a ledger that forgets sooner. */
  ledger?: Fold<Inventory, InventoryEvent>;
}>;

/** The streams of the shop, one mailbox for each that is in use. */
export class Mailboxes {
  /** Two generations: what is used moves to `recent`; when that holds half of all, `older` is let go. */
  private recent = new Map<string, AnyMailbox>();
  private older: ReadonlyMap<string, AnyMailbox> = new Map();
  private readonly max: number;
  private readonly kinds: ReturnType<typeof kindsOf>;

  constructor(store: EventStore, monotonic: () => number, options: MailboxesOptions = {}) {
    this.max = options.max ?? MAILBOXES_MAX;
    this.kinds = kindsOf(store, monotonic, options);
  }

  readonly account = (id: UserId): Mailbox<Account, AccountEvent> => this.of(accountStream(id), this.kinds.account);
  readonly policy = (id: PolicyId): Mailbox<CouponPolicy, CouponPolicyEvent> => this.of(couponPolicyStream(id), this.kinds.policy);
  readonly product = (id: ProductId): Mailbox<Product, ProductEvent> => this.of(productStream(id), this.kinds.product);
  readonly inventory = (): Mailbox<Inventory, InventoryEvent> => this.of(inventoryStream, this.kinds.inventory);
  readonly shop = (): Mailbox<Shop, ShopEvent> => this.of(shopStream, this.kinds.shop);

  private of<S, E extends TypedEvent>(stream: string, kind: MailboxKind<S, E>): Mailbox<S, E> {
    const known = this.recent.get(stream);
    if (known) return known as unknown as Mailbox<S, E>;
    const mailbox = (this.older.get(stream) as Mailbox<S, E> | undefined) ?? new Mailbox(stream, kind);
    this.recent.set(stream, mailbox as unknown as AnyMailbox);
    if (this.isFull()) {
      this.older = this.recent;
      this.recent = new Map();
    }
    return mailbox;
  }

  /** Whether the newer generation holds half of what all may: in number, or in weight. */
  private isFull(): boolean {
    if (this.recent.size * 2 >= this.max) return true;
    if (this.recent.size % WEIGH_EVERY !== 0) return false;
    let weight = this.recent.size * WEIGHT_OF_ONE;
    for (const mailbox of this.recent.values()) weight += Math.min(mailbox.events, EVENTS_WEIGHED_MAX);
    return weight * 2 >= WEIGHT_MAX;
  }
}

const parse = <E>(stored: RecordedEvent): E => parseEvent(stored) as unknown as E;

const kindsOf = (store: EventStore, monotonic: () => number, given: MailboxesOptions) => {
  const { observer = noObserver, snapshots = null, soldOut = null, mailbox = {}, ledger = inventoryFold } = given;
  const kind = <S, E extends TypedEvent>(fold: Fold<S, E>, own: Partial<MailboxOptions> = {}): MailboxKind<S, E> => {
    const options = { ...mailboxDefaults, ...own, ...mailbox };
    return { store, fold, parse, monotonic, observer, options, limits: new TimeLimits(options.settleMsMax, monotonic), snapshots: null };
  };
  const kept = <S extends object>(of: SnapshotKind<S>) => (snapshots ? new StreamSnapshots(of, { store, ...snapshots }) : null);
  return {
    account: { ...kind(accountFold), snapshots: kept(accountSnapshots) },
    policy: { ...kind(couponPolicyFold, { freshForMs: SOLD_OUT_FRESH_FOR_MS }), snapshots: kept(policySnapshots), sightings: soldOut },
    inventory: { ...kind(ledger), snapshots: kept(inventorySnapshots) },
    product: kind(productFold),
    shop: kind(shopFold),
  };
};
