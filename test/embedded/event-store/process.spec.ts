import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { createInterface } from 'node:readline';
import { EventStoreDBClient, NO_STREAM } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { DataDirInUse, startEventStore } from '../../../src/embedded/event-store/server.ts';
import { MAIN, START_MAX_MS, spawnMain, startChild } from './child.ts';
import { append, atEnd, collect, connect, event, newFolder, startPair, startServer, wholeLog } from './support.ts';

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

  it.each([[['--port', '0']], [['--data', 'x', '--port', '70000']], [['--data', 'x', '--what']]])('wrong usage: %j', async (args) => {
    const { status, stderr } = await spawnMain(args).ended;
    expect(status).toBe(2);
    expect(stderr).toContain('usage: ');
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

describe('junk on the port', () => {
  it('is cut off and changes nothing', async () => {
    const { server, client } = await startPair();
    await append(client, 'a', event(0), NO_STREAM);
    const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
    const junk = [
      'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc',
      '\0'.repeat(5_000),
      preface + '\xff'.repeat(5_000),
    ];
    for (const bytes of junk) {
      const socket = connectSocket(server.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(Buffer.from(bytes, 'latin1'));
      socket.resume();
      await once(socket, 'close', { signal: AbortSignal.timeout(5_000) });
    }
    expect(await append(client, 'a', event(1), 0n)).toMatchObject({ nextExpectedRevision: 1n });
    expect(await wholeLog(client)).toHaveLength(2);
  });
});
