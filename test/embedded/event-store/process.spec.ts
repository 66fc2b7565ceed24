import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { EventStoreDBClient, NO_STREAM } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { DataDirInUse, startEventStore } from '../../../src/embedded/event-store/server.ts';
import { MAIN, START_MAX_MS, spawnMain, startChild } from './child.ts';
import { openCall, openSession } from './hostile.ts';
import { append, atEnd, collect, connect, event, newFolder, startPair, startServer, until, wholeLog } from './support.ts';

const aFile = (folder: string): string => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  return file;
};

describe('as a child of a supervisor', () => {
  it('tells its port over the channel, and stops when the parent lets go', async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', MAIN, '--port', '0', '--data', newFolder()], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    atEnd(() => {
      child.kill('SIGKILL');
    });
    const ended = once(child, 'exit');
    const [ready] = await once(child, 'message', { signal: AbortSignal.timeout(START_MAX_MS) });
    expect(ready).toEqual({ kind: 'ready', ports: { eventStore: expect.any(Number) } });
    const client = connect({ url: `esdb://127.0.0.1:${(ready as { ports: { eventStore: number } }).ports.eventStore}?tls=false` });
    expect(await append(client, 'a', event(0), NO_STREAM)).toMatchObject({ success: true });
    child.disconnect();
    expect(await ended).toEqual([0, null]);
  });
});

describe('one writer for a folder', () => {
  it('refuses a second server in this process and in another one, and names the first', async () => {
    const dataDir = newFolder();
    const { client } = await startPair({ dataDir });
    await expect(startEventStore({ host: '127.0.0.1', port: 0, dataDir })).rejects.toThrow(DataDirInUse);
    const child = spawnMain(['--port', '0', '--data', dataDir]);
    const { status, stderr } = await child.ended;
    expect(status).toBe(1);
    expect(stderr).toMatch(new RegExp(`in use by process ${process.pid}\\b.*\\n$`));
    expect(await append(client, 'still', event(0), NO_STREAM)).toMatchObject({ success: true });
  });

  it('takes over from a process that was killed', async () => {
    const folder = newFolder();
    const child = await startChild(folder);
    child.process.kill('SIGKILL');
    await child.ended;
    const { client } = await startPair({ dataDir: folder });
    expect(await append(client, 'a', event(0), NO_STREAM)).toMatchObject({ success: true });
  });
});

describe('what it refuses to start', () => {
  it('production, unless allowed by name', async () => {
    const before = process.env.NODE_ENV;
    process.env.NODE_ENV = 'production';
    atEnd(() => {
      process.env.NODE_ENV = before;
    });
    await expect(startEventStore({ host: '127.0.0.1', port: 0, dataDir: newFolder() })).rejects.toThrow('not for production');
    await startServer({ allowProduction: true });
  });

  it('a taken port: one line, status 1, and the folder is free again', async () => {
    const { server } = await startPair();
    const folder = newFolder();
    const { status, stderr } = await spawnMain(['--port', String(server.port), '--data', folder]).ended;
    expect({ status, lines: stderr.trimEnd().split('\n').length }).toEqual({ status: 1, lines: 1 });
    expect(stderr).toContain(String(server.port));
    await startServer({ dataDir: folder });
  });

  it.each([
    [['--port', '0'], '--data is missing'],
    [['--data', '', '--port', '0'], '--data is missing'],
    [['--data', 'x', '--port', '70000'], '--port is no port: 70000'],
    [['--data', 'x', '--port', '-1'], '--port'],
    [['--ephemeral', '--port', '0x10'], '--port is no port: 0x10'],
    [['--data', 'x', '--what'], '--what'],
    [['--data', 'x', 'y'], 'y'],
  ])('wrong usage, in one line, status 2: %j', async (args, what) => {
    const { status, stderr } = await spawnMain(args).ended;
    expect({ status, lines: stderr.trimEnd().split('\n').length }).toEqual({ status: 2, lines: 1 });
    expect(stderr).toContain(what);
    expect(stderr).toContain('usage: ');
  });

  it.each<[string, (folder: string) => string[], string]>([
    ['a file for a folder', (folder) => ['--data', aFile(folder)], 'is no folder'],
    ['a folder within a file', (folder) => ['--data', join(aFile(folder), 'x')], 'cannot be written to'],
    ['a folder that nobody can make', () => ['--data', '/proc/nothing/at/all'], 'cannot be written to'],
    ['an address of another machine', (folder) => ['--data', folder, '--host', '203.0.113.9'], '203.0.113.9'],
  ])('%s: one line, status 1', async (_what, args, says) => {
    const { status, stderr } = await spawnMain([...args(newFolder()), '--port', '0']).ended;
    expect({ status, lines: stderr.trimEnd().split('\n').length }).toEqual({ status: 1, lines: 1 });
    expect(stderr).toContain(says);
  });
});

describe('asked to stop', () => {
  it('keeps what it acknowledged, and ends no call well that still waits for an answer', async () => {
    const folder = newFolder();
    const child = await startChild(folder);
    const client = connect(child);
    const session = await openSession(Number(new URL(child.url).port));
    const calls = ['BatchAppend', 'Append'].map((method) => openCall(session, method));
    for (const { stream } of calls) stream.resume();
    const acknowledged: string[] = [];
    const stopped = new AbortController();
    const write = async (writer: number): Promise<void> => {
      for (let n = 0; !stopped.signal.aborted; n++) {
        const stream = `w${writer}-${n}`;
        await append(client, stream, event(n), NO_STREAM);
        acknowledged.push(stream);
      }
    };
    const writers = Array.from({ length: 64 }, (_, writer) => write(writer).catch(() => undefined));
    await until(() => acknowledged.length > 500, 'appends under way');
    child.process.kill('SIGTERM');
    const { status, stderr } = await child.ended;
    stopped.abort();
    await Promise.all(writers);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    for (const { ended } of calls) expect((await ended).status).toBe(14);
    const again = connect(await startServer({ dataDir: folder }));
    const stored = new Set((await wholeLog(again)).map((resolved) => resolved.event?.streamId));
    expect(acknowledged.filter((stream) => !stored.has(stream))).toEqual([]);
  });

  it('removes the folder of a store without --data', async () => {
    const temporary = newFolder();
    const child = spawnMain(['--ephemeral', '--port', '0'], { TMPDIR: temporary });
    await once(child.process.stdout as NodeJS.ReadableStream, 'data');
    expect(readdirSync(temporary).filter((name) => name.startsWith('till-event-store-'))).toHaveLength(1);
    child.process.kill('SIGTERM');
    expect(await child.ended).toEqual({ status: 0, stderr: '' });
    expect(readdirSync(temporary).filter((name) => name.startsWith('till-event-store-'))).toEqual([]);
  });
});

describe('a full disk', () => {
  it('ends the process with a message and keeps what was acknowledged', async () => {
    const folder = newFolder();
    const small = spawn(
      'bash',
      ['-c', `ulimit -f 4096; exec "$0" --import tsx "$@"`, process.execPath, MAIN, '--port', '0', '--data', folder],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, NODE_OPTIONS: '' },
      },
    );
    atEnd(() => {
      small.kill('SIGKILL');
    });
    let stderr = '';
    small.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString('utf8');
    });
    const ended = once(small, 'close');
    const [line] = await once(createInterface({ input: small.stdout }), 'line', { signal: AbortSignal.timeout(START_MAX_MS) });
    const client = EventStoreDBClient.connectionString(String(line).split(' ')[1] as string);
    let acknowledged = 0;
    const filler = { filler: 'x'.repeat(100_000) };
    for (let n = 0; n < 200; n++) {
      const big = { ...event(n), data: { n, ...filler } };
      const done = await Promise.race([
        append(client, 'fill', big, n === 0 ? NO_STREAM : BigInt(n - 1)).then(
          () => true,
          () => false,
        ),
        ended.then(() => false),
      ]);
      if (!done) break;
      acknowledged++;
    }
    expect((await ended)[0]).toBe(1);
    expect(stderr).toContain('event store: stopped');
    expect(acknowledged).toBeGreaterThan(0);
    await client.dispose();
    const again = connect(await startServer({ dataDir: folder }));
    expect((await collect(again.readStream('fill'))).length).toBeGreaterThanOrEqual(acknowledged);
  });
});
