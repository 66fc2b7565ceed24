import { randomUUID } from 'node:crypto';
import { type EventStoreDBClient, jsonEvent, NO_STREAM, WrongExpectedVersionError } from '@eventstore/db-client';
import type { Acknowledged, LogCheck, Refused, Sent } from './storeKillCheck.ts';
import { withinLimit } from './waits.ts';

export const WRITERS = 64;
const BATCH_EVENTS_MAX = 10;
/** How long a writer waits for an answer. The client never answers some appends of a broken connection. */
const APPEND_WAIT_MAX_MS = 3_000;

type PartData = Readonly<{ append: string; index: number; count: number }>;
type Answers = Readonly<{ sent: Map<string, Sent>; acknowledged: Map<string, Acknowledged>; refused: Map<string, Refused> }>;

const noAnswers = (): Answers => ({ sent: new Map(), acknowledged: new Map(), refused: new Map() });

/** What was sent and what was answered since the last look, late answers included. */
export class Ledger {
  #answers = noAnswers();
  /** Appends that are waited for. */
  inFlight = 0;

  sent(one: Sent): void {
    this.#answers.sent.set(one.append, one);
  }
  acknowledged(append: string, answer: Acknowledged): void {
    this.#answers.acknowledged.set(append, answer);
  }
  refused(append: string, one: Refused): void {
    this.#answers.refused.set(append, one);
  }

  /** Hands all of it over, and begins anew. */
  take(): Answers {
    const answers = this.#answers;
    this.#answers = noAnswers();
    return answers;
  }
}

/**
 * Appends a batch at the revision `last` (-1 for a new stream) and returns the revision behind it. An answer that comes after
 * the wait counts all the same: it goes to the ledger.
 * @throws when there was none in time, or when the append failed.
 */
export const appendBatch = async (
  client: EventStoreDBClient,
  ledger: Ledger,
  stream: string,
  last: bigint,
  count: number,
): Promise<bigint> => {
  const append = randomUUID();
  const parts = Array.from({ length: count }, (_, index) =>
    jsonEvent<{ type: 'Part'; data: PartData }>({ type: 'Part', data: { append, index, count } }),
  );
  ledger.sent({ append, stream, count });
  const answered = client.appendToStream(stream, parts, { expectedRevision: last < 0n ? NO_STREAM : last }).then(
    ({ nextExpectedRevision: revision, position }) => {
      ledger.acknowledged(append, { revision, position: position?.commit ?? -1n });
      return revision;
    },
    (error: unknown) => {
      if (error instanceof WrongExpectedVersionError) ledger.refused(append, { stream, expected: last });
      throw error;
    },
  );
  ledger.inFlight++;
  try {
    return await withinLimit(answered, APPEND_WAIT_MAX_MS, 'an append');
  } finally {
    ledger.inFlight--;
  }
};

export type Writing = Readonly<{
  /** Resolves with the first answer: only then is it certain that appends are at the server, and not in a client that connects. */
  answered: Promise<void>;
  /** Lets no writer begin another append. */
  stop: () => void;
  /** Resolves when all have their last answer, or none in time. */
  over: Promise<unknown>;
}>;

/** 64 writers, each appending to a stream of its own, one batch after the other, until the first failure: what then is there, only the log knows. */
export const startWriters = (client: EventStoreDBClient, ledger: Ledger, check: LogCheck, random: () => number): Writing => {
  let isOver = false;
  let tell = (): void => undefined;
  const answered = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const write = async (stream: string): Promise<void> => {
    let revision = check.lastRevision(stream);
    try {
      while (!isOver) {
        revision = await appendBatch(client, ledger, stream, revision, 1 + Math.floor(random() * BATCH_EVENTS_MAX));
        tell();
      }
    } catch {
      // In doubt, or refused because one in doubt has landed: the check of the log knows which it may be.
    }
  };
  const over = Promise.all(Array.from({ length: WRITERS }, (_, n) => write(`killed-${n}`)));
  return {
    answered,
    stop: () => {
      isOver = true;
    },
    over,
  };
};

/** Feeds the check with everything behind what it has seen. */
export const readOn = async (client: EventStoreDBClient, check: LogCheck): Promise<void> => {
  const from = check.position < 0n ? {} : { fromPosition: { commit: check.position, prepare: check.position } };
  for await (const { event } of client.readAll(from)) {
    if (event === undefined || event.streamId.startsWith('$') || event.position.commit === check.position) continue;
    const data = event.data as PartData;
    check.event({ ...data, stream: event.streamId, revision: event.revision, position: event.position.commit, id: event.id });
  }
};
