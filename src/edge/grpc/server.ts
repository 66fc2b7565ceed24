import net from 'node:net';
import { type MethodDefinition, Server, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import type { HealthChecks, Listening } from '../../platform/http.ts';
import { type CallParts, CallRunner, type Calls, type Received } from './call.ts';
import { type Contract, fieldsOf, loadContract } from './contract.ts';
import { HealthService } from './health.ts';
import { readMessage, WireFault } from './wire.ts';

/** Bytes of a request, as many as a body over HTTP may have. */
const REQUEST_BYTES_MAX = 16 * 1024;
/** Bytes of the metadata of a request. */
const METADATA_BYTES_MAX = 8 * 1024;
/** Calls of one connection at once; its client holds back what is more. */
const STREAMS_MAX = 1_000;
/** MiB that one connection may occupy with what is under way. */
const CONNECTION_MIB_MAX = 10;
/** Connections at once; one more is closed before it costs anything. */
const CONNECTIONS_MAX = 10_000;
/** Milliseconds after which a connection without a call is closed, and in which a silent client must answer a ping. */
const IDLE_MS_MAX = 300_000;
const PING_EVERY_MS = 30_000;
const PING_MS_MAX = 10_000;
/** Milliseconds for calls under way when the server closes. */
const CLOSE_MS_MAX = 5_000;

const LIMITS = {
  'grpc.max_receive_message_length': REQUEST_BYTES_MAX,
  'grpc.max_metadata_size': METADATA_BYTES_MAX,
  'grpc.max_concurrent_streams': STREAMS_MAX,
  'grpc-node.max_session_memory': CONNECTION_MIB_MAX,
  'grpc.max_connection_idle_ms': IDLE_MS_MAX,
  'grpc.keepalive_time_ms': PING_EVERY_MS,
  'grpc.keepalive_timeout_ms': PING_MS_MAX,
  // Counts of every call and connection that nobody here would look at.
  'grpc.enable_channelz': 0,
} as const;

export type GrpcOptions = Readonly<{ calls: Calls; parts: CallParts; health: HealthChecks; host: string; port: number }>;

/**
 * Serves the calls in plain text, with reflection and the standard health service. `close` takes nothing new and lets calls under way finish.
 * @throws the system's EADDRINUSE when the port is taken.
 */
export const listenGrpc = async ({ calls, parts, health: checks, host, port }: GrpcOptions): Promise<Listening> => {
  const contract = loadContract();
  const server = new Server(LIMITS);
  for (const definition of Object.values(contract.services)) server.addService(strict(definition), handlersOf(definition, calls, parts));
  const health = new HealthService(checks);
  health.service.addToServer(server);
  reflect(contract, server);
  const listener = await listening(server, host, port);
  void health.start();
  return {
    port: (listener.address() as net.AddressInfo).port,
    close: async () => {
      health.stop();
      await closed(server, listener);
    },
  };
};

const reflect = ({ all }: Contract, server: Server): void => new ReflectionService(all).addToServer(server);

type Method = MethodDefinition<object, object> & Readonly<{ requestType: MessageTypeDefinition }>;

/** The same service, with requests read by the strict reader; one that cannot be read is still given to its handler, which tells so. */
const strict = (definition: ServiceDefinition): ServiceDefinition =>
  Object.fromEntries(
    Object.entries(definition).map(([name, method]) => {
      const fields = fieldsOf((method as unknown as Method).requestType);
      const requestDeserialize = (bytes: Buffer): Received => {
        try {
          return { message: readMessage(fields, bytes) };
        } catch (error) {
          if (error instanceof WireFault) return { fault: error };
          throw error;
        }
      };
      return [name, { ...method, requestDeserialize }];
    }),
  );

const handlersOf = (definition: ServiceDefinition, calls: Calls, parts: CallParts): UntypedServiceImplementation => {
  const runner = new CallRunner(parts);
  return Object.fromEntries(
    Object.entries(definition).map(([name, { path, responseStream }]) => {
      const call = calls[path];
      if (call === undefined) throw new Error(`nothing answers ${path}`);
      return [name, responseStream ? runner.stream(path, call) : runner.unary(path, call)];
    }),
  );
};

/** A listener of our own before the package's: it bounds connections, and says what is wrong with a port in the system's words. */
const listening = (server: Server, host: string, port: number): Promise<net.Server> => {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const listener = net.createServer({ noDelay: true }, (socket) => {
    // What goes wrong with a connection ends it, and is nobody's error but its client's.
    socket.on('error', () => socket.destroy());
    injector.injectConnection(socket);
  });
  listener.maxConnections = CONNECTIONS_MAX;
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(port, host, () => resolve(listener));
  });
};

const closed = async (server: Server, listener: net.Server): Promise<void> => {
  const ended = new Promise<void>((resolve) => listener.close(() => resolve()));
  const late = setTimeout(() => server.forceShutdown(), CLOSE_MS_MAX);
  server.tryShutdown(() => undefined);
  await ended;
  clearTimeout(late);
};
