import { randomUUID } from 'node:crypto';
import { type JSONEventData, type JSONType, jsonEvent } from '@eventstore/db-client';
import type { NewEvent } from '../../../src/platform/eventStore/eventStore.ts';

/** The types of the events, in turn. */
export const TYPES = ['AccountCharged', 'OrderSubmitted', 'StockTaken', 'OrderPlaced'] as const;

const command = { commandId: randomUUID(), correlationId: randomUUID(), causationId: randomUUID(), actor: 'bench' } as const;
const ORDINARY = {
  data: { accountId: randomUUID(), amount: 12_900, memo: 'about as much as a charge holds' } as Readonly<Record<string, string | number>>,
  metadata: command as JSONType | undefined,
};
const SMALL: typeof ORDINARY = { data: { accountId: 'u17', amount: 12_900, memo: 'a charge' }, metadata: undefined };
let chosen = ORDINARY;

/** From now on events are small, and those of the client without metadata; ordinary ones are like the shop's. */
export const chooseSmallEvents = (): void => {
  chosen = SMALL;
};

/** Bytes of JSON in each event that the client appends, data and metadata. */
export const eventBytes = (): number =>
  JSON.stringify(chosen.data).length + (chosen.metadata === undefined ? 0 : JSON.stringify(chosen.metadata).length);

/** The n-th event, as our port takes it: always with metadata. */
export const newEvent = (n: number): NewEvent => ({
  id: randomUUID(),
  type: TYPES[n % TYPES.length] ?? TYPES[0],
  data: chosen.data,
  metadata: command,
});

/** The n-th event, as the client takes it. */
export const clientEvent = (n: number): JSONEventData =>
  jsonEvent({ id: randomUUID(), type: TYPES[n % TYPES.length] ?? TYPES[0], ...chosen } as { type: string; data: JSONType });

export const newStream = (): string => `bench-${randomUUID()}`;
