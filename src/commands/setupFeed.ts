import { setTimeout as sleep } from 'node:timers/promises';
import type { DomainEvent } from '../domain/events.ts';
import { parseEvent } from '../domain/events.ts';
import type { Clock } from '../platform/clock.ts';
import type { Delivery, EventStore, Metadata, Position } from '../platform/eventStore/eventStore.ts';
import type { Logger } from '../platform/log.ts';
import type { Catalog } from './catalog.ts';
import { openingReceiptOf, productsOf, type ShopSetup } from './shopSetup.ts';

const TYPES = ['GenerationOpened', 'PolicyNumbered', 'CouponPolicyOpened', 'ProductCreated', 'StockReceived'] as const;
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 5_000;

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
  private after: Position | null = null;
  private following: Promise<void> = Promise.resolve();

  constructor(store: EventStore, setup: ShopSetup, catalog: Catalog, clock: Clock, log: Logger) {
    this.store = store;
    this.setup = setup;
    this.catalog = catalog;
    this.clock = clock;
    this.log = log;
  }

  start(): void {
    this.following = this.follow();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.following;
  }

  private async follow(): Promise<void> {
    const { signal } = this.stopping;
    for (let waitMs = RETRY_MS_MIN; !signal.aborted; waitMs = Math.min(waitMs * 2, RETRY_MS_MAX)) {
      try {
        for await (const delivery of this.store.subscribe({ after: this.after, types: TYPES, signal })) {
          this.take(delivery);
          waitMs = RETRY_MS_MIN;
        }
      } catch (error) {
        this.log.warn({ err: error }, 'the set-up feed broke and begins again');
      }
      if (!signal.aborted) await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private take(delivery: Delivery): void {
    if (delivery.kind === 'checkpoint') this.after = delivery.position;
    if (delivery.kind !== 'event') return;
    this.after = delivery.event.position;
    try {
      this.apply(parseEvent(delivery.event));
    } catch (error) {
      this.log.error({ err: error, stream: delivery.event.stream }, 'the set-up feed met an event it cannot read');
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
