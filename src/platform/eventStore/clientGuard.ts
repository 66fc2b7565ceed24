import type { Duplex } from 'node:stream';
import type { EventStoreDBClient } from '@eventstore/db-client';
import type { Channel } from '@grpc/grpc-js';
import type { AppendEncoding } from './appendEncoding.ts';
import type { EventDecoding } from './eventDecoding.ts';

type OpenCall = (stub: unknown) => Duplex;
type CallCreator = (stub: unknown, name: string, open: OpenCall, cache?: object) => () => Promise<Duplex>;

/** The protected parts of the client (6.2.1, pinned) that this file touches. */
type Internals = { GRPCStreamCreator: CallCreator; getChannel: () => Promise<Channel> };

export type BatchCallEvents = Readonly<{
  /**
   * The call that carries all appends is over: no append in flight will be answered. Told before the client hears of it.
   * After an error the client opens another call by itself; after an end with OK it goes on writing to the dead one.
   */
  broken: (why: string, clientRecovers: boolean) => void;
  /** An answer that nobody waits for any more was dropped. */
  unexpectedAnswer: () => void;
}>;

/**
 * Takes three ways to kill the process out of the client's batch append, without changing the package:
 * an answer with an unknown correlation id throws inside a stream listener (CL2); a call that breaks
 * while writes queue behind back-pressure leaves one unhandled rejection for each (CL3); and a call that
 * the server ends with OK, or a write to a call that is over, is never answered (CL1).
 *
 * What is written goes through `encoding`.
 *
 * The back-pressure that is switched off here is the caller's: at most APPENDS_IN_FLIGHT_MAX appends.
 */
export const guardBatchAppends = (client: EventStoreDBClient, encoding: AppendEncoding, events: BatchCallEvents): void => {
  wrapCalls(client, 'appendToStream', (stub, open, isBatch) => (isBatch ? guarded(open(encoding.around(stub)), events) : open(stub)));
};

/** Lets `decoding` read the events that the server sends; every read and subscription must be attached to it. */
export const decodeEvents = (client: EventStoreDBClient, decoding: EventDecoding): void => {
  for (const call of ['subscribeToAll', 'readStream', 'readAll']) wrapCalls(client, call, (stub, open) => open(decoding.around(stub)));
};

/** Changes how the calls of one name are opened; only the call that carries all batches of appends is kept. */
const wrapCalls = (client: EventStoreDBClient, wanted: string, wrap: (stub: unknown, open: OpenCall, isKept: boolean) => Duplex): void => {
  const internals = client as unknown as Internals;
  if (typeof internals.GRPCStreamCreator !== 'function' || typeof internals.getChannel !== 'function') {
    throw new Error('this version of @eventstore/db-client is not the one the guard was written for');
  }
  const create = internals.GRPCStreamCreator;
  internals.GRPCStreamCreator = (service, name, open, cache) =>
    create(service, name, name === wanted ? (stub) => wrap(stub, open, cache !== undefined) : open, cache);
};

const guarded = (call: Duplex, { broken, unexpectedAnswer }: BatchCallEvents): Duplex => {
  let over = false;
  const end = (why: string, clientRecovers: boolean) => {
    over = true;
    broken(why, clientRecovers);
  };
  call.prependListener('error', (error: Error) => end(error.message, true));
  call.prependListener('end', () => over || end('the server ended the call', false));

  const write = call.write.bind(call) as (message: unknown) => boolean;
  call.write = (message: unknown) => {
    if (over) queueMicrotask(() => end('the call was over before it was sent', true));
    else write(message);
    return true;
  };

  const [answered] = call.listeners('data') as ((answer: unknown) => void)[];
  if (answered === undefined) throw new Error('the batch call has no listener for answers');
  call.off('data', answered);
  call.on('data', (answer: unknown) => {
    try {
      answered(answer);
    } catch {
      unexpectedAnswer();
    }
  });
  return call;
};

/** Ends all calls of a client and its connection. `dispose` alone leaves the connection open and may never end (CL9). */
export const shutDown = async (client: EventStoreDBClient, limitMs: number): Promise<void> => {
  const limit = new Promise<void>((resolve) => void setTimeout(resolve, limitMs).unref());
  await Promise.race([client.dispose(), limit]);
  const channel = await (client as unknown as Internals).getChannel().catch(() => undefined);
  channel?.close();
};
