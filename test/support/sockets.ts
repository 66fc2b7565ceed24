import { once } from 'node:events';
import net from 'node:net';

/** A bare connection to a server: what it said so far, and when it ended. */
export type Connection = Readonly<{ socket: net.Socket; said(): string; ended: Promise<string> }>;

/** Connects to where `base` listens and sends `bytes`, whatever they are. */
export const connectTo = async (base: string, bytes: string | Buffer): Promise<Connection> => {
  const { hostname, port } = new URL(base);
  const socket = net.connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  const chunks: Buffer[] = [];
  const said = () => Buffer.concat(chunks).toString('utf8');
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise<string>((resolve) => {
    // A server may reset a connection; that is an end like another.
    socket.on('error', () => resolve(said()));
    socket.on('end', () => resolve(said()));
    socket.on('close', () => resolve(said()));
  });
  await once(socket, 'connect');
  socket.write(bytes);
  return { socket, said, ended };
};

/** All that a server says to `bytes` until it ends the connection. */
export const saidTo = async (base: string, bytes: string | Buffer): Promise<string> => {
  const { socket, ended } = await connectTo(base, bytes);
  const said = await ended;
  socket.destroy();
  return said;
};
