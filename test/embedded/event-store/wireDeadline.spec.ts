import { jsonEvent, NO_STREAM } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { ProtoWriter } from '../../../src/embedded/event-store/transport/protobuf.ts';
import { grpcFrame, openCall, openSession, openSocket, STREAMS, within } from './hostile.ts';
import { callHeaders, connection, DATA, END_HEADERS, frame, HEADERS, RST_STREAM } from './hostileFrames.ts';
import { append, event, startPair, until, wholeLog } from './support.ts';

const OK = 0;
const DEADLINE_EXCEEDED = 4;
const INTERNAL = 13;

const subscribeToAll = grpcFrame(new ProtoWriter().message(1, (options) => options.message(2, (from) => from.empty(2)).empty(6)).take());
const appendOptions = (stream: string): Buffer =>
  grpcFrame(new ProtoWriter().message(1, (options) => options.message(1, (name) => name.string(3, stream)).empty(4)).take());
const proposed = (): Buffer => {
  const writer = new ProtoWriter();
  writer.message(2, (message) => {
    message.message(1, (id) => id.string(2, crypto.randomUUID()));
    for (const [key, value] of [
      ['type', 'Counted'],
      ['content-type', 'application/json'],
    ] as const)
      message.message(2, (entry) => entry.string(1, key).string(2, value));
    message.bytes(4, Buffer.from('{}'));
  });
  return grpcFrame(writer.take());
};

describe('the header grpc-timeout', () => {
  it.each(['BatchAppend', 'Append', '/event_store.client.server_features.ServerFeatures/GetSupportedMethods'])(
    'ends a call that has not come to its end: %s',
    async (method) => {
      const { server } = await startPair();
      const begun = performance.now();
      const { stream, ended } = openCall(await openSession(server.port), method, { 'grpc-timeout': '100m' });
      stream.resume();
      expect((await within(2_000, ended)).status).toBe(DEADLINE_EXCEEDED);
      expect(performance.now() - begun).toBeGreaterThanOrEqual(95);
    },
  );

  it('ends a subscription, whatever was delivered before', async () => {
    const { server } = await startPair();
    const { stream, ended } = openCall(await openSession(server.port), 'Read', { 'grpc-timeout': '200000u' });
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    stream.end(subscribeToAll);
    expect((await within(2_000, ended)).status).toBe(DEADLINE_EXCEEDED);
    expect(bytes).toBeGreaterThan(0);
  });

  it.each(['1H', '99999999H', '10S'])('lets a call be that ends in time: %s', async (timeout) => {
    const { server, client } = await startPair();
    const { stream, ended } = openCall(await openSession(server.port), 'Append', { 'grpc-timeout': timeout });
    stream.resume().write(appendOptions('s'));
    stream.end(proposed());
    expect((await within(2_000, ended)).status).toBe(OK);
    expect(await wholeLog(client)).toHaveLength(1);
  });

  it.each(['', '1', 'm', '1.5S', '-1S', '123456789m', '1d'])('must be one: %j', async (timeout) => {
    const { server } = await startPair();
    const { stream, ended } = openCall(await openSession(server.port), 'Read', { 'grpc-timeout': timeout });
    stream.resume();
    expect((await within(2_000, ended)).status).toBe(INTERNAL);
  });

  it('leaves no timer behind when the call ends first', async () => {
    const { server } = await startPair();
    const session = await openSession(server.port);
    const timers = (): number => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = timers();
    for (let n = 0; n < 100; n++) {
      const { stream, ended } = openCall(session, 'Append', { 'grpc-timeout': `${60 + n}S` });
      stream.resume();
      if (n % 2) stream.end(appendOptions(`s${n}`));
      else stream.close(8);
      await ended;
    }
    await until(() => timers() <= before, 'the timers of the calls');
  });
});

describe('a call that is cancelled', () => {
  it('within an append leaves nothing of it', async () => {
    const { server, client } = await startPair();
    // By hand: Node's own client ends what it writes before it resets it, and then the append is whole.
    const socket = openSocket(server.port);
    const half = Buffer.concat([appendOptions('halves'), proposed(), proposed()]);
    socket.write(connection());
    for (let n = 0; n < 50; n++) {
      const stream = 2 * n + 1;
      socket.write(frame(HEADERS, END_HEADERS, stream, callHeaders(`${STREAMS}/Append`)));
      socket.write(frame(DATA, 0, stream, half.subarray(0, half.length - (n % 3))));
      await new Promise((resolve) => setTimeout(resolve, 2));
      socket.write(frame(RST_STREAM, 0, stream, Buffer.from([0, 0, 0, n % 2 ? 8 : 0])));
    }
    await append(client, 's', event(0), NO_STREAM);
    expect((await wholeLog(client)).map((resolved) => resolved.event?.streamId)).toEqual(['s']);
  });

  it('with an append on its way to the disk leaves it whole or not at all', async () => {
    const { server, client } = await startPair();
    const session = await openSession(server.port);
    const eventsEach = 5;
    for (let n = 0; n < 50; n++) {
      const { stream, ended } = openCall(session, 'Append');
      stream.resume().write(appendOptions(`s${n}`));
      stream.end(Buffer.concat(Array.from({ length: eventsEach }, proposed)));
      if (n % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (n % 3 === 1) await new Promise((resolve) => setTimeout(resolve, 1));
      stream.close(8);
      await ended;
    }
    await append(client, 'last', jsonEvent({ type: 'Counted', data: {} }), NO_STREAM);
    const perStream = new Map<string, number>();
    for (const { event: recorded } of await wholeLog(client)) {
      if (recorded !== undefined) perStream.set(recorded.streamId, (perStream.get(recorded.streamId) ?? 0) + 1);
    }
    expect(perStream.get('last')).toBe(1);
    perStream.delete('last');
    expect([...new Set(perStream.values())].filter((count) => count !== eventsEach)).toEqual([]);
  });
});
