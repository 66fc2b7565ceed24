import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';
import { until } from './processes.ts';

const onPath = (program: string): boolean => (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));

/** Whether there is a Redis to test on: a program to start, or the address of one that runs (`REDIS_URL`). */
export const hasRedisServer = onPath('redis-server');
export const hasRedis = hasRedisServer || process.env.REDIS_URL !== undefined;
if (!hasRedis) console.warn('skipped: no redis-server');

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

/** A Redis of one's own, that stores nothing. Its process can be frozen, killed, and started again on the same port. */
export type TestRedis = Readonly<{
  url: string;
  /** A client of the test's own, with the defaults. */
  client: Redis;
  freeze(): void;
  thaw(): void;
  /** Ends it at once. */
  kill(): Promise<void>;
  /** Starts it again, empty. */
  start(): Promise<void>;
  stop(): Promise<void>;
}>;

const run = (port: number): ChildProcess =>
  spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], { stdio: 'ignore' });

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });

export const startTestRedis = async (): Promise<TestRedis> => {
  const port = await freePort();
  const client = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => 20 }).on('error', () => undefined);
  let child: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    child = run(port);
    if (client.status === 'wait') await client.connect().catch(() => undefined);
    await until(async () => client.status === 'ready' && (await client.ping().catch(() => '')) === 'PONG');
  };
  const kill = async (): Promise<void> => {
    child?.kill('SIGKILL');
    if (child) await ended(child);
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    client,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    kill,
    start,
    stop: async () => {
      client.disconnect();
      await kill();
    },
  };
};
