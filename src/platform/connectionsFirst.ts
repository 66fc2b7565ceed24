/** Milliseconds that requests wait for connections at most; then they have their turn, however many more knock. */
const HOLD_MAX_MS = 10;

/**
 * Takes all who knock before those inside are served. Node accepts one connection in each turn of its event loop
 * (https://github.com/libuv/libuv/pull/3696). When hundreds are served in a turn, the last of a hundred newcomers would therefore
 * wait for a hundred such turns, a second and more, and each who came earlier be served many times meanwhile. So requests are held
 * back from the turn that accepts a connection until one comes that accepts none: turns without work are short.
 */
export class ConnectionsFirst {
  private readonly holdMaxMs: number;
  private held: (() => void)[] = [];
  private isHolding: boolean = false;
  private cameThisTurn: boolean = false;
  private holdUntil = 0;

  constructor(holdMaxMs: number = HOLD_MAX_MS) {
    this.holdMaxMs = holdMaxMs;
  }

  /** A connection was accepted. */
  accepted(): void {
    this.cameThisTurn = true;
    if (this.isHolding) return;
    this.isHolding = true;
    this.holdUntil = performance.now() + this.holdMaxMs;
    setImmediate(this.endOfTurn);
  }

  /** Serves at once, unless connections are coming in: then after them, in the order in which it was asked. */
  serve(request: () => void): void {
    if (this.isHolding) this.held.push(request);
    else request();
  }

  private readonly endOfTurn = (): void => {
    if (this.cameThisTurn && performance.now() < this.holdUntil) {
      this.cameThisTurn = false;
      setImmediate(this.endOfTurn);
      return;
    }
    this.isHolding = false;
    const { held } = this;
    this.held = [];
    for (const request of held) request();
  };
}
