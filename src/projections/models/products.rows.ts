/** `bigint` columns arrive as text. */
export type ProductRow = Readonly<{
  product_id: string;
  name: string;
  price: string;
  stock: string;
  generation: number;
  created_at: Date;
}>;
