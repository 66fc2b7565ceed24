import type { ProductId } from '../domain/ids.ts';
import { type Decision, recall, refuse } from '../domain/kernel.ts';
import type { CreatedProduct, Product, ProductEvent } from '../domain/product.ts';
import type { Price } from '../domain/quote.ts';
import type { Metadata } from '../platform/eventStore/eventStore.ts';
import type { Mailboxes } from './mailboxes.ts';

/** Products remembered; one more lets the oldest go. */
const PRODUCTS_MAX = 100_000;

const findProduct = (product: Product): Decision<ProductEvent, CreatedProduct | null> => (product ? recall(product) : refuse(null));

/**
 * Names and prices in memory. A price is a fact of the product's creation and never changes, so what is
 * remembered cannot be out of date; a product that is not remembered is looked for in its own stream
 * before it is called unknown. The setup feed keeps the memory warm.
 */
export class Catalog {
  private readonly prices = new Map<ProductId, Price>();
  private readonly mailboxes: Mailboxes;

  constructor(mailboxes: Mailboxes) {
    this.mailboxes = mailboxes;
  }

  remember({ productId, name, price }: CreatedProduct): void {
    this.prices.set(productId, { name, price });
    if (this.prices.size > PRODUCTS_MAX) this.prices.delete(this.prices.keys().next().value as ProductId);
  }

  /** A look-up for these products that needs no more waiting. */
  async pricesOf(ids: readonly ProductId[], about: Metadata): Promise<(id: ProductId) => Price | undefined> {
    const missing = [...new Set(ids.filter((id) => !this.prices.has(id)))];
    if (missing.length > 0) await Promise.all(missing.map((id) => this.find(id, about)));
    return (id) => this.prices.get(id);
  }

  /** Whether the product exists; asks its stream when it is not remembered. */
  async find(id: ProductId, about: Metadata): Promise<Price | undefined> {
    const known = this.prices.get(id);
    if (known) return known;
    const { outcome } = await this.mailboxes.product(id).ask(findProduct, about);
    if (outcome) this.remember(outcome);
    return this.prices.get(id);
  }
}
