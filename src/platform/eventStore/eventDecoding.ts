import type { Transform } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import type { ResolvedEvent } from '@eventstore/db-client';
import type { ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import { toRecorded } from './esdbEvents.ts';
import type { RecordedEvent } from './eventStore.ts';
import { decodeEvent } from './readResponseMessage.ts';
import { Trust } from './trust.ts';

type Call = (...args: unknown[]) => unknown;
/** The generated client of the streams service, as far as it is used here. */
type Stub = {
  read: Call & { path: string; requestSerialize: unknown; responseDeserialize: (bytes: Buffer) => ReadResp };
  makeServerStreamRequest: Call;
};
/** The answers of the server go through this, and come out as events. */
type Answers = Pick<Transform, '_transform'>;

/** An event that needs no conversion, in the place of an answer from the server. */
class DecodedEvent {
  readonly event: RecordedEvent;

  constructor(event: RecordedEvent) {
    this.event = event;
  }

  /** The client asks this of every answer; what it does not find there it would pass over without a word. */
  hasEvent(): never {
    throw new Error('a read of the event store was not attached to its decoding');
  }
}

/**
 * The event in what a read or a subscription of the client gives, if there is one.
 * @throws Error when it has no proper position.
 */
export const recordedIn = (given: DecodedEvent | ResolvedEvent): RecordedEvent | undefined => {
  if (given instanceof DecodedEvent) return given.event;
  const { event }: Partial<ResolvedEvent> = given; // A link whose event is gone has none, whatever the type says.
  return event && toRecorded(event);
};

/**
 * How what is read becomes events. The client first makes a message object with all its parts,
 * and then another object of that; this reads the bytes once. It is trusted from the first event on that
 * it and the client read alike, and leaves to the client what is no plain event.
 */
export class EventDecoding {
  private readonly trust: Trust;
  /** Our reading of messages that the client converts, until there is trust. */
  private readonly compared = new WeakMap<object, RecordedEvent>();

  /** `refused` is told once, when the client is not what this was written for. */
  constructor(refused: () => void) {
    this.trust = new Trust(refused);
  }

  get isProven(): boolean {
    return this.trust.isGiven;
  }

  /** The client's stub of the streams service, with our reading of answers. All that is read through it must be given to `attach`. */
  around(stub: unknown): unknown {
    const { read, makeServerStreamRequest } = stub as Partial<Stub>;
    if (typeof read?.responseDeserialize !== 'function' || typeof makeServerStreamRequest !== 'function') {
      this.trust.refuse();
      return stub;
    }
    const { path, requestSerialize, responseDeserialize } = read;
    const decode = (bytes: Buffer) => this.decode(bytes, responseDeserialize);
    const call: Call = (...args) => makeServerStreamRequest.call(stub, path, requestSerialize, decode, ...args);
    return Object.create(stub as object, { read: { value: call } });
  }

  /** Leads decoded events past the conversion by the client. To be called before the first answer can come. */
  attach<T extends object>(reading: T): T {
    const answers = reading as Partial<Answers>;
    const convert = answers._transform?.bind(answers as Transform);
    if (convert === undefined) {
      this.trust.refuse();
      return reading;
    }
    answers._transform = (answer: unknown, encoding, done) => {
      if (answer instanceof DecodedEvent) done(null, answer);
      else if (this.trust.isSought) convert(answer, encoding, (error, converted) => done(error, this.compare(answer as object, converted)));
      else convert(answer, encoding, done);
    };
    return reading;
  }

  private decode(bytes: Buffer, theirs: (bytes: Buffer) => ReadResp): ReadResp | DecodedEvent {
    if (!this.trust.isGiven && !this.trust.isSought) return theirs(bytes);
    const event = decodeEvent(bytes);
    if (event === undefined) return theirs(bytes);
    if (this.trust.isGiven) return new DecodedEvent(event);
    const message = theirs(bytes);
    this.compared.set(message, event);
    return message;
  }

  private compare(message: object, converted: unknown): unknown {
    const ours = this.compared.get(message);
    if (ours !== undefined) this.trust.decide(() => isDeepStrictEqual(ours, recordedIn(converted as ResolvedEvent)));
    return converted;
  }
}
