import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ConnectionsFirst } from '../../src/platform/connectionsFirst.ts';
import { until } from '../support/processes.ts';

const CROWD = 60;
const REQUEST = 'GET / HTTP/1.1\r\nHost: till\r\n\r\n';

describe('a server that is busy while a crowd comes in', () => {
  let server: http.Server;
  let newcomers: ConnectionsFirst;
  let accepted: number;
  /** How many connections were accepted when each request was served. */
  let acceptedAtServe: number[];
  let sockets: net.Socket[];

  const connect = (): Promise<net.Socket> =>
    new Promise((resolve, reject) => {
      const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1', () => resolve(socket));
      socket.on('error', reject).on('data', () => undefined);
      sockets.push(socket);
    });
  /** Those inside ask, and a crowd knocks, all within one turn of the event loop that serves them. */
  const rush = async (inside: readonly net.Socket[]): Promise<void> => {
    for (const socket of inside) socket.write(REQUEST);
    const crowd = Array.from({ length: CROWD }, () => connect().then((socket) => void socket.write(REQUEST)));
    await Promise.all(crowd);
    await until(() => acceptedAtServe.length === inside.length + CROWD);
  };
  const serve = async (holdMaxMs: number): Promise<readonly net.Socket[]> => {
    newcomers = new ConnectionsFirst(holdMaxMs);
    server.on('connection', () => {
      accepted += 1;
      newcomers.accepted();
    });
    const inside = await Promise.all(Array.from({ length: 5 }, connect));
    await until(() => accepted === inside.length);
    await new Promise(setImmediate);
    return inside;
  };
  beforeEach(async () => {
    [accepted, acceptedAtServe, sockets] = [0, [], []];
    server = http.createServer((_req, res) =>
      newcomers.serve(() => {
        acceptedAtServe.push(accepted);
        res.end();
      }),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  it('takes all of them before it serves the next', async () => {
    const inside = await serve(60_000);
    await rush(inside);
    const afterFirst = acceptedAtServe.filter((count) => count > inside.length);
    expect(distinct(afterFirst)).toEqual([inside.length + CROWD]);
  });

  it('serves those inside all the same when the crowd does not end in the time given', async () => {
    const inside = await serve(0);
    await rush(inside);
    expect(distinct(acceptedAtServe).length).toBeGreaterThan(CROWD / 4);
  });

  it('serves at once while nobody comes in, and in the order of the asking', async () => {
    const order: number[] = [];
    newcomers = new ConnectionsFirst();
    newcomers.serve(() => order.push(1));
    expect(order).toEqual([1]);
    newcomers.accepted();
    for (const n of [2, 3, 4]) newcomers.serve(() => order.push(n));
    expect(order).toEqual([1]);
    await until(() => order.length === 4);
    expect(order).toEqual([1, 2, 3, 4]);
  });
});

const distinct = (counts: readonly number[]): readonly number[] => [...new Set(counts)];
