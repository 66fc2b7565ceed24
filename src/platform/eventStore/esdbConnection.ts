import type { EventStoreDBClient } from '@eventstore/db-client';
import { AppendEncoding } from './appendEncoding.ts';
import { AppendWindow } from './appendWindow.ts';
import { decodeEvents, guardBatchAppends, shutDown } from './clientGuard.ts';
import { checkConnectionString, openClient } from './connectionString.ts';
import { EventDecoding } from './eventDecoding.ts';
import { StoreUnavailable } from './eventStore.ts';

/** Errors in a row, other than answers of the domain, after which a new client is made (CL4). */
const ERRORS_IN_A_ROW_MAX = 3;
/** A client made for errors lives at least so long, in milliseconds: the pace of attempts at a server that is away. */
const CLIENT_LIFE_MIN_MS = 250;
/** How long the end of an old client may hold up the next, in milliseconds. */
const SHUT_DOWN_MAX_MS = 200;

/** Facts for the log; pino's loggers fit. */
export type StoreLog = Readonly<{
  info: (fields: Record<string, unknown>, message: string) => void;
  warn: (fields: Record<string, unknown>, message: string) => void;
}>;
export const silent: StoreLog = { info: () => {}, warn: () => {} };

/** Ends something under way, saying why. */
export type Interrupt = (why: string) => void;

/** One client from its making to its end, with everything that is under way on it. */
export type Generation = {
  readonly client: EventStoreDBClient;
  readonly madeAt: number;
  readonly appends: Set<Interrupt>;
  readonly reads: Set<Interrupt>;
  errorsInARow: number;
};

const interruptAll = (underWay: Set<Interrupt>, why: string): void => {
  for (const interrupt of [...underWay]) interrupt(why);
  underWay.clear();
};

let clientsMade = 0;
let openClients = 0;
const forgetClient = (): void => {
  openClients -= 1;
};

/** How many clients this process has open: never more than one (CL2). */
export const clientsOpen = (): number => openClients;

/** The one client of this process, made anew when it has gone bad. */
export class EsdbConnection {
  readonly window = new AppendWindow();
  /** Proven once for all clients of the process: they are of one package. */
  readonly encoding = new AppendEncoding(() =>
    this.log.warn({}, 'the event store client is not as expected: it encodes appends itself, slower'),
  );
  readonly decoding = new EventDecoding(() =>
    this.log.warn({}, 'the event store client is not as expected: it decodes events itself, slower'),
  );
  private generation: Generation | undefined;
  private opening: Promise<Generation> | undefined;
  private leaving: Promise<void>;
  private closing: Promise<void> | undefined;
  private readonly url: string;
  private readonly log: StoreLog;
  private readonly now: () => number;

  /** @throws Error when the connection string is wrong. `now` is monotonic, in milliseconds; no client is made before `after`. */
  constructor(url: string, log: StoreLog, now: () => number, after: Promise<void>) {
    checkConnectionString(url);
    this.url = url;
    this.log = log;
    this.now = now;
    this.leaving = after;
  }

  /** The client of now, or undefined while it is being replaced: then `open`. */
  get current(): Generation | undefined {
    return this.generation;
  }

  /** A new client, once the old one is gone: a broken call of one would reject the appends of the other (CL2). */
  open(): Promise<Generation> {
    if (this.closing !== undefined) return Promise.reject(new StoreUnavailable('the event store is closed'));
    this.opening ??= this.leaving.then(() => {
      this.opening = undefined;
      if (this.closing !== undefined) throw new StoreUnavailable('the event store is closed');
      this.generation ??= this.make();
      return this.generation;
    });
    return this.opening;
  }

  /** Something on this client was answered, be it by a refusal. */
  worked(generation: Generation): void {
    generation.errorsInARow = 0;
  }

  /** Something on this client failed for another reason than the request's own. */
  failed(generation: Generation): void {
    generation.errorsInARow += 1;
    if (generation.errorsInARow < ERRORS_IN_A_ROW_MAX || this.now() - generation.madeAt < CLIENT_LIFE_MIN_MS) return;
    this.drop(generation, `${generation.errorsInARow} errors in a row`);
  }

  /** Ends a client and all that is under way on it. */
  drop(generation: Generation, why: string): void {
    if (this.generation !== generation) return;
    this.generation = undefined;
    this.log.warn({ why }, 'event store client dropped');
    this.leaving = shutDown(generation.client, SHUT_DOWN_MAX_MS).then(forgetClient, forgetClient);
    interruptAll(generation.appends, why);
    interruptAll(generation.reads, why);
  }

  close(): Promise<void> {
    if (this.generation !== undefined) this.drop(this.generation, 'the event store was closed');
    this.closing = this.leaving;
    return this.closing;
  }

  private make(): Generation {
    const client = openClient(this.url, clientsMade);
    clientsMade += 1;
    openClients += 1;
    const generation: Generation = { client, madeAt: this.now(), appends: new Set(), reads: new Set(), errorsInARow: 0 };
    guardBatchAppends(client, this.encoding, {
      broken: (why, clientRecovers) => {
        interruptAll(generation.appends, why);
        if (clientRecovers) this.failed(generation);
        else this.drop(generation, why);
      },
      unexpectedAnswer: () => this.log.warn({}, 'the event store answered an append that nobody waits for'),
    });
    decodeEvents(client, this.decoding);
    return generation;
  }
}

let lastClosed: Promise<void> = Promise.resolve();
let shared: { url: string; connection: EsdbConnection; users: number } | undefined;

/**
 * The connection of this process; every adapter for the same address shares it. The last to release it closes it.
 * @throws Error when the process is connected to another address (CL2).
 */
export const acquireConnection = (
  url: string,
  log: StoreLog,
  now: () => number,
): { connection: EsdbConnection; release: () => Promise<void> } => {
  if (shared !== undefined && shared.url !== url) throw new Error('this process is connected to another event store: close that first');
  shared ??= { url, connection: new EsdbConnection(url, log, now, lastClosed), users: 0 };
  const mine = shared;
  mine.users += 1;
  const release = async () => {
    mine.users -= 1;
    if (mine.users > 0) return;
    if (shared === mine) shared = undefined;
    lastClosed = mine.connection.close();
    await lastClosed;
  };
  return { connection: mine.connection, release };
};
