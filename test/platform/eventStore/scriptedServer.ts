import { randomUUID } from 'node:crypto';
import featuresService from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import features from '@eventstore/db-client/generated/serverfeatures_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import status from '@eventstore/db-client/generated/status_pb.js';
import streamsService from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import {
  status as code,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerWritableStream,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import anyPb from 'google-protobuf/google/protobuf/any_pb.js';

type AppendCall = ServerDuplexStream<streams.BatchAppendReq, streams.BatchAppendResp>;
export type ReadCall = ServerWritableStream<streams.ReadReq, streams.ReadResp>;
type ErrorName = 'WrongExpectedVersion' | 'StreamDeleted' | 'AccessDenied' | 'Timeout' | 'MaximumAppendSizeExceeded' | 'Unknown';

/** One append as it reached the server, and what may be done with it. */
export type ReceivedAppend = Readonly<{
  number: number;
  stream: string;
  ids: readonly string[];
  /** The expected revision as sent, or `no_stream`. */
  expected: string;
  request: streams.BatchAppendReq;
  call: AppendCall;
  /** Writes it to the server's memory: `readStream` will find it. */
  commit: () => void;
  /** Answers with success, as if written; the place is the one committed unless given. */
  answer: (place?: { revision: string; position: string }) => void;
  /** Answers an append that nobody sent. */
  answerUnknown: () => void;
  answerError: (name: ErrorName) => void;
  /** Fails the whole call. */
  breakCall: (code: number, trailers?: Record<string, string>) => void;
}>;

type Script = {
  /** The n-th question about features, from 0: a gRPC code fails it, text says that nothing is supported. */
  features: (nth: number) => number | string | undefined;
  append: (append: ReceivedAppend) => void;
  /** The n-th read or subscription; `false` lets the server answer from its memory. */
  read: (call: ReadCall, nth: number) => boolean;
};

const uuid = (text: string) => new shared.UUID().setString(text);
const nameOf = (name: string) => new shared.StreamIdentifier().setStreamName(Buffer.from(name).toString('base64'));

export const message = {
  event: (
    stream: string,
    revision: string,
    position: string,
    { type = 'Counted', id = randomUUID() as string, prepare = position } = {},
  ) => {
    const recorded = new streams.ReadResp.ReadEvent.RecordedEvent();
    recorded.setId(uuid(id)).setStreamIdentifier(nameOf(stream)).setStreamRevision(revision);
    recorded.setCommitPosition(position).setPreparePosition(prepare).setData(Buffer.from('{"by":1}').toString('base64'));
    recorded.getMetadataMap().set('type', type).set('content-type', 'application/json').set('created', '17000000000000000');
    return new streams.ReadResp().setEvent(new streams.ReadResp.ReadEvent().setEvent(recorded).setCommitPosition(position));
  },
  confirmation: () => new streams.ReadResp().setConfirmation(new streams.ReadResp.SubscriptionConfirmation().setSubscriptionId('s')),
  caughtUp: () => new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp()),
  checkpoint: (commit: string, prepare = commit) =>
    new streams.ReadResp().setCheckpoint(new streams.ReadResp.Checkpoint().setCommitPosition(commit).setPreparePosition(prepare)),
  notFound: (stream: string) =>
    new streams.ReadResp().setStreamNotFound(new streams.ReadResp.StreamNotFound().setStreamIdentifier(nameOf(stream))),
};

export const streamIn = (call: ReadCall): string =>
  Buffer.from(call.request.getOptions()?.getStream()?.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString();

/**
 * A server that speaks the features call, BatchAppend and Read as EventStoreDB does, and misbehaves as its
 * script says. Without a script it appends whatever comes.
 */
export class ScriptedServer {
  script: Script = { features: () => undefined, append: (append) => this.accept(append), read: () => false };
  readonly seen = {
    features: 0,
    appends: 0,
    batchCalls: 0,
    unaryAppends: 0,
    reads: 0,
    openReads: 0,
    cancelledReads: 0,
    connections: new Set<string>(),
  };
  /** Ids of the events of each unary append that came to its end. */
  readonly unary: string[][] = [];
  private readonly log = new Map<string, { id: string; position: number }[]>();
  private position = 100;
  private server = new Server();
  port = 0;

  static async start(): Promise<ScriptedServer> {
    const scripted = new ScriptedServer();
    await scripted.listen();
    return scripted;
  }

  get url(): string {
    return `esdb://127.0.0.1:${this.port}?tls=false`;
  }

  idsIn(stream: string): string[] {
    return (this.log.get(stream) ?? []).map(({ id }) => id);
  }

  readonly accept = ({ commit, answer }: ReceivedAppend): void => {
    commit();
    answer();
  };

  /** As kill -9: all connections are gone, the port is free. */
  crash(): void {
    this.server.forceShutdown();
  }

  /** Listens again, on the same port. */
  async listen(): Promise<void> {
    this.server = new Server();
    this.server.addService(
      featuresService.ServerFeaturesService as never,
      { getSupportedMethods: this.answerFeatures } as unknown as UntypedServiceImplementation,
    );
    this.server.addService(
      streamsService.StreamsService as never,
      { read: this.answerRead, batchAppend: this.answerAppends, append: this.refuseUnary } as unknown as UntypedServiceImplementation,
    );
    this.port = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync(`127.0.0.1:${this.port}`, ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
  }

  private readonly answerFeatures = (_: unknown, done: (error: object | null, supported?: features.SupportedMethods) => void) => {
    const answer = this.script.features(this.seen.features++);
    if (typeof answer === 'number') return done({ code: answer, details: 'scripted' });
    const method = new features.SupportedMethod().setServiceName('event_store.client.streams.streams').setMethodName('batchappend');
    const supported = new features.SupportedMethods().setEventStoreServerVersion('24.6.0');
    if (answer === undefined) supported.addMethods(method);
    return done(null, supported);
  };

  private readonly refuseUnary = (call: ServerReadableStream<streams.AppendReq, streams.AppendResp>, done: (error: object) => void) => {
    const ids: string[] = [];
    this.seen.unaryAppends += 1;
    call.on('error', () => {});
    call.on(
      'data',
      (part: streams.AppendReq) => part.hasProposedMessage() && ids.push(part.getProposedMessage()?.getId()?.getString() ?? ''),
    );
    call.on('end', () => {
      this.unary.push(ids);
      done({ code: code.UNIMPLEMENTED, details: 'scripted' });
    });
  };

  private readonly answerAppends = (call: AppendCall) => {
    this.seen.batchCalls += 1;
    this.seen.connections.add(call.getPeer());
    call.on('error', () => {});
    call.on('data', (request: streams.BatchAppendReq) => this.script.append(this.received(call, request)));
    call.on('end', () => call.end());
  };

  private received(call: AppendCall, request: streams.BatchAppendReq): ReceivedAppend {
    const options = request.getOptions();
    const identifier = options?.getStreamIdentifier();
    const stream = Buffer.from(identifier?.getStreamName_asU8() ?? []).toString();
    const ids = request.getProposedMessagesList().map((proposed) => proposed.getId()?.getString() ?? '');
    const response = (to = request.getCorrelationId()) =>
      new streams.BatchAppendResp().setCorrelationId(to).setStreamIdentifier(identifier);
    const commit = () => {
      const events = this.log.get(stream) ?? [];
      for (const id of ids) {
        this.position += 100;
        events.push({ id, position: this.position });
      }
      this.log.set(stream, events);
    };
    return {
      number: this.seen.appends++,
      stream,
      ids,
      expected: options?.hasNoStream() ? 'no_stream' : (options?.getStreamPosition() ?? ''),
      request,
      call,
      commit,
      answer: ({ revision, position } = this.placeIn(stream)) => {
        const place = new shared.AllStreamPosition().setCommitPosition(position).setPreparePosition(position);
        call.write(response().setSuccess(new streams.BatchAppendResp.Success().setCurrentRevision(revision).setPosition(place)));
      },
      answerUnknown: () => void call.write(response(uuid(randomUUID())).setSuccess(new streams.BatchAppendResp.Success())),
      answerError: (name) => void call.write(response().setError(statusOf(name))),
      breakCall: (status, trailers = {}) => {
        const metadata = new Metadata();
        for (const [key, value] of Object.entries(trailers)) metadata.set(key, value);
        call.emit('error', { code: status, details: 'scripted', metadata });
      },
    };
  }

  private placeIn(stream: string) {
    const events = this.log.get(stream) ?? [];
    return { revision: String(events.length - 1), position: String(events.at(-1)?.position ?? 0) };
  }

  private readonly answerRead = (call: ReadCall) => {
    call.on('error', () => {});
    this.seen.openReads += 1;
    // Told at the end of every call; cancelled is one that had not ended here.
    call.on('cancelled', () => {
      this.seen.openReads -= 1;
      if (!call.writableEnded) this.seen.cancelledReads += 1;
    });
    if (this.script.read(call, this.seen.reads++)) return;
    const stream = streamIn(call);
    const events = this.log.get(stream);
    const from = Number(call.request.getOptions()?.getStream()?.getRevision() ?? 0);
    if (events === undefined) call.write(message.notFound(stream));
    events
      ?.slice(from)
      .forEach(({ id, position }, i) => void call.write(message.event(stream, String(from + i), String(position), { id })));
    call.end();
  };
}

const details = {
  WrongExpectedVersion: () => new shared.WrongExpectedVersion().setCurrentStreamRevision('41').setExpectedStreamPosition('7'),
  StreamDeleted: () => new shared.StreamDeleted(),
  AccessDenied: () => new shared.AccessDenied(),
  Timeout: () => new shared.Timeout(),
  MaximumAppendSizeExceeded: () => new shared.MaximumAppendSizeExceeded().setMaxappendsize(1_048_576),
  Unknown: () => new shared.Unknown(),
};

const statusOf = (name: ErrorName): status.Status => {
  const any = new anyPb.Any();
  any.pack(details[name]().serializeBinary(), `event_store.client.${name}`);
  return new status.Status()
    .setCode(6 as never)
    .setMessage('scripted')
    .setDetails(any);
};
