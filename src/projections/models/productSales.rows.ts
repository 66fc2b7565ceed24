/** `bigint` columns arrive as text, days as `YYYY-MM-DD`. */
export type ProductSalesRow = Readonly<{ product_id: string; day: string; quantity: string }>;
