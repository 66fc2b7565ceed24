import { randomUUID } from 'node:crypto';
import type { DomainEvent } from '../../src/domain/events.ts';
import type { EventStore, NewEvent } from '../../src/platform/eventStore/eventStore.ts';
import { createMemoryEventStore, type MemoryEventStore } from '../../src/platform/eventStore/memoryEventStore.ts';
import { type Database, type DatabaseOptions, openDatabase, type Session } from '../../src/platform/postgres.ts';
import { allProjections } from '../../src/projections/models/all.ts';
import { type Projection, tableOf } from '../../src/projections/projection.ts';
import { Runner, type RunnerLimits } from '../../src/projections/runner.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { type Logged, recordingLog } from './recordingLog.ts';

const WAIT_MAX_MS = 4_000;
const LOOK_EVERY_MS = 5;

export const projections = allProjections('Asia/Seoul');

/** Asks until the answer satisfies; fails with the last answer when it takes too long. */
export const eventually = async <T>(ask: () => Promise<T> | T, satisfies: (answer: T) => boolean): Promise<T> => {
  const latest = performance.now() + WAIT_MAX_MS;
  for (;;) {
    const answer = await ask();
    if (satisfies(answer)) return answer;
    if (performance.now() > latest) throw new Error(`still ${JSON.stringify(answer, (_, v) => (typeof v === 'bigint' ? `${v}` : v))}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
};

export type CheckpointRow = Readonly<{
  name: string;
  version: number;
  build: number;
  table_name: string;
  definition: string;
  status: string;
  store_id: string;
  commit_position: string | null;
  prepare_position: string | null;
  halted: Readonly<{ position: string; stream: string; revision: string; type: string; reason: string; at: string }> | null;
}>;

const newEvent = (type: string, data: unknown): NewEvent => ({
  id: randomUUID(),
  type,
  data,
  metadata: { commandId: 'c', correlationId: 'c', causationId: 'c', actor: 'test' },
});

/** Real Postgres, an event store in memory, and the runners over both. */
export class World {
  readonly database: Database;
  store: MemoryEventStore;
  readonly logged: Logged[] = [];
  private readonly drop: () => Promise<void>;
  private readonly runners: Runner[] = [];
  private readonly url: string;

  private constructor(url: string, drop: () => Promise<void>) {
    this.url = url;
    this.drop = drop;
    this.database = this.connect();
    this.store = createMemoryEventStore();
  }

  static async open(): Promise<World> {
    const { url, drop } = await createTestDatabase();
    return new World(url, drop);
  }

  connect(options: Partial<DatabaseOptions> = {}): Database {
    return openDatabase(this.url, { onConnectionError: () => undefined, ...options });
  }

  /** Appends to the end of a stream. */
  async record(stream: string, ...events: readonly Readonly<{ type: string; data: unknown }>[]): Promise<bigint> {
    const known = await this.store.readStream(stream, 0n, { maxCount: 100_000 });
    const expected = BigInt(known.length) - 1n;
    const { position } = await this.store.append(
      stream,
      events.map(({ type, data }) => newEvent(type, data)),
      expected,
    );
    return position;
  }

  async recordOurs(stream: string, ...events: readonly DomainEvent[]): Promise<bigint> {
    return this.record(stream, ...events);
  }

  run(
    limits: Partial<RunnerLimits> = {},
    over: Partial<Readonly<{ projections: readonly Projection[]; database: Database; store: EventStore }>> = {},
  ): Runner {
    const runner = new Runner({
      database: over.database ?? this.database,
      store: over.store ?? this.store,
      projections: over.projections ?? projections,
      log: recordingLog(this.logged),
      limits: { backOffMinMs: 10, backOffMaxMs: 100, lockPollMs: 20, heartbeatMs: 50, lookEveryMs: 20, promoteEveryMs: 100, ...limits },
    });
    this.runners.push(runner);
    runner.start();
    return runner;
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.runners.map((runner) => runner.stop()));
  }

  session(): Promise<Session> {
    return this.database.openSession();
  }

  async rows<Row extends object = Record<string, unknown>>(sql: string, values?: readonly unknown[]): Promise<readonly Row[]> {
    return (await this.database.query<Row>(sql, values)).rows;
  }

  checkpoints(): Promise<readonly CheckpointRow[]> {
    return this.rows<CheckpointRow>('select * from projections order by name, version');
  }

  /** Waits until every view can be asked. */
  async registered(): Promise<void> {
    await eventually(
      () =>
        this.rows('select 1 from pg_views where schemaname = current_schema() and viewname = any ($1)', [
          projections.map(({ name }) => name),
        ]),
      (views) => views.length === projections.length,
    );
  }

  /** Waits until every view that has not halted is at the end of the log. */
  async drained(): Promise<void> {
    await this.store.identity();
    const head = await this.store.head();
    await eventually(
      () => this.checkpoints(),
      (all) =>
        all.length > 0 &&
        all.every(
          ({ halted, commit_position, status }) => halted !== null || status === 'retired' || BigInt(commit_position ?? -1) >= head,
        ),
    );
  }

  /** Every row of every read model's build of that number, by the name of the read model. */
  async tables(build = 1): Promise<Readonly<Record<string, readonly unknown[]>>> {
    const all: Record<string, readonly unknown[]> = {};
    for (const projection of projections) {
      all[projection.name] = (
        await this.rows<{ row: unknown }>(`select to_jsonb(t) as row from ${tableOf(projection, build)} t order by 1`)
      ).map(({ row }) => row);
    }
    return all;
  }

  async close(): Promise<void> {
    await this.stopAll();
    await this.store.close();
    await this.database.close();
    await this.drop();
  }
}
