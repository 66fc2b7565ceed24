import { setTimeout as sleep } from 'node:timers/promises';
import type { PolicyId } from '../domain/ids.ts';
import { currentGeneration, policyIdOf } from '../domain/shop.ts';
import type { Clock } from '../platform/clock.ts';
import type { Metadata } from '../platform/eventStore/eventStore.ts';
import type { Mailboxes } from './mailboxes.ts';

/** Milliseconds from one look to the next, while many ask. */
const LOOK_EVERY_MS = 10;

/**
 * The present generation of the shop, which the end of its stream alone can tell: another process may have opened a new one. All
 * who ask within 10 ms share one look at it; whoever asks is told of one that began after it asked, never of an older one.
 */
export class PresentGeneration {
  private readonly mailboxes: Mailboxes;
  private readonly clock: Pick<Clock, 'monotonic'>;
  private next: Promise<number> | null = null;
  private lookedAt = Number.NEGATIVE_INFINITY;

  constructor(mailboxes: Mailboxes, clock: Pick<Clock, 'monotonic'>) {
    this.mailboxes = mailboxes;
    this.clock = clock;
  }

  /** @throws what asking a mailbox throws. */
  ask(about: Metadata): Promise<number> {
    this.next ??= this.look(about);
    return this.next;
  }

  /** The policy that has this number now, or would have it. @throws what asking a mailbox throws. */
  async policyNumbered(number: number, about: Metadata): Promise<PolicyId> {
    return policyIdOf(await this.ask(about), number);
  }

  private async look(about: Metadata): Promise<number> {
    const early = this.lookedAt + LOOK_EVERY_MS - this.clock.monotonic();
    // At least to the end of this turn, so that all requests that came in with it are among those who asked.
    await sleep(Math.max(0, early));
    this.next = null;
    this.lookedAt = this.clock.monotonic();
    return (await this.mailboxes.shop().ask(currentGeneration, about)).outcome;
  }
}
