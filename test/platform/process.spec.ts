import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, it, jest } from '@jest/globals';
import type { Report } from '../../src/platform/process.ts';
import { startScript, until, untilGone } from '../support/processes.ts';

jest.setTimeout(30_000);

const LISTENER = 'test/cli/fixtures/listener.ts';

it('logs JSON lines to stdout, and ends with status 0 when it is asked to (PR1)', async () => {
  const listener = startScript(LISTENER, ['serve'], { EDGE_PORT: '0' });
  await until(() => listener.out().includes('"msg":"ready"'));
  listener.child.kill('SIGTERM');
  expect(await listener.ended).toBe(0);
  const entries = listener
    .out()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { name: string; msg: string });
  expect(entries.map(({ msg }) => msg)).toEqual(['ready', 'stopping', 'stopped']);
});

it('ends with status 1 and a line that names port and variable when the port is taken', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await new Promise((ready) => holder.once('listening', ready));
  const { port } = holder.address() as AddressInfo;
  const listener = startScript(LISTENER, ['serve'], { EDGE_PORT: String(port) });
  expect(await listener.ended).toBe(1);
  expect(listener.err()).toBe(`port ${port} is taken: set EDGE_PORT to a free one, or to 0 for any\n`);
  holder.close();
});

it('ends with status 2 and every fault on stderr when the configuration is wrong', async () => {
  const listener = startScript(LISTENER, ['serve'], { EDGE_PORT: 'x', TOP_DAYS: '-3' });
  expect(await listener.ended).toBe(2);
  expect(listener.err()).toMatch(/EDGE_PORT[\s\S]*TOP_DAYS/);
});

it('ends on a rejection that nobody handles, with a log line (PR2, S20)', async () => {
  const listener = startScript(LISTENER, ['reject'], { EDGE_PORT: '0' });
  expect(await listener.ended).toBe(1);
  expect(listener.out()).toMatch(/"level":60.*nobody handles this/);
});

it('tells its parent where it listens, and stops when the parent is gone', async () => {
  const script = fileURLToPath(new URL('../cli/fixtures/listener.ts', import.meta.url));
  const env = { PATH: process.env.PATH, EDGE_PORT: '0' };
  const child = fork(script, ['serve'], { execArgv: ['--import', 'tsx'], env, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  const report = await new Promise<Report>((resolve) => child.once('message', (message) => resolve(message as Report)));
  expect(report).toEqual({ kind: 'ready', ports: { edge: expect.any(Number) }, urls: {} });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.disconnect();
  expect(await ended).toBe(0);
  await untilGone(child.pid ?? -1);
});
