import { ProtoWriter } from './transport/protobuf.ts';

/** The EventStoreDB version whose protocol and semantics this server follows; the suffix says that it is not it. */
export const SERVER_VERSION = '24.6.0-tillstream';

const STREAMS = 'event_store.client.streams.streams';
/** What clients may use, in the spelling they look for: all lower case. */
const METHODS = [
  { method: 'append', features: [] },
  { method: 'batchappend', features: ['deadline_duration'] },
  { method: 'delete', features: [] },
  { method: 'read', features: ['position', 'events'] },
  { method: 'tombstone', features: [] },
] as const;

/** `SupportedMethods` of `ServerFeatures/GetSupportedMethods`. */
export const supportedMethods = (): Buffer => {
  const writer = new ProtoWriter();
  for (const { method, features } of METHODS) {
    writer.message(1, (supported) => {
      supported.string(1, method).string(2, STREAMS);
      for (const feature of features) supported.string(3, feature);
    });
  }
  return writer.string(2, SERVER_VERSION).take();
};

const LEADER = 8;

/** `ClusterInfo` of `Gossip/Read`: a cluster of one, always its leader. */
export const clusterInfo = (instanceId: string, host: string, port: number, nowMs: number): Buffer => {
  const writer = new ProtoWriter();
  writer.message(1, (member) => {
    member.message(1, (id) => id.string(2, instanceId));
    member.uint(2, BigInt(Math.floor(nowMs)) * 10_000n).uint(3, LEADER);
    member.uint(4, 1).message(5, (endpoint) => endpoint.string(1, host).uint(2, port));
  });
  return writer.take();
};
