import { type Account, type AccountEvent, accountFold, accountStream } from '../domain/account.ts';
import { type CouponPolicy, type CouponPolicyEvent, couponPolicyFold, couponPolicyStream } from '../domain/couponPolicy.ts';
import { parseEvent } from '../domain/events.ts';
import type { PolicyId, ProductId, UserId } from '../domain/ids.ts';
import { type Inventory, type InventoryEvent, inventoryFold, inventoryStream } from '../domain/inventory.ts';
import type { Fold } from '../domain/kernel.ts';
import { type Product, type ProductEvent, productFold, productStream } from '../domain/product.ts';
import { type Shop, type ShopEvent, shopFold, shopStream } from '../domain/shop.ts';
import type { EventStore, RecordedEvent } from '../platform/eventStore/eventStore.ts';
import { Mailbox, type MailboxOptions, mailboxDefaults } from './mailbox.ts';

/** Streams remembered in one process; those not used for longest are let go. Two mailboxes of one stream stay correct. */
export const MAILBOXES_MAX = 50_000;
/** How old the sight of a sold-out policy may be: R13 allows a refusal that was true this long before it was asked for. */
const SOLD_OUT_FRESH_FOR_MS = 100;

type AnyMailbox = Mailbox<never, never>;
type TypedEvent = Readonly<{ type: string; data: unknown }>;

/** The streams of the shop, one mailbox for each that is in use. */
export class Mailboxes {
  /** Two generations: what is used moves to `recent`; when that holds half of all, `older` is let go. */
  private recent = new Map<string, AnyMailbox>();
  private older: ReadonlyMap<string, AnyMailbox> = new Map();
  private readonly store: EventStore;
  private readonly monotonic: () => number;
  private readonly max: number;

  constructor(store: EventStore, monotonic: () => number, max: number = MAILBOXES_MAX) {
    this.store = store;
    this.monotonic = monotonic;
    this.max = max;
  }

  readonly account = (id: UserId): Mailbox<Account, AccountEvent> => this.of(accountStream(id), accountFold);
  readonly policy = (id: PolicyId): Mailbox<CouponPolicy, CouponPolicyEvent> =>
    this.of(couponPolicyStream(id), couponPolicyFold, { freshForMs: SOLD_OUT_FRESH_FOR_MS });
  readonly product = (id: ProductId): Mailbox<Product, ProductEvent> => this.of(productStream(id), productFold);
  readonly inventory = (): Mailbox<Inventory, InventoryEvent> => this.of(inventoryStream, inventoryFold);
  readonly shop = (): Mailbox<Shop, ShopEvent> => this.of(shopStream, shopFold);

  private of<S, E extends TypedEvent>(stream: string, fold: Fold<S, E>, options: Partial<MailboxOptions> = {}): Mailbox<S, E> {
    const known = this.recent.get(stream);
    if (known) return known as unknown as Mailbox<S, E>;
    const mailbox = (this.older.get(stream) as Mailbox<S, E> | undefined) ?? this.open(stream, fold, options);
    this.recent.set(stream, mailbox as unknown as AnyMailbox);
    if (this.recent.size * 2 >= this.max) {
      this.older = this.recent;
      this.recent = new Map();
    }
    return mailbox;
  }

  private open<S, E extends TypedEvent>(stream: string, fold: Fold<S, E>, options: Partial<MailboxOptions>): Mailbox<S, E> {
    const parse = (stored: RecordedEvent): E => parseEvent(stored) as unknown as E;
    return new Mailbox({ store: this.store, stream, fold, parse, monotonic: this.monotonic, options: { ...mailboxDefaults, ...options } });
  }
}
