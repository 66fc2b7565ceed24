import { setTimeout as sleep } from 'node:timers/promises';
import type { Inventory, InventoryEvent } from '../domain/inventory.ts';
import { type Decision, refuse } from '../domain/kernel.ts';
import type { Metadata } from '../platform/eventStore/eventStore.ts';
import type { Logger } from '../platform/log.ts';
import type { Mailboxes } from './mailboxes.ts';

const RETRY_MS = 250;
const ABOUT: Metadata = { commandId: 'warm-up', correlationId: 'warm-up', causationId: 'warm-up', actor: 'warm-up' };

/** Asks nothing but that the end of the stream was seen. */
const endOf = (ledger: Inventory): Decision<InventoryEvent, number> => refuse(ledger.count);

/**
 * Reads the ledger before the process calls itself ready: every order needs it, and it may be long. What one try has read
 * the next goes on from. A ledger that cannot be read keeps the process from ever being ready.
 */
export class LedgerWarmUp {
  private readonly mailboxes: Mailboxes;
  private readonly log: Logger;
  private readonly stopping = new AbortController();
  private isKnown: boolean = false;
  private attempt: Promise<void> = Promise.resolve();
  private reading: Promise<void> = Promise.resolve();

  constructor(mailboxes: Mailboxes, log: Logger) {
    this.mailboxes = mailboxes;
    this.log = log;
  }

  start(): void {
    this.reading = this.read();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.reading;
  }

  /** Ends with the try that is under way. @throws Error what kept the ledger from being known. */
  async check(): Promise<void> {
    if (!this.isKnown) await this.attempt;
  }

  private async read(): Promise<void> {
    const { signal } = this.stopping;
    while (!this.isKnown && !signal.aborted) {
      this.attempt = this.look();
      try {
        await this.attempt;
      } catch (error) {
        this.log.warn({ err: error }, 'the ledger is not known yet');
        await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  private async look(): Promise<void> {
    const begun = performance.now();
    const { outcome } = await this.mailboxes.inventory().ask(endOf, ABOUT);
    this.isKnown = true;
    this.log.info({ events: outcome, ms: Math.round(performance.now() - begun) }, 'the ledger is known');
  }
}
