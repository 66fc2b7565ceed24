import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { type EmbeddedPostgres, embeddedUrl, startPostgres } from '../../src/embedded/postgres.ts';
import { isAlive } from '../../src/platform/owner.ts';
import { startScript, until, untilGone } from '../support/processes.ts';

jest.setTimeout(40_000);

const HOST = '127.0.0.1';
let folder = '';
let running: EmbeddedPostgres[] = [];

// One folder for all: every test starts the server on it anew, and only the first pays for making it.
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'till-pg-'));
  chmodSync(folder, 0o755);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

afterEach(async () => {
  await Promise.all(running.map((server) => server.stop()));
  running = [];
});

const start = async (port = 0): Promise<EmbeddedPostgres> => {
  const server = await startPostgres({ dataDir: folder, host: HOST, port, durable: true });
  running.push(server);
  return server;
};

const query = async (url: string, text: string): Promise<unknown[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
};

const serverPid = (): number => Number(readFileSync(join(folder, 'pg18', 'postmaster.pid'), 'utf8').split('\n')[0]);

it('keeps its data over a restart, and its address knows the password', async () => {
  const first = await start();
  await query(first.url, 'create table kept (n int)');
  await first.stop();
  const second = await start();
  expect(await query(second.url, 'select count(*)::int as n from kept')).toEqual([{ n: 0 }]);
  expect(embeddedUrl(folder, second.port)).toBe(second.url);
  expect(statSync(join(folder, 'pg18.password')).mode & 0o777).toBe(0o600);
  await expect(query(second.url.replace(/:[^:@]+@/, ':wrong@'), 'select 1')).rejects.toThrow('password authentication failed');
});

it('flushes what it acknowledges', async () => {
  const { url } = await start();
  const settings = await query(
    url,
    "select name, setting from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit') order by name",
  );
  expect(settings).toEqual([
    { name: 'fsync', setting: 'on' },
    { name: 'full_page_writes', setting: 'on' },
    { name: 'synchronous_commit', setting: 'on' },
  ]);
});

it('has one owner: a second start is refused, and the first goes on', async () => {
  const first = await start();
  await expect(start()).rejects.toThrow(`held by process ${process.pid}`);
  expect(await query(first.url, 'select 1 as one')).toEqual([{ one: 1 }]);
});

it('names a taken port', async () => {
  const holder = createServer().listen(0, HOST);
  await new Promise((ready) => holder.once('listening', ready));
  const { port } = holder.address() as AddressInfo;
  await expect(start(port)).rejects.toMatchObject({ code: 'EADDRINUSE', port });
  holder.close();
  expect((await start(port)).port).toBe(port);
});

it('leaves no server behind when its launcher is killed, and keeps every acknowledged row', async () => {
  const launcher = startScript('test/embedded/fixtures/postgres.ts', [folder]);
  const url = await until(() => launcher.out().includes('\n') && launcher.out().trim());
  await query(url, 'create table acknowledged as select generate_series(1, 1000) as n');
  const pid = serverPid();
  expect(isAlive(pid)).toBe(true);
  launcher.child.kill('SIGKILL');
  await launcher.ended;
  await untilGone(pid);
  const { url: again } = await start();
  expect(await query(again, 'select count(*)::int as n from acknowledged')).toEqual([{ n: 1000 }]);
});

it('tells when the server ends unasked, and starts again after it', async () => {
  const first = await start();
  process.kill(serverPid(), 'SIGINT');
  expect(await first.ended).toContain('database system is shut down');
  await first.stop();
  expect((await start()).port).toBeGreaterThan(0);
});

it('does not invent a new password for data that has one', async () => {
  const first = await start();
  await first.stop();
  const file = join(folder, 'pg18.password');
  const password = readFileSync(file, 'utf8');
  rmSync(file);
  await expect(start()).rejects.toThrow('pg18.password is missing');
  writeFileSync(file, password, { mode: 0o600 });
  expect(await query((await start()).url, 'select 1 as one')).toEqual([{ one: 1 }]);
});
