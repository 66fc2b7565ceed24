import { type OpenedPolicy, openPolicy } from '../domain/couponPolicy.ts';
import type { CommandId, Fingerprint } from '../domain/ids.ts';
import { type Received, receiveStock } from '../domain/inventory.ts';
import { type CreatedProduct, createProduct, type ProductCreation } from '../domain/product.ts';
import {
  type GenerationOpening,
  type GenerationStarted,
  type Numbered,
  type NumberedPolicy,
  numberPolicy,
  type OpenedGeneration,
  openedFrom,
  openGeneration,
  type PolicyCreation,
} from '../domain/shop.ts';
import type { Metadata } from '../platform/eventStore/eventStore.ts';
import type { Catalog } from './catalog.ts';
import type { Told } from './mailbox.ts';
import type { Mailboxes } from './mailboxes.ts';

/**
 * Policies, products and generations: commands that touch two streams. The first append says all that is
 * to happen, the others repeat safely; so a retry, or the watchdog, finishes what was cut off between.
 */
export class ShopSetup {
  private readonly mailboxes: Mailboxes;
  private readonly catalog: Catalog;

  constructor(mailboxes: Mailboxes, catalog: Catalog) {
    this.mailboxes = mailboxes;
    this.catalog = catalog;
  }

  async createPolicy(creation: PolicyCreation, about: Metadata): Promise<Told<Numbered>> {
    const numbered = await this.mailboxes.shop().ask(numberPolicy(creation), about);
    if (numbered.outcome.kind === 'refused') return numbered;
    return { ...(await this.openNumbered(numbered.outcome.policy, about)), outcome: numbered.outcome };
  }

  openNumbered(policy: NumberedPolicy, about: Metadata): Promise<Told<OpenedPolicy>> {
    return this.mailboxes.policy(policy.policyId).ask(openPolicy(openedFrom(policy)), step(about, 'open'));
  }

  async createProduct(wished: CreatedProduct, about: Metadata): Promise<Told<ProductCreation>> {
    const created = await this.mailboxes.product(wished.productId).ask(createProduct(wished), about);
    if (created.outcome.kind === 'refused') return created;
    const { product } = created.outcome;
    this.catalog.remember(product);
    if (product.openingStock === 0) return created;
    return { ...(await this.receiveOpening(product, about)), outcome: created.outcome };
  }

  receiveOpening(product: CreatedProduct, about: Metadata): Promise<Told<Received>> {
    const { productId, openingStock: quantity, at } = product;
    const receiptId = openingReceiptOf(productId);
    const receipt = receiveStock({ receiptId, fingerprint: receiptId as string as Fingerprint, productId, quantity, at });
    return this.mailboxes.inventory().ask(receipt, step(about, 'stock'));
  }

  /** Opens the next generation with its products and policies. The position told is at or past all of it. */
  async openGeneration(opening: GenerationOpening, about: Metadata): Promise<Told<GenerationStarted>> {
    const started = await this.mailboxes.shop().ask(openGeneration(opening), about);
    if (started.outcome.kind === 'refused') return started;
    const { opened, policies } = started.outcome;
    const rest = await Promise.all([
      ...productsOf(opened).map((product) => this.createProduct(product, { ...about, commandId: product.commandId })),
      ...policies.map((policy) => this.openNumbered(policy, { ...about, commandId: `${about.commandId}.${policy.number}` })),
    ]);
    const position = rest.reduce((newest, told) => (told.position > newest ? told.position : newest), started.position);
    return { outcome: started.outcome, position };
  }
}

/** The products a generation opens with, each created by a command of its own. */
export const productsOf = (opened: OpenedGeneration): readonly CreatedProduct[] =>
  opened.products.map(({ productId, name, price, stock }, i) => ({
    productId,
    name,
    price,
    openingStock: stock,
    generation: opened.generation,
    commandId: `${opened.commandId}.product.${i}` as CommandId,
    fingerprint: opened.commandId as string as Fingerprint,
    at: opened.at,
  }));

/** One opening receipt for each product, whoever records it. */
export const openingReceiptOf = (productId: string): CommandId => `opening-${productId}` as CommandId;

const step = (about: Metadata, name: string): Metadata => ({
  ...about,
  commandId: `${about.commandId}.${name}`,
  causationId: about.commandId,
});
