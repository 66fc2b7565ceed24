import type { ProductId } from './ids.ts';
import { minus, NOTHING, plus, TOTAL_MAX, times, type Won, won } from './money.ts';

export const LINES_MAX = 50;
export const LINE_QUANTITY_MAX = 10_000;

export type CartLine = Readonly<{ productId: ProductId; quantity: number }>;
export type PricedLine = CartLine & Readonly<{ name: string; unitPrice: Won }>;
export type Discount = Readonly<{ discountType: 'rate' | 'amount'; discountAmount: number }>;
export type Price = Readonly<{ name: string; price: Won }>;

export type Quote = Readonly<{ lines: readonly PricedLine[]; subtotal: Won; discount: Won; totalAmount: Won }>;
export type Quoted =
  | (Readonly<{ kind: 'quoted' }> & Quote)
  | Readonly<{ kind: 'refused'; reason: 'unknown-product'; productId: ProductId }>
  | Readonly<{ kind: 'refused'; reason: 'quantity-above-limit'; productId: ProductId }>
  | Readonly<{ kind: 'refused'; reason: 'total-above-limit' }>;

/** Lines of one product become one line, in order of first mention (R33): what follows may judge line by line. */
export const mergeLines = <Line extends CartLine>(lines: readonly Line[]): readonly Line[] => {
  const merged = new Map<ProductId, Line>();
  for (const line of lines) {
    const before = merged.get(line.productId);
    merged.set(line.productId, before ? { ...before, quantity: before.quantity + line.quantity } : line);
  }
  return [...merged.values()];
};

/** Won off a subtotal (R35): a whole percent rounded down, or an amount that never exceeds what there is to pay. */
export const discountOn = (subtotal: Won, { discountType, discountAmount }: Discount): Won =>
  discountType === 'rate' ? won(Math.floor((subtotal * discountAmount) / 100)) : won(Math.min(discountAmount, subtotal));

/** What a cart costs now. The answer is fixed in the order and never computed again (R34, I16). */
export const quote = (cart: readonly CartLine[], priceOf: (id: ProductId) => Price | undefined, coupon: Discount | null): Quoted => {
  const lines: PricedLine[] = [];
  let subtotal: Won = NOTHING;
  for (const { productId, quantity } of mergeLines(cart)) {
    if (quantity > LINE_QUANTITY_MAX) return { kind: 'refused', reason: 'quantity-above-limit', productId };
    const product = priceOf(productId);
    if (!product) return { kind: 'refused', reason: 'unknown-product', productId };
    lines.push({ productId, name: product.name, quantity, unitPrice: product.price });
    subtotal = plus(subtotal, times(product.price, quantity));
  }
  if (subtotal > TOTAL_MAX) return { kind: 'refused', reason: 'total-above-limit' };
  const discount = coupon ? discountOn(subtotal, coupon) : NOTHING;
  return { kind: 'quoted', lines, subtotal, discount, totalAmount: minus(subtotal, discount) };
};
