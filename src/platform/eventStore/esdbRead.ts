import { type ResolvedEvent, type StreamingRead, StreamNotFoundError } from '@eventstore/db-client';
import type { EsdbConnection, Generation } from './esdbConnection.ts';
import { messageOf, readError } from './esdbErrors.ts';
import { recordedIn } from './eventDecoding.ts';
import { type RecordedEvent, StoreUnavailable } from './eventStore.ts';

/** How long one read may take, in milliseconds: the client keeps no deadline on reads (CL13). */
const READ_MAX_MS = 3_000;

type Reading = StreamingRead<ResolvedEvent>;

/**
 * Reads to the end what `open` asks for (a count must be part of it: leaving a read early leaks its call, CL9).
 * A stream that does not exist has no events (CL16). Cancels the call only when its time is over.
 *
 * @throws StoreUnavailable on every failure but a refusal by the store.
 */
export const readToEnd = (
  connection: EsdbConnection,
  generation: Generation,
  what: string,
  open: () => Reading,
  signal?: AbortSignal,
): Promise<readonly RecordedEvent[]> =>
  new Promise((resolve, reject) => {
    const events: RecordedEvent[] = [];
    const reading = connection.decoding.attach(open());
    const isOver = () => {
      if (!generation.reads.delete(giveUp)) return true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      return false;
    };
    const giveUp = (why: string) => {
      if (isOver()) return;
      reading.cancel().catch(() => {});
      reject(new StoreUnavailable(`cannot read ${what}: ${why}`));
    };
    const abort = () => giveUp('no time left');
    const expire = () => {
      giveUp(`no answer in ${READ_MAX_MS} ms`);
      connection.failed(generation);
    };
    const fail = (error: unknown) => {
      if (isOver()) return;
      if (error instanceof StreamNotFoundError) connection.worked(generation);
      else connection.failed(generation);
      if (error instanceof StreamNotFoundError) resolve([]);
      else reject(readError(what, error));
    };
    const timer = setTimeout(expire, READ_MAX_MS);
    generation.reads.add(giveUp);
    signal?.addEventListener('abort', abort, { once: true });
    reading
      .on('error', fail)
      .on('data', (given: ResolvedEvent) => {
        try {
          const event = recordedIn(given);
          if (event !== undefined) events.push(event);
        } catch (error) {
          giveUp(messageOf(error));
        }
      })
      .on('end', () => {
        if (isOver()) return;
        connection.worked(generation);
        resolve(events);
      })
      .on('close', () => fail(new Error('the read was closed')));
  });
