import { Container } from 'inversify';
import type { Clock } from '../../src/platform/clock.ts';
import { parseConfig } from '../../src/platform/config.ts';
import { createApp, type Listening, listen } from '../../src/platform/http.ts';
import { QueryId, queryModule } from '../../src/read-api/module.ts';
import { ReadGate } from '../../src/read-api/readGate.ts';
import type { ReadModels } from '../../src/read-api/readModels.ts';
import { NOON } from '../projections/facts.ts';
import { World } from '../projections/world.ts';
import { silentLog } from '../support/silentLog.ts';

export type Answer = Readonly<{
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what the tests are about
  body: any;
  asOf: bigint;
}>;

/** Milliseconds that a query waits for a late view in these tests. */
export const GATE_WAIT_MS = 300;

/** The query API over real read models: facts go into an event store in memory, the projections put them into Postgres. */
export class Shop {
  readonly world: World;
  /** Wall clock, moved by the tests. */
  now = NOON;
  private readonly listening: Listening;
  private readonly gate: ReadGate;

  private constructor(world: World, listening: Listening, gate: ReadGate) {
    this.world = world;
    this.listening = listening;
    this.gate = gate;
  }

  static async open(env: Readonly<Record<string, string>> = {}): Promise<Shop> {
    const world = await World.open();
    world.run({ paceMs: 0 });
    let shop: Shop | null = null;
    const clock: Clock = { now: () => shop?.now ?? NOON, monotonic: () => performance.now() };
    const container = new Container();
    container.load(queryModule);
    container.bind(QueryId.config).toConstantValue(parseConfig(env));
    container.bind(QueryId.clock).toConstantValue(clock);
    container.bind(QueryId.database).toConstantValue(world.database);
    const gateOver = (models: ReadModels) => new ReadGate(() => models.positions(), clock, { waitMaxMs: GATE_WAIT_MS });
    (await container.rebind(QueryId.gate)).toResolvedValue(gateOver, [QueryId.models]).inSingletonScope();
    const app = createApp({ log: silentLog, tables: [container.get(QueryId.routes)], health: container.get(QueryId.health) });
    shop = new Shop(world, await listen(app, '127.0.0.1', 0), container.get(QueryId.gate));
    return shop;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.listening.port}`;
  }

  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const response = await fetch(`${this.origin}${path}`, { headers });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: JSON.parse(text),
      asOf: BigInt(response.headers.get('As-Of') ?? -1),
    };
  }

  /** The pages of a list, following its links to the end. */
  async pages(path: string): Promise<readonly Answer[]> {
    const pages: Answer[] = [];
    for (let next: string | null = path; next !== null; ) {
      const page = await this.get(next);
      pages.push(page);
      next = nextOf(page);
    }
    return pages;
  }

  async close(): Promise<void> {
    await this.listening.close();
    this.gate.close();
    await this.world.close();
  }
}

/** The address of the next page; `null` when there is none. */
export const nextOf = ({ headers }: Answer): string | null => /^<([^>]+)>; rel="next"$/.exec(headers.get('Link') ?? '')?.[1] ?? null;
