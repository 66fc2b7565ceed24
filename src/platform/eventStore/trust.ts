/**
 * Whether our own code may do a part of the client's work: once it has been seen to do the same as the client,
 * and never again after a surprise. What is not trusted is done by the client: slower, and as right.
 */
export class Trust {
  private state: 'sought' | 'given' | 'refused' = 'sought';
  private readonly refused: () => void;

  /** `refused` is told once, when the client is not what the code was written for. */
  constructor(refused: () => void) {
    this.refused = refused;
  }

  get isGiven(): boolean {
    return this.state === 'given';
  }

  /** Whether it is not decided yet. */
  get isSought(): boolean {
    return this.state === 'sought';
  }

  /** Decides by a comparison; one that throws has failed. */
  decide(isSame: () => boolean): void {
    try {
      if (!isSame()) this.refuse();
      else if (this.isSought) this.state = 'given';
    } catch {
      this.refuse();
    }
  }

  readonly refuse = (): void => {
    if (this.state === 'refused') return;
    this.state = 'refused';
    this.refused();
  };
}
