import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import net from 'node:net';

/** Passes everything on, until told otherwise. */
export type LossyProxy = Readonly<{
  port: number;
  /** From now on answers do not come back, though requests go through. */
  swallowAnswers(): void;
  /** Cuts all connections; new ones pass everything again. */
  cut(): void;
  close(): Promise<void>;
}>;

export const lossyProxy = async (upstreamPort: () => number): Promise<LossyProxy> => {
  const pairs = new Set<readonly [net.Socket, net.Socket]>();
  let swallowing = false;
  const server = net.createServer((client) => {
    const upstream = net.connect({ host: '127.0.0.1', port: upstreamPort() });
    const pair = [client, upstream] as const;
    pairs.add(pair);
    client.on('data', (bytes) => upstream.write(bytes));
    upstream.on('data', (bytes) => {
      if (!swallowing) client.write(bytes);
    });
    for (const socket of pair) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        for (const other of pair) other.destroy();
        pairs.delete(pair);
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    swallowing = false;
    for (const [client] of pairs) client.resetAndDestroy();
  };
  const close = async (): Promise<void> => {
    cut();
    server.close();
    await once(server, 'close');
  };
  const swallowAnswers = (): void => {
    swallowing = true;
  };
  return { port: (server.address() as AddressInfo).port, swallowAnswers, cut, close };
};
