/** The work of a shop, as a service would do it that keeps no events. Every peer does it in its own way, behind the same routes. */
export interface Job {
  /** Opens an empty shop; what was there before is gone. */
  init(world: World): Promise<void>;
  /** The balance afterwards. */
  charge(userId: string, amount: number): Promise<number>;
  /** What was paid, or `null` when balance or stock do not cover it. */
  order(userId: string, items: readonly Item[]): Promise<number | null>;
  /** The serial of the coupon, or `null` when none is left. */
  issue(userId: string, policyId: string): Promise<number | null>;
  balance(userId: string): Promise<number>;
  products(): Promise<readonly Product[]>;
  product(productId: string): Promise<Product | null>;
  /** What sold best in three days. */
  top(): Promise<readonly (Product & Readonly<{ soldQty: number }>)[]>;
}

export type Item = Readonly<{ productId: string; quantity: number }>;
export type Product = Readonly<{ id: string; name: string; price: number; stock: number }>;
export type World = Readonly<{ products: readonly Product[]; policyId: string; couponCount: number }>;
