import type { DomainEvent } from '../domain/events.ts';
import { parseEvent } from '../domain/events.ts';
import type { Clock } from '../platform/clock.ts';
import type { EventStore, Metadata, RecordedEvent } from '../platform/eventStore/eventStore.ts';
import { followEvents } from '../platform/eventStore/followEvents.ts';
import type { Logger } from '../platform/log.ts';
import type { Catalog } from './catalog.ts';
import { openingReceiptOf, productsOf, type ShopSetup } from './shopSetup.ts';

const TYPES = ['GenerationOpened', 'PolicyNumbered', 'CouponPolicyOpened', 'ProductCreated', 'StockReceived'] as const;

/** The second step of a command whose first step is on record. */
export type Unfinished = Readonly<{ seenAt: number; finish: (about: Metadata) => Promise<unknown> }>;

/**
 * Follows what sets up the shop: keeps the catalog warm, and knows which commands on two streams have
 * only their first append. It holds no fact of its own and starts from the beginning with the process.
 */
export class SetupFeed {
  readonly unfinished = new Map<string, Unfinished>();
  private readonly store: EventStore;
  private readonly setup: ShopSetup;
  private readonly catalog: Catalog;
  private readonly clock: Clock;
  private readonly log: Logger;
  private readonly stopping = new AbortController();
  private following: Promise<void> = Promise.resolve();

  constructor(store: EventStore, setup: ShopSetup, catalog: Catalog, clock: Clock, log: Logger) {
    this.store = store;
    this.setup = setup;
    this.catalog = catalog;
    this.clock = clock;
    this.log = log;
  }

  start(): void {
    const { signal } = this.stopping;
    const from = async () => null;
    this.following = followEvents(
      this.store,
      { from, types: TYPES, signal },
      {
        take: (event) => this.take(event),
        broke: (error) => this.log.warn({ err: error }, 'the set-up feed broke and begins again'),
      },
    );
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.following;
  }

  private take(event: RecordedEvent): void {
    try {
      this.apply(parseEvent(event));
    } catch (error) {
      this.log.error({ err: error, stream: event.stream }, 'the set-up feed met an event it cannot read');
    }
  }

  private apply(event: DomainEvent): void {
    switch (event.type) {
      case 'GenerationOpened':
        for (const product of productsOf(event.data)) {
          this.expect(`product ${product.productId}`, (about) =>
            this.setup.createProduct(product, { ...about, commandId: product.commandId }),
          );
        }
        break;
      case 'PolicyNumbered':
        this.expect(`policy ${event.data.policyId}`, (about) => this.setup.openNumbered(event.data, about));
        break;
      case 'CouponPolicyOpened':
        this.unfinished.delete(`policy ${event.data.policyId}`);
        break;
      case 'ProductCreated':
        this.catalog.remember(event.data);
        this.unfinished.delete(`product ${event.data.productId}`);
        if (event.data.openingStock > 0) {
          this.expect(openingReceiptOf(event.data.productId), (about) => this.setup.receiveOpening(event.data, about));
        }
        break;
      case 'StockReceived':
        this.unfinished.delete(event.data.receiptId);
        break;
      default:
        break;
    }
  }

  private expect(what: string, finish: Unfinished['finish']): void {
    this.unfinished.set(what, { seenAt: this.clock.monotonic(), finish });
  }
}
