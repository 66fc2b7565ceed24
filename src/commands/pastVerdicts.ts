import { parseEvent } from '../domain/events.ts';
import type { OrderId } from '../domain/ids.ts';
import { inventoryStream, type Verdict } from '../domain/inventory.ts';
import type { EventStore } from '../platform/eventStore/eventStore.ts';

/** The verdict of an order, or how many events of the ledger were searched without finding one. */
export type PastVerdict = Readonly<{ verdict: Verdict } | { verdict: null; searchedTo: number }>;

export interface PastVerdicts {
  find(orderId: OrderId, ledgerSeen: number): Promise<PastVerdict>;
}

const PAGE = 1_000;

/**
 * Verdicts that the ledger's memory has let go, found in its history. A verdict cannot stand before the
 * event count its order was quoted at, so the search begins there.
 */
export class LedgerHistory implements PastVerdicts {
  private readonly store: EventStore;

  constructor(store: EventStore) {
    this.store = store;
  }

  async find(orderId: OrderId, ledgerSeen: number): Promise<PastVerdict> {
    let searchedTo = ledgerSeen;
    for (;;) {
      const page = await this.store.readStream(inventoryStream, BigInt(searchedTo), { maxCount: PAGE });
      for (const stored of page) {
        const event = parseEvent(stored);
        if (event.type === 'StockTaken' && event.data.orderId === orderId) return { verdict: 'taken' };
        if (event.type === 'StockDenied' && event.data.orderId === orderId) return { verdict: event.data.reason };
      }
      searchedTo += page.length;
      if (page.length < PAGE) return { verdict: null, searchedTo };
    }
  }
}
