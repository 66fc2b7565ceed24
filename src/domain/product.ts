import type { CommandId, Fingerprint, ProductId } from './ids.ts';
import { type Decision, type Fold, recall, record } from './kernel.ts';
import type { Won } from './money.ts';
import { type EventOf, integer, object, text } from './shape.ts';

export const productStream = (id: ProductId): string => `product-${id}`;

// These names and shapes are stored. A changed meaning is a new name, never an edit.
export const productEvents = {
  ProductCreated: object({
    productId: text<ProductId>(),
    name: text(),
    price: integer<Won>(),
    /** Received on the ledger right after, under a receipt named for this command. */
    openingStock: integer(),
    generation: integer(),
    commandId: text<CommandId>(),
    fingerprint: text<Fingerprint>(),
    at: integer(),
  }),
};
export type ProductEvent = EventOf<typeof productEvents>;
export type CreatedProduct = ProductEvent['data'];

/** `null` until it is created. A price never changes afterwards, so it may be remembered anywhere. */
export type Product = CreatedProduct | null;

export const productFold: Fold<Product, ProductEvent> = {
  initial: null,
  evolve: (_product, event) => event.data,
};

export type ProductCreation =
  | Readonly<{ kind: 'created'; product: CreatedProduct; replayed: boolean }>
  | Readonly<{ kind: 'refused'; reason: 'product-exists' | 'key-reused' }>;

export const createProduct =
  (wished: CreatedProduct) =>
  (product: Product): Decision<ProductEvent, ProductCreation> => {
    if (product === null) return record([{ type: 'ProductCreated', data: wished }], { kind: 'created', product: wished, replayed: false });
    if (product.commandId !== wished.commandId) return recall({ kind: 'refused', reason: 'product-exists' });
    if (product.fingerprint !== wished.fingerprint) return recall({ kind: 'refused', reason: 'key-reused' });
    return recall({ kind: 'created', product, replayed: true });
  };
