/** What a run is told by its environment (`k6 run -e NAME=value`). Only whole runs, `SCALE` = 1, give figures that count. */
export const baseUrl = __ENV.BASE_URL ?? 'http://127.0.0.1:8080';
export const commandUrl = __ENV.COMMAND_URL ?? baseUrl;
export const queryUrl = __ENV.QUERY_URL ?? baseUrl;
/** gRPC servers as host:port, parted by commas; virtual users share them evenly. */
export const grpcAddresses = (__ENV.GRPC_ADDR ?? '127.0.0.1:5000').split(',');
/** Whoever works through the queue: its metrics tell how much waits. */
export const workerUrl = __ENV.WORKER_URL ?? commandUrl;

/** Shrinks time and virtual users of every scenario for a quick look. */
export const scale = Number(__ENV.SCALE ?? '1');

/** Visits before the run, in a generation of their own; 0 meets the shop as it has just started. */
export const warmVisits = Number(__ENV.WARM ?? '0');

/** A process will be killed in mid-run: times and failed tries are then reported, only right ends are demanded. */
export const faultsExpected = __ENV.FAULTS === '1';

/** `n` virtual users at full scale. At least ten, and a multiple of five so that five policies share them evenly. */
export const users = (n: number): number => Math.max(10, Math.round((n * scale) / 5) * 5);

/** `s` seconds at full scale, at least one. */
export const scaledSeconds = (s: number): number => Math.max(1, Math.round(s * scale));

/** A duration of `s` seconds at full scale, as k6 writes it. */
export const seconds = (s: number): string => `${scaledSeconds(s)}s`;
