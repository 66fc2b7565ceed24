import type { AppendExpectedRevision, AppendResult, EventData, EventStoreDBClient } from '@eventstore/db-client';

export type Append = (
  client: EventStoreDBClient,
  stream: string,
  events: EventData | EventData[],
  expectedRevision: AppendExpectedRevision,
) => Promise<AppendResult>;

export const batchAppend: Append = (client, stream, events, expectedRevision) =>
  client.appendToStream(stream, events, { expectedRevision });

/** Credentials given with the call make the client take the unary call; an insecure server never sees them. */
export const unaryAppend: Append = (client, stream, events, expectedRevision) =>
  client.appendToStream(stream, events, { expectedRevision, credentials: { username: 'admin', password: 'changeit' } });

/** The client's two ways to append, for `describe.each`. */
export const appendWays: readonly (readonly [string, Append])[] = [
  ['batch', batchAppend],
  ['unary', unaryAppend],
];
