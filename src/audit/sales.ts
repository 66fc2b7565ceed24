import type { DataOf, Entry } from './books.ts';

/** Units that count as sold on a day of the service zone. */
export const sell = ({ books }: Entry, productId: string, day: string, quantity: number): void => {
  const key = `${productId} ${day}`;
  const sale = books.sales.get(key);
  if (sale) sale.quantity += quantity;
  else books.sales.set(key, { productId, day, quantity });
};

/** A generation opens with sales of days before the log began. */
export const openGeneration = (entry: Entry, opened: DataOf<'GenerationOpened'>): void => {
  entry.books.generations.set(String(opened.generation), opened);
  for (const { productId, day, quantity } of opened.carriedOver) sell(entry, productId, day, quantity);
};
