/** A server behind the edge. */
export type Upstream = Readonly<{ host: string; port: number; origin: string }>;

/** Milliseconds for which a server that failed is asked only when no other is left. */
const ASIDE_MS = 2_000;

/** Servers that all answer the same, asked in turn. One that fails is put aside for a while. */
export class Upstreams {
  readonly all: readonly Upstream[];
  private readonly monotonic: () => number;
  private readonly asideUntil = new Map<Upstream, number>();
  private turn = 0;

  /** `origins`: at least one, as `http://host:port`. `monotonic`: milliseconds. */
  constructor(origins: readonly string[], monotonic: () => number) {
    this.all = origins.map((origin) => {
      const { hostname, port } = new URL(origin);
      return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80), origin };
    });
    this.monotonic = monotonic;
  }

  /** Every server once, in the order to try: the next in turn first, those put aside last. */
  inTurn(): readonly Upstream[] {
    const first = this.turn;
    this.turn = (this.turn + 1) % this.all.length;
    const rotated = [...this.all.slice(first), ...this.all.slice(0, first)];
    const now = this.monotonic();
    const isAside = (upstream: Upstream) => (this.asideUntil.get(upstream) ?? 0) > now;
    return [...rotated.filter((upstream) => !isAside(upstream)), ...rotated.filter(isAside)];
  }

  /** Whether it was not aside already. */
  putAside(upstream: Upstream): boolean {
    const now = this.monotonic();
    const isNews = (this.asideUntil.get(upstream) ?? 0) <= now;
    this.asideUntil.set(upstream, now + ASIDE_MS);
    return isNews;
  }
}
