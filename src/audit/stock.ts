import { type DataOf, type Entry, linesText, type Product, type Verdict } from './books.ts';

type Line = Readonly<{ productId: string; quantity: number }>;

const productOf = ({ books }: Entry, productId: string): Product => {
  const known = books.products.get(productId);
  if (known) return known;
  const product: Product = { productId, created: null, received: 0, taken: 0, onHand: 0 };
  books.products.set(productId, product);
  return product;
};

export const createProduct = (entry: Entry, created: DataOf<'ProductCreated'>): void => {
  entry.same('I4', 'productId', entry.id, created.productId);
  const product = productOf(entry, created.productId);
  if (product.created) entry.breaks('I4', 'product', 'created once', 'created again');
  else product.created = created;
};

export const receiveStock = (entry: Entry, { receiptId, productId, quantity, stockAfter }: DataOf<'StockReceived'>): void => {
  entry.once('I4', 'receipt', receiptId);
  const product = productOf(entry, productId);
  entry.same('I11', `stockAfter of ${productId}`, product.onHand + quantity, stockAfter);
  product.onHand = stockAfter;
  product.received += quantity;
};

export const takeStock = (entry: Entry, { orderId, lines }: DataOf<'StockTaken'>): void => {
  judge(entry, orderId, 'taken');
  const order = entry.books.orders.get(orderId);
  if (order && !sameCart(order.submitted.lines, lines)) {
    entry.breaks('I14', `lines taken for ${orderId}`, linesText(order.submitted.lines), linesText(lines));
  }
  for (const { productId, quantity } of lines) {
    const product = productOf(entry, productId);
    product.onHand -= quantity;
    product.taken += quantity;
    if (product.onHand < 0) entry.breaks('I10', `stock of ${productId}`, '0 or more', product.onHand);
  }
};

export const denyStock = (entry: Entry, { orderId, reason }: DataOf<'StockDenied'>): void => judge(entry, orderId, reason);

const judge = (entry: Entry, orderId: string, verdict: Verdict): void => {
  const { orders, verdicts } = entry.books;
  const what = `verdict on ${orderId}`;
  const given = verdicts.get(orderId);
  if (given) entry.breaks('I13', what, `only ${given}`, `${verdict} after it`);
  else verdicts.set(orderId, verdict);
  const order = orders.get(orderId);
  if (!order) entry.breaks('I13', what, 'an order submitted before', 'none');
  if (order?.status === 'placed') entry.same('I14', `${what}, which is placed`, 'taken', verdict);
  if (order?.status === 'rejected') entry.same('I15', `${what}, which is rejected`, order.reason, verdict);
};

const sameCart = (one: readonly Line[], other: readonly Line[]): boolean =>
  one.length === other.length &&
  one.every(({ productId, quantity }) => other.some((line) => line.productId === productId && line.quantity === quantity));
