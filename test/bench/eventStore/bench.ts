import type { EventStoreDBClient } from '@eventstore/db-client';
import type { EventStore } from '../../../src/platform/eventStore/eventStore.ts';
import type { Figure } from './figure.ts';
import type { Seeded } from './seed.ts';

/** What a measurement works on: one server, and both ways to it. */
export type Bench = Readonly<{
  client: EventStoreDBClient;
  adapter: EventStore;
  /** The server's process; unknown when it is somebody else's. */
  pid: number | undefined;
  host: string;
  port: number;
  /** A folder on the disk of the server's, when the server is ours. */
  folder: string;
  /** Length of one measurement. */
  seconds: number;
  /** Fills the store with events to read, the first time it is called. */
  seeded: () => Promise<Seeded>;
}>;

export type Measurement = (bench: Bench) => Promise<Figure[]>;
