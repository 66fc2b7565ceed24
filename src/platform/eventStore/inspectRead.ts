import { type EventStoreDBClient, type ResolvedEvent, type StreamingRead, StreamNotFoundError } from '@eventstore/db-client';
import type { EsdbConnection } from './esdbConnection.ts';
import { recordedIn } from './eventDecoding.ts';
import { type RecordedEvent, StoreUnavailable } from './eventStore.ts';

/** How long a read may stay silent while its next event is wanted, in milliseconds: the client keeps no deadline on reads (CL13). */
const SILENCE_MAX_MS = 3_000;

export type Page = Readonly<{
  /** For messages: `the log`, a stream's name. */
  what: string;
  /** Asks for a counted number of events: only a read that ends by itself leaves no call behind (CL9). */
  open(client: EventStoreDBClient): StreamingRead<ResolvedEvent>;
  signal: AbortSignal;
}>;

/**
 * One page of a log or a stream, event by event: whoever takes events slowly slows the server down, and only the few that are on
 * the way stand in memory. Silence counts only while an event is waited for. Ends without an error when `signal` is aborted;
 * that, and leaving early, cancels the call.
 *
 * @throws StoreUnavailable when the store is silent or its client was replaced; else the client's own error.
 */
export async function* readPage(connection: EsdbConnection, { what, open, signal }: Page): AsyncGenerator<RecordedEvent, void> {
  if (signal.aborted) return;
  const generation = connection.current ?? (await connection.open());
  const reading = connection.decoding.attach(open(generation.client));
  // What is told after the end was known already, and must not be thrown where nobody catches it.
  reading.on('error', () => {});
  const giveUp = (why: string) => void reading.destroy(new StoreUnavailable(`cannot read ${what}: ${why}`));
  const abort = () => giveUp('it was stopped');
  let wanted = true;
  const silence = setTimeout(() => wanted && giveUp(`no answer in ${SILENCE_MAX_MS} ms`), SILENCE_MAX_MS);
  generation.reads.add(giveUp);
  signal.addEventListener('abort', abort, { once: true });
  let finished = false;
  try {
    for await (const given of reading as AsyncIterable<ResolvedEvent>) {
      wanted = false;
      const event = recordedIn(given);
      if (event !== undefined) yield event;
      wanted = true;
      silence.refresh();
    }
    finished = true;
    connection.worked(generation);
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof StreamNotFoundError) connection.worked(generation);
    else connection.failed(generation);
    throw error;
  } finally {
    clearTimeout(silence);
    signal.removeEventListener('abort', abort);
    generation.reads.delete(giveUp);
    if (!finished) reading.cancel().catch(() => {});
  }
}
