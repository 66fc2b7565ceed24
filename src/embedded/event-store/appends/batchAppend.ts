import { APPEND_DATA_BYTES_MAX, OUTPUT_CHUNK_BYTES, STAGED_BYTES_MAX, UNFINISHED_APPENDS_MAX } from '../limits.ts';
import type { ProposedEvent } from '../storage/record.ts';
import { type Call, CallFailed, putFrame, Status } from '../transport/grpc.ts';
import { ProtoReader, ProtoWriter } from '../transport/protobuf.ts';
import type { Half } from '../transport/receivingBudget.ts';
import { type AppendFailure, putBatchAppendAnswer } from './appendAnswers.ts';
import {
  type AppendOptions,
  BadAppend,
  type BatchAppendChunk,
  checkStreamName,
  readBatchAppendChunk,
  readEvents,
} from './appendMessages.ts';
import type { AppendResult, Log } from './log.ts';

/** An append of which not all chunks have come. */
type Unfinished = {
  readonly options: AppendOptions;
  readonly correlationId: Buffer;
  readonly events: ProposedEvent[];
  dataBytes: number;
  memory: Half | undefined;
};

/**
 * `Streams/BatchAppend`: any number of appends over one call, each in one or more chunks. Every append is answered exactly
 * once, in the order in which they become durable. A refused append is an answer; it does not end the call.
 */
export class BatchAppend {
  readonly #call: Call;
  readonly #log: Log;
  readonly #clock: () => number;
  readonly #unfinished = new Map<string, Unfinished>();
  /** Appends begun and not yet answered. */
  #pending = 0;
  /** Whether the client may send more. */
  #input: 'open' | 'ended' = 'open';
  #paused = false;
  /** Answers that wait for the end of their turn, and how many. */
  readonly #answers = new ProtoWriter();
  #answered = 0;

  constructor(call: Call, log: Log, clock: () => number) {
    this.#call = call;
    this.#log = log;
    this.#clock = clock;
  }

  serve(): void {
    this.#call.onClose(() => this.#forget());
    this.#call.receive({
      message: (bytes) => this.#take(readBatchAppendChunk(new ProtoReader(bytes), this.#clock()), bytes.length),
      end: () => {
        this.#input = 'ended';
        this.#pending -= this.#unfinished.size;
        this.#forget();
        this.#finishIfDone();
      },
    });
  }

  #take(chunk: BatchAppendChunk, bytes: number): void {
    const key = chunk.correlationId.toString('latin1');
    const append = this.#unfinished.get(key) ?? this.#begin(chunk);
    // A chunk that belongs to nothing, such as the rest of an append already refused, is passed over.
    if (append === undefined) return;
    const failure = this.#add(append, chunk);
    if (failure === undefined && !chunk.isFinal) {
      this.#unfinished.set(key, append);
      append.memory ??= this.#call.half();
      append.memory.grow(bytes);
      return;
    }
    this.#unfinished.delete(key);
    append.memory?.end();
    if (failure !== undefined) this.#answer(append, failure);
    else this.#log.append({ ...append.options, events: append.events }, (result) => this.#answer(append, result));
    this.#relieve();
  }

  #begin({ options, correlationId }: BatchAppendChunk): Unfinished | undefined {
    if (options === undefined) return undefined;
    if (this.#unfinished.size >= UNFINISHED_APPENDS_MAX) {
      throw new CallFailed(Status.resourceExhausted, `more than ${UNFINISHED_APPENDS_MAX} unfinished appends in one call`);
    }
    this.#pending++;
    return { options, correlationId, events: [], dataBytes: 0, memory: undefined };
  }

  #forget(): void {
    for (const { memory } of this.#unfinished.values()) memory?.end();
    this.#unfinished.clear();
  }

  /** Takes in a chunk's events; returns why the append cannot be, if so. */
  #add(append: Unfinished, chunk: BatchAppendChunk): AppendFailure | undefined {
    try {
      checkStreamName(append.options.stream);
      for (const event of readEvents(chunk.events)) {
        append.events.push(event);
        append.dataBytes += event.data.length;
      }
    } catch (error) {
      if (error instanceof BadAppend) return { kind: 'bad-request', message: error.message };
      throw error;
    }
    return append.dataBytes > APPEND_DATA_BYTES_MAX ? { kind: 'too-large', maxBytes: APPEND_DATA_BYTES_MAX } : undefined;
  }

  #answer({ correlationId, options }: Unfinished, result: AppendResult | AppendFailure): void {
    putFrame(this.#answers, (writer) => putBatchAppendAnswer(writer, correlationId, options, result));
    // Answers that become known together leave together.
    if (this.#answered++ === 0) queueMicrotask(() => this.#send());
  }

  #send(): void {
    this.#call.send(this.#answers.take(Math.min(this.#answers.length, OUTPUT_CHUNK_BYTES)));
    this.#pending -= this.#answered;
    this.#answered = 0;
    this.#finishIfDone();
    this.#relieve();
  }

  /** The client has said its last and got all its answers: only then may the call end well. */
  #finishIfDone(): void {
    if (this.#input === 'ended' && this.#pending === 0) this.#call.finish(Status.ok);
  }

  /** A client that takes no answers, or a disk that lags, stops the reading of further appends for a while. */
  #relieve(): void {
    const isBusy = this.#call.isFull || this.#log.stagedBytes > STAGED_BYTES_MAX;
    if (!isBusy || this.#paused) return;
    this.#paused = true;
    this.#call.pause();
    void this.#resumeLater();
  }

  async #resumeLater(): Promise<void> {
    await this.#call.writable();
    if (this.#log.stagedBytes > STAGED_BYTES_MAX) await this.#log.settled();
    this.#paused = false;
    this.#call.resume();
  }
}
