import { randomUUID } from 'node:crypto';
import { type JSONEventData, type JSONType, jsonEvent } from '@eventstore/db-client';
import type { NewEvent } from '../../../src/platform/eventStore/eventStore.ts';

/** The types of the events, in turn. */
export const TYPES = ['AccountCharged', 'OrderSubmitted', 'StockTaken', 'OrderPlaced'] as const;

const data = { accountId: randomUUID(), amount: 12_900, memo: 'about as much as a charge holds' } as const;
const metadata = { commandId: randomUUID(), correlationId: randomUUID(), causationId: randomUUID(), actor: 'bench' } as const;

/** Bytes of JSON in each event, data and metadata. */
export const EVENT_BYTES = JSON.stringify(data).length + JSON.stringify(metadata).length;

/** The n-th event, as our port takes it. */
export const newEvent = (n: number): NewEvent => ({ id: randomUUID(), type: TYPES[n % TYPES.length] ?? TYPES[0], data, metadata });

/** The n-th event, as the client takes it. */
export const clientEvent = (n: number): JSONEventData => jsonEvent({ ...newEvent(n), data, metadata } as { type: string; data: JSONType });

export const newStream = (): string => `bench-${randomUUID()}`;
