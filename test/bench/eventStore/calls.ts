import { Client, credentials } from '@grpc/grpc-js';
import type { Measurement } from './bench.ts';
import { emptyCalls, type Figure } from './figure.ts';
import { drive, type Lane, measure, WARM_UP } from './load.ts';

const PATH = '/event_store.client.server_features.ServerFeatures/GetSupportedMethods';
const IN_FLIGHT = [1, 64] as const;
const EMPTY = Buffer.alloc(0);
const asIs = (bytes: Buffer): Buffer => bytes;

/** Unary calls that ask nothing, by the client's own transport: what any call to the server costs at the least. */
export const calls: Measurement = async (bench) => {
  const client = new Client(`${bench.host}:${bench.port}`, credentials.createInsecure());
  const call: Lane = () =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(PATH, asIs, asIs, EMPTY, (error) => (error ? reject(error) : resolve()));
    });
  const figures: Figure[] = [];
  for (const inFlight of IN_FLIGHT) {
    const lanes = Array.from({ length: inFlight }, () => call);
    await drive(lanes, WARM_UP);
    const limits = { ms: bench.seconds * 1_000, calls: Number.POSITIVE_INFINITY };
    figures.push(await measure({ name: emptyCalls(inFlight), subject: 'empty call' }, bench.pid, () => drive(lanes, limits)));
  }
  client.close();
  return figures;
};
