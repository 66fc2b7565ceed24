import { setTimeout as sleep } from 'node:timers/promises';
import type { OrderId, UserId } from '../domain/ids.ts';
import type { Clock } from '../platform/clock.ts';
import type { Position } from '../platform/eventStore/eventStore.ts';
import type { Database } from '../platform/postgres.ts';
import { sqlStateOf } from '../platform/postgresErrors.ts';
import { Problem } from '../platform/problem.ts';
import type { OpenOrder, OpenOrders } from './openOrders.ts';
import type { ViewPositions } from './routes/init.ts';

const POLL_MS = 10;
/** The read model that shows open orders. */
const OPEN_ORDERS_OF = 'orders';
/** SQLSTATE of a table that does not exist. */
const UNDEFINED_TABLE = '42P01';

/**
 * The two things the write side asks of read models: which orders are open, so that the watchdog finds them,
 * and where the views are, so that `/init` can wait for them. No decision ever rests on either.
 */
export class ReadModels implements OpenOrders, ViewPositions {
  private readonly database: Database;
  private readonly clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.database = database;
    this.clock = clock;
  }

  async olderThan(submittedBefore: number, limit: number): Promise<readonly OpenOrder[]> {
    const { rows } = await this.database
      .query<{ order_id: string; user_id: string; submitted_at: string }>(
        `select order_id, user_id, extract(epoch from ordered_at) * 1000 as submitted_at
           from open_orders where ordered_at < to_timestamp($1 / 1000.0) order by ordered_at limit $2`,
        [submittedBefore, limit],
      )
      .catch(noneBeforeTheFirstProjector);
    return rows.map(({ order_id, user_id, submitted_at }) => ({
      orderId: order_id as OrderId,
      userId: user_id as UserId,
      submittedAt: Number(submitted_at),
    }));
  }

  async position(): Promise<Position | null> {
    const { rows } = await this.database.query<{ at: string | null }>(
      `select commit_position::text as at from projections where status = 'live' and name = '${OPEN_ORDERS_OF}'`,
    );
    const at = rows[0]?.at ?? null;
    return at === null ? null : BigInt(at);
  }

  async reached(position: Position, msMax: number): Promise<void> {
    const deadline = this.clock.monotonic() + msMax;
    while ((await this.lowest()) < position) {
      if (this.clock.monotonic() > deadline)
        throw new Problem('read-model-behind', `The views did not reach ${position} within ${msMax} ms.`);
      await sleep(POLL_MS);
    }
  }

  private async lowest(): Promise<Position> {
    const { rows } = await this.database.query<{ lowest: string | null }>(
      "select min(coalesce(commit_position, -1))::text as lowest from projections where status = 'live'",
    );
    return BigInt(rows[0]?.lowest ?? -1);
  }
}

/** The projector makes the views when it first runs; before that it has shown nobody anything. */
const noneBeforeTheFirstProjector = (error: unknown): { rows: [] } => {
  if (sqlStateOf(error) === UNDEFINED_TABLE) return { rows: [] };
  throw error;
};
