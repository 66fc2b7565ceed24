import type { AccountEvent } from '../domain/account.ts';
import type { CouponPolicyEvent } from '../domain/couponPolicy.ts';
import type { DomainEvent } from '../domain/events.ts';
import type { InventoryEvent } from '../domain/inventory.ts';
import type { ProductEvent } from '../domain/product.ts';
import type { ShopEvent } from '../domain/shop.ts';
import type { Position, Revision } from '../platform/eventStore/eventStore.ts';
import type { Sql } from '../platform/postgres.ts';

/** An event of ours as the log holds it, parsed once for all projections. */
export type Stored = Readonly<{ event: DomainEvent; stream: string; revision: Revision; position: Position }>;

/** The event types a projection turns into rows, by the category of their streams. All others pass it by. */
export type Handled = Readonly<{
  account?: readonly AccountEvent['type'][];
  couponPolicy?: readonly CouponPolicyEvent['type'][];
  inventory?: readonly InventoryEvent['type'][];
  product?: readonly ProductEvent['type'][];
  shop?: readonly ShopEvent['type'][];
}>;

/**
 * A read model as a value. It has no side effects and reads no clock, so the same log always gives the same rows, however
 * it is cut into batches. Inside a stream events come in order; between streams nothing is assumed.
 */
export type Projection = Readonly<{
  /** Also the name of the SQL view that readers use. */
  name: string;
  /** Raised when the rows change their meaning: the new version is filled beside the live one. */
  version: number;
  handles: Handled;
  /** The statements that make the table and its indexes. */
  createTable: (table: string) => readonly string[];
  /** What the view shows of the live table; all of it when left out. */
  viewOf?: (table: string) => string;
  /** Further views over the view, by name. */
  furtherViews?: Readonly<Record<string, string>>;
  /** The batch as statements over whole sets of rows, never row by row. */
  toSql: (table: string, events: readonly Stored[]) => readonly Sql[];
}>;

/** The table of one filling of a version; the database makes the same name for itself. */
export const tableOf = ({ name, version }: Pick<Projection, 'name' | 'version'>, build = 1): string =>
  `${name}_v${version}${build > 1 ? `_${build}` : ''}`;

/** What stands before the first dash of a stream name. */
export const categoryOf = (stream: string): string => stream.slice(0, Math.max(0, stream.indexOf('-')));

/** What stands behind the first dash of a stream name. */
export const idOf = (stream: string): string => stream.slice(stream.indexOf('-') + 1);
