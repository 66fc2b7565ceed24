import { randomUUID } from 'node:crypto';
import { Staging } from '../../../src/embedded/event-store/appends/staging.ts';
import type { ProposedEvent } from '../../../src/embedded/event-store/storage/record.ts';
import { openStorage, type Storage, type Visit } from '../../../src/embedded/event-store/storage/storage.ts';
import { atEnd } from './support.ts';

export const proposed = (data = '{}', type = 'Counted'): ProposedEvent => ({
  id: randomUUID(),
  type,
  isJson: true,
  metadata: Buffer.alloc(0),
  data: Buffer.from(data),
});

/** A storage that the test's end closes, if the test has not. */
export const openStored = (folder: string): Storage & { end: () => Promise<void> } => {
  const storage = openStorage(folder, true);
  let ended: Promise<void> | undefined;
  const end = (): Promise<void> => {
    ended ??= storage.close();
    return ended;
  };
  atEnd(end);
  return Object.assign(storage, { end });
};

/** Writes events of the given streams, in their order, as one write; returns their positions. */
export const write = async (storage: Storage, streams: readonly string[], data?: string): Promise<number[]> => {
  const staging = new Staging(storage);
  const positions = streams.map((stream) => staging.add(stream, proposed(data), 1_700_000_000_000).position);
  storage.write(staging.take());
  await storage.relieved();
  return positions;
};

/** Positions that a read visits. */
export const visited = (read: (visit: Visit) => unknown): number[] => {
  const positions: number[] = [];
  read((_, position) => positions.push(position));
  return positions;
};

export const wholeStored = (storage: Storage): number[] => visited((visit) => storage.upwards(0)(1_000_000, visit));
export const streamStored = (storage: Storage, stream: string): number[] => {
  const head = storage.head(stream);
  return head === undefined ? [] : visited((visit) => storage.streamForwards(head.ordinal, -1, 1_000_000, visit));
};
