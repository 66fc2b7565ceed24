import { randomUUID } from 'node:crypto';
import { BatchAppend } from './appends/batchAppend.ts';
import { deleteStream } from './appends/deletion.ts';
import { Log } from './appends/log.ts';
import { unaryAppend } from './appends/unaryAppend.ts';
import { readEvents } from './reads/read.ts';
import { readReadRequest } from './reads/readMessages.ts';
import { subscribe } from './reads/subscription.ts';
import { clusterInfo, supportedMethods } from './serverInfo.ts';
import { NoSuchPosition, openStorage, type Storage } from './storage/storage.ts';
import { writeSystemEvents } from './systemEvents.ts';
import { type Call, CallFailed, frame, Status } from './transport/grpc.ts';
import { ProtoReader } from './transport/protobuf.ts';
import { type Handler, Transport } from './transport/transport.ts';

export { DataDirInUse } from './storage/writerLock.ts';

export type EventStoreServerOptions = Readonly<{
  host: string;
  /** 0 takes any free port. */
  port: number;
  /** Made if it is not there. */
  dataDir: string;
  /** Answers without waiting for the disk: a crash of the machine loses events. For throw-away stores only. */
  ephemeral?: boolean;
  allowProduction?: boolean;
  /** Unix time in milliseconds, of events and of what `$maxAge` leaves; the machine's by default. */
  clock?: () => number;
  /** Called once when the disk fails: the server has cut all connections and serves no more. By default the process ends with status 1. */
  onFatal?: (error: Error) => void;
}>;

export type EventStoreServer = Readonly<{
  /** `esdb://127.0.0.1:PORT?tls=false` */
  url: string;
  port: number;
  /** Finishes and answers the appends taken in, ends every call as unavailable, closes the folder. */
  stop(): Promise<void>;
}>;

const STREAMS = '/event_store.client.streams.Streams';

const endProcess = (error: Error): void => {
  process.stderr.write(`event store: stopped, nothing acknowledged is lost: ${error.message}\n`);
  process.exit(1);
};

/** A call of one request message and one answer. */
const unary = (answer: () => Buffer): Handler => {
  return (call) => {
    call.receive({
      message: () => undefined,
      end: () => {
        call.send(frame(answer()));
        call.finish(Status.ok);
      },
    });
  };
};

const read = (call: Call, storage: Storage, log: Log, clock: () => number): void => {
  let started = false;
  const fail = (error: unknown): void => {
    call.fail(error instanceof NoSuchPosition ? new CallFailed(Status.invalidArgument, error.message) : error);
  };
  call.receive({
    message: (bytes) => {
      if (started) return;
      started = true;
      const request = readReadRequest(new ProtoReader(bytes));
      if (request.maxCount === undefined) subscribe(call, storage, log, request, clock).catch(fail);
      else readEvents(call, storage, request, request.maxCount, clock).catch(fail);
    },
    end: () => {
      if (!started) throw new CallFailed(Status.invalidArgument, 'a read without a request');
    },
  });
};

/** The calls that are served. */
const routesOf = (storage: Storage, log: Log, clock: () => number, gossip: () => Buffer): ReadonlyMap<string, Handler> =>
  new Map<string, Handler>([
    [`${STREAMS}/BatchAppend`, (call) => new BatchAppend(call, log, clock).serve()],
    [`${STREAMS}/Append`, (call) => unaryAppend(call, log, clock)],
    [`${STREAMS}/Delete`, (call) => deleteStream(call, log, 'soft', clock)],
    [`${STREAMS}/Tombstone`, (call) => deleteStream(call, log, 'tombstone', clock)],
    [`${STREAMS}/Read`, (call) => read(call, storage, log, clock)],
    ['/event_store.client.server_features.ServerFeatures/GetSupportedMethods', unary(supportedMethods)],
    ['/event_store.client.gossip.Gossip/Read', unary(gossip)],
  ]);

/** Serves an open database until `stop`, which leaves it open. */
const serve = async (storage: Storage, options: EventStoreServerOptions): Promise<EventStoreServer> => {
  const { host, port, onFatal = endProcess, clock = Date.now } = options;
  const log = new Log(storage, clock, (error) => {
    transport.cut();
    onFatal(error);
  });
  const instanceId = randomUUID();
  const gossip = () => clusterInfo(instanceId, transport.address.address, transport.address.port, clock());
  const transport = new Transport(routesOf(storage, log, clock, gossip));
  await writeSystemEvents(storage, log);
  await transport.listen(host, port);
  const actual = transport.address.port;
  const stop = async (): Promise<void> => {
    transport.pause();
    await log.settled();
    // Answers leave in a microtask behind their write; no call may end before.
    await new Promise<void>((resolve) => setImmediate(resolve));
    await transport.close();
    // An append that slipped in meanwhile is unanswered, but the database must not be closed under it.
    await log.settled();
  };
  return { url: `esdb://${host}:${actual}?tls=false`, port: actual, stop };
};

/**
 * Starts a single-node event store that speaks EventStoreDB's gRPC protocol over HTTP/2 in clear text.
 * @throws DataDirInUse when another server holds the folder; an Error when the port is taken, or when `NODE_ENV` is
 * `production` without leave.
 */
export const startEventStore = async (options: EventStoreServerOptions): Promise<EventStoreServer> => {
  if (process.env.NODE_ENV === 'production' && options.allowProduction !== true) {
    throw new Error('the embedded event store is not for production: point EVENTSTORE_URL at an EventStoreDB, or allow it by name');
  }
  const storage = openStorage(options.dataDir, options.ephemeral !== true);
  try {
    const server = await serve(storage, options);
    let stopped: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      stopped ??= server.stop().then(() => storage.close());
      return stopped;
    };
    return { ...server, stop };
  } catch (error) {
    await storage.close();
    throw error;
  }
};
