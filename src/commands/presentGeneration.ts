import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { PolicyId } from '../domain/ids.ts';
import { currentGeneration, policyIdOf } from '../domain/shop.ts';
import type { Clock } from '../platform/clock.ts';
import type { Metadata } from '../platform/eventStore/eventStore.ts';
import type { Mailboxes } from './mailboxes.ts';

/** Milliseconds from one look to the next, while several ask within one. */
const LOOK_EVERY_MS = 10;

/**
 * The present generation of the shop, which the end of its stream alone can tell: another process may have opened a new one. Whoever
 * asks is told of a look that began after it asked, never of an older one. Few who ask are answered at once; a look that several
 * shared is followed by none for 10 ms, so that all who come meanwhile share the next.
 */
export class PresentGeneration {
  private readonly mailboxes: Mailboxes;
  private readonly clock: Pick<Clock, 'monotonic'>;
  private next: Promise<number> | null = null;
  private askers = 0;
  private notBefore = Number.NEGATIVE_INFINITY;

  constructor(mailboxes: Mailboxes, clock: Pick<Clock, 'monotonic'>) {
    this.mailboxes = mailboxes;
    this.clock = clock;
  }

  /** @throws what asking a mailbox throws. */
  ask(about: Metadata): Promise<number> {
    this.askers += 1;
    this.next ??= this.look(about);
    return this.next;
  }

  /** The policy that has this number now, or would have it. @throws what asking a mailbox throws. */
  async policyNumbered(number: number, about: Metadata): Promise<PolicyId> {
    return policyIdOf(await this.ask(about), number);
  }

  private async look(about: Metadata): Promise<number> {
    const early = this.notBefore - this.clock.monotonic();
    // At least to the end of this turn, so that all requests that came in with it are among those who asked.
    await (early > 0 ? sleep(Math.ceil(early)) : nextTurn());
    this.notBefore = this.clock.monotonic() + (this.askers > 1 ? LOOK_EVERY_MS : 0);
    this.askers = 0;
    this.next = null;
    return (await this.mailboxes.shop().ask(currentGeneration, about)).outcome;
  }
}
