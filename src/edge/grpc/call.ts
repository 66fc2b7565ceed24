import { Metadata, type ServerUnaryCall, type ServerWritableStream, status, type UntypedHandleCall } from '@grpc/grpc-js';
import { correlationIdFrom } from '../../platform/http.ts';
import { readKey } from '../../platform/idempotency.ts';
import { readPosition } from '../../platform/input.ts';
import type { Admission } from '../../platform/loadShedding.ts';
import type { Logger } from '../../platform/log.ts';
import { Problem } from '../../platform/problem.ts';
import type { RequestDurations } from '../../platform/requestDurations.ts';
import { sparingly } from '../../platform/sparingly.ts';
import { codeOf } from './status.ts';
import type { Message, WireFault } from './wire.ts';

/** What the metadata of a call says: `idempotency-key`, `x-correlation-id`, `read-after`. */
export type Context = Readonly<{ key: string | null; correlationId: string; readAfter: bigint | null }>;

/** `readAfter`: the position that lists do not show yet, if so. `replayed`: the answer to an earlier call under the same key. */
export type Reply = Readonly<{ message: object; readAfter: bigint | null; replayed: boolean }>;

export type Call = (asked: Message, context: Context) => Promise<Reply>;
/** By their paths, `/package.Service/Method`. */
export type Calls = Readonly<Record<string, Call>>;

/** What came over the wire, read or not. */
export type Received = Readonly<{ message: Message } | { fault: WireFault }>;

/** What all calls of a server share. */
export type CallParts = Readonly<{
  admission: Admission;
  durations: RequestDurations;
  log: Logger;
  /** Gives errors of the inside their names; `null` for those it does not know. */
  explain: (error: unknown) => Problem | null;
}>;

/** Milliseconds for a call, whatever its client allows: more than a command and the views may take together. */
const CALL_MS_MAX = 10_000;
/** Lines a second in the log about calls that were turned away. */
const TURNED_AWAY_LINES_MAX = 20;

type Incoming = ServerUnaryCall<Received, object> | ServerWritableStream<Received, object>;
type Failure = Readonly<{ code: status; details: string; metadata: Metadata }>;
type Answered = Readonly<{ message: object; trailer: Metadata | null } | { failure: Failure }>;

const textOf = (metadata: Metadata, name: string): string | undefined => metadata.get(name)[0]?.toString();

/**
 * Runs calls: turns away what is too much, reads the metadata, tells problems by their status, times every call. A command whose
 * client is gone goes on: it cannot be taken back.
 */
export class CallRunner {
  private readonly parts: CallParts;
  private readonly turnedAway = sparingly(TURNED_AWAY_LINES_MAX);

  constructor(parts: CallParts) {
    this.parts = parts;
  }

  unary(path: string, run: Call): UntypedHandleCall {
    return async (
      call: ServerUnaryCall<Received, object>,
      callback: (error: Failure | null, message?: object, trailer?: Metadata) => void,
    ) => {
      const answered = await this.answer(path, run, call);
      if ('failure' in answered) callback(answered.failure);
      else callback(null, answered.message, answered.trailer ?? undefined);
    };
  }

  /** A stream of exactly one message. */
  stream(path: string, run: Call): UntypedHandleCall {
    return async (call: ServerWritableStream<Received, object>) => {
      const answered = await this.answer(path, run, call);
      if ('failure' in answered) call.emit('error', answered.failure);
      else call.write(answered.message, () => call.end(answered.trailer ?? undefined));
    };
  }

  private async answer(path: string, run: Call, call: Incoming): Promise<Answered> {
    const { admission, durations } = this.parts;
    const begun = performance.now();
    const correlationId = correlationIdFrom(textOf(call.metadata, 'x-correlation-id'));
    let code = status.OK;
    let answered: Answered;
    try {
      admission.enter();
      try {
        answered = answerOf(await inTime(run(messageOf(call.request), contextOf(call.metadata, correlationId))));
      } finally {
        admission.leave();
      }
    } catch (error) {
      const failure = this.failureOf(error, path, correlationId);
      code = failure.code;
      answered = { failure };
    }
    durations.observe(path, 'gRPC', call.cancelled ? 'client left' : (status[code] as string), (performance.now() - begun) / 1_000);
    return answered;
  }

  private failureOf(error: unknown, path: string, correlationId: string): Failure {
    const { log, explain } = this.parts;
    const problem = error instanceof Problem ? error : (explain(error) ?? new Problem('internal', 'The error was logged.'));
    const code = codeOf(problem);
    if (code === status.INTERNAL) log.error({ err: error, correlationId, path }, 'a call failed');
    else if (code === status.UNAVAILABLE) {
      this.turnedAway((unsaid) =>
        log.warn({ err: error, correlationId, problem: problem.problem, path, unsaid }, 'a call was turned away'),
      );
    }
    const metadata = new Metadata();
    metadata.set('x-correlation-id', correlationId);
    metadata.set('problem', problem.problem);
    return { code, details: problem.extra.message ?? problem.message, metadata };
  }
}

const messageOf = (received: Received): Message => {
  if ('fault' in received) throw new Problem('invalid-request', received.fault.message);
  return received.message;
};

const contextOf = (metadata: Metadata, correlationId: string): Context => ({
  key: readKey(textOf(metadata, 'idempotency-key'), false),
  correlationId,
  readAfter: readPosition(textOf(metadata, 'read-after')),
});

const answerOf = ({ message, readAfter, replayed }: Reply): Answered => {
  if (readAfter === null && !replayed) return { message, trailer: null };
  const trailer = new Metadata();
  if (readAfter !== null) trailer.set('read-after', String(readAfter));
  if (replayed) trailer.set('idempotent-replayed', 'true');
  return { message, trailer };
};

const inTime = async (reply: Promise<Reply>): Promise<Reply> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Problem('unavailable', `There was no answer within ${CALL_MS_MAX} ms. It is not known whether this took effect.`)),
      CALL_MS_MAX,
    );
  });
  try {
    return await Promise.race([reply, late]);
  } finally {
    clearTimeout(timer);
  }
};
