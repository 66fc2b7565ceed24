import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { NO_STREAM } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { MalformedMessage, ProtoReader, ProtoWriter } from '../../../src/embedded/event-store/transport/protobuf.ts';
import { append, atEnd, event, startPair, wholeLog } from './support.ts';

const STREAMS = '/event_store.client.streams.Streams';

const frame = (message: Buffer, { length = message.length, flag = 0 } = {}): Buffer => {
  const header = Buffer.alloc(5);
  header.writeUInt8(flag, 0);
  header.writeUInt32BE(length, 1);
  return Buffer.concat([header, message]);
};

const open = async (port: number): Promise<ClientHttp2Session> => {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  atEnd(() => session.destroy());
  await once(session, 'connect');
  return session;
};

/** Sends bytes as the body of one gRPC call; returns the call's status. */
const call = async (session: ClientHttp2Session, path: string, body: Buffer, { end = true } = {}): Promise<number> => {
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' });
  let status = -1;
  const note = (headers: Record<string, unknown>): void => {
    if (headers['grpc-status'] !== undefined) status = Number(headers['grpc-status']);
  };
  stream.on('response', note);
  stream.on('trailers', note);
  stream.on('error', () => undefined);
  stream.resume();
  stream.write(body);
  if (end) stream.end();
  await once(stream, 'close', { signal: AbortSignal.timeout(5_000) });
  return status;
};

describe('bad bytes in a call', () => {
  // A field of 127 claimed bytes of which 3 are there; a number that never ends; field 0.
  const lies = [Buffer.from([0x0a, 0x7f, 1, 2, 3]), Buffer.alloc(12, 0xff), Buffer.from([0x00, 0x01])];

  it.each(['Read', 'BatchAppend', 'Append'])('a lying %s message gets an error and writes nothing', async (method) => {
    const { server, client } = await startPair();
    const session = await open(server.port);
    for (const lie of lies) expect(await call(session, `${STREAMS}/${method}`, frame(lie))).toBe(3);
    await append(client, 's', event(0), NO_STREAM);
    expect(await wholeLog(client)).toHaveLength(1);
  });

  it.each<[string, string, Buffer, number]>([
    ['a message said to be 100 MB', 'BatchAppend', frame(Buffer.alloc(10), { length: 100 * 1024 * 1024 }), 8],
    ['a message of one byte over 17 MiB', 'Append', frame(Buffer.alloc(10), { length: 17 * 1024 * 1024 + 1 }), 8],
    ['a compressed message', 'Read', frame(Buffer.alloc(10), { flag: 1 }), 12],
    ['half a message', 'Read', frame(Buffer.alloc(10), { length: 20 }), 13],
    ['half a header', 'BatchAppend', Buffer.from([0, 0]), 13],
    ['no message', 'Read', Buffer.alloc(0), 3],
    ['an append without options', 'Append', Buffer.alloc(0), 3],
    ['a call that is not served', 'Renumber', Buffer.alloc(0), 12],
  ])('%s', async (_what, method, body, status) => {
    const { server, client } = await startPair();
    expect(await call(await open(server.port), `${STREAMS}/${method}`, body)).toBe(status);
    expect(await wholeLog(client)).toEqual([]);
  });

  it('a regular expression that is none', async () => {
    const { client } = await startPair();
    const subscription = client.subscribeToAll({ filter: { filterOn: 'eventType', regex: '(', checkpointInterval: 1 } });
    const [error] = await once(subscription, 'error', { signal: AbortSignal.timeout(5_000) }).catch((cause: unknown) => [cause]);
    expect(String((error as Error).message)).toContain('INVALID_ARGUMENT');
  });

  it('a client that is gone in the middle leaves the server as it was', async () => {
    const { server, client } = await startPair();
    const session = await open(server.port);
    for (let n = 0; n < 50; n++) {
      const stream = session.request({ ':method': 'POST', ':path': `${STREAMS}/BatchAppend`, 'content-type': 'application/grpc' });
      stream.on('error', () => undefined);
      stream.write(frame(Buffer.alloc(100), { length: 1_000_000 }));
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    session.destroy();
    expect(await append(client, 's', event(0), NO_STREAM)).toMatchObject({ success: true });
  });

  it('a plain HTTP/2 request is told that this is gRPC', async () => {
    const { server } = await startPair();
    const stream = (await open(server.port)).request({ ':path': '/' });
    const [headers] = await once(stream, 'response');
    expect(headers[':status']).toBe(415);
  });
});

describe('the protobuf codec', () => {
  it('reads back what it writes', () => {
    const writer = new ProtoWriter(1);
    const long = 'ü'.repeat(200);
    writer
      .uint(1, 0)
      .uint(2, 2 ** 53 - 1)
      .uint(3, 2n ** 64n - 1n)
      .string(4, long)
      .empty(5);
    writer.message(600, (nested) => nested.message(1, (inner) => inner.string(1, long)).uint(2, 300));
    const reader = new ProtoReader(writer.take());
    const fields: unknown[] = [];
    const next = (): ProtoReader => {
      expect(reader.next()).toBe(true);
      fields.push(reader.field);
      return reader;
    };
    expect(next().uint()).toBe(0);
    expect(next().uint()).toBe(2 ** 53 - 1);
    expect(next().uint64()).toBe(2n ** 64n - 1n);
    expect(next().string()).toBe(long);
    expect(next().bytes()).toHaveLength(0);
    const nested = next().message();
    expect(nested.next() && nested.message().next()).toBe(true);
    expect(nested.next() && nested.uint()).toBe(300);
    expect(reader.next()).toBe(false);
    expect(fields).toEqual([1, 2, 3, 4, 5, 600]);
  });

  it('reads numbers above 2^53 as 2^53 - 1', () => {
    const reader = new ProtoReader(new ProtoWriter().uint(1, 2n ** 64n - 1n).take());
    expect(reader.next() && reader.uint()).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('throws only MalformedMessage, whatever the bytes', () => {
    let state = 1;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      return state % below;
    };
    for (let round = 0; round < 5_000; round++) {
      const reader = new ProtoReader(Buffer.from(Array.from({ length: random(40) }, () => random(256))));
      try {
        while (reader.next()) reader.skip();
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedMessage);
      }
    }
  });
});
