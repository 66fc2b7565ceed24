import { randomUUID } from 'node:crypto';
import type {
  Delivery,
  EventStore,
  NewEvent,
  Position,
  RecordedEvent,
  SubscribeOptions,
} from '../../../src/platform/eventStore/eventStore.ts';

export const metadata = { commandId: 'c-1', correlationId: 'r-1', causationId: 'r-1', actor: 'ann' };

export const event = (type = 'Counted', data: unknown = { by: 1 }, id: string = randomUUID()): NewEvent => ({ id, type, data, metadata });
export const eventsOf = (count: number, type?: string): NewEvent[] => Array.from({ length: count }, (_, i) => event(type, { number: i }));

/** A name nobody has used: the suite also runs over stores that keep everything. */
export const freshStream = (): string => `account-${randomUUID()}`;
export const freshType = (): string => `Type${randomUUID().replaceAll('-', '')}`;

/** Reads a subscription until `enough` says so, and leaves it. Fails after 10 s. */
export const collect = async (
  store: EventStore,
  options: Omit<SubscribeOptions, 'signal'>,
  enough: (got: readonly Delivery[]) => boolean | Promise<boolean>,
): Promise<Delivery[]> => {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), 10_000);
  const got: Delivery[] = [];
  try {
    for await (const delivery of store.subscribe({ ...options, signal: limit.signal })) {
      got.push(delivery);
      if (await enough(got)) return got;
    }
  } finally {
    clearTimeout(timer);
  }
  throw new Error(`not enough after 10 s: ${got.map(({ kind }) => kind).join(' ')}`);
};

export const eventsIn = (got: readonly Delivery[]): RecordedEvent[] => got.flatMap((d) => (d.kind === 'event' ? [d.event] : []));
export const positionsIn = (got: readonly Delivery[]): Position[] =>
  got.flatMap((d) => (d.kind === 'event' ? [d.event.position] : d.kind === 'checkpoint' ? [d.position] : []));
export const caughtUp = (got: readonly Delivery[]): boolean => got.at(-1)?.kind === 'caught-up';
export const count = (wanted: number) => (got: readonly Delivery[]) => eventsIn(got).length >= wanted;

/** What the parts of the contract are given: two adapters over one store, and short ways to write and look. */
export type Given = Readonly<{
  store: () => EventStore;
  other: () => EventStore;
  streamOf: (...batches: NewEvent[][]) => Promise<string>;
  idsIn: (stream: string) => Promise<string[]>;
}>;
