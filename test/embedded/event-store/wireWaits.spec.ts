import type { ClientHttp2Session } from 'node:http2';
import { describe, expect, it } from '@jest/globals';
import {
  CALLS_MAX,
  CONNECTION_IDLE_MAX_MS,
  FIRST_CALL_WAIT_MAX_MS,
  MESSAGE_WAIT_MAX_MS,
  OUTPUT_STALL_MAX_MS,
  PING_INTERVAL_MS,
  PING_WAIT_MAX_MS,
  REQUEST_WAIT_MAX_MS,
  WAIT_SWEEP_MS,
} from '../../../src/embedded/event-store/limits.ts';
import { type Call, Status } from '../../../src/embedded/event-store/transport/grpc.ts';
import { Transport } from '../../../src/embedded/event-store/transport/transport.ts';
import { grpcFrame, openCall, openSession, openSocket, within } from './hostile.ts';
import { callHeaders, connection, END_HEADERS, frame, HEADERS } from './hostileFrames.ts';
import { atEnd, until } from './support.ts';

const NGHTTP2_ENHANCE_YOUR_CALM = 11;
const RESPONSE_MAX_MS = 2_000;

/** Answers each message by itself. */
const echo = (call: Call): void => {
  call.receive({ message: (bytes) => void call.send(grpcFrame(bytes)), end: () => call.finish(Status.ok) });
};
/** Sends without an end, as fast as the client takes it. */
const pour = (call: Call): void => {
  const poured = async (): Promise<void> => {
    do call.send(grpcFrame(Buffer.alloc(100_000)));
    while (await call.writable());
  };
  call.receive({ message: () => undefined, end: () => void poured() });
};

/** A transport whose time passes only by `pass`. */
const start = async () => {
  const transport = new Transport(
    new Map([
      ['/echo', echo],
      ['/pour', pour],
    ]),
  );
  await transport.listen('127.0.0.1', 0);
  atEnd(() => transport.close());
  const pass = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += WAIT_SWEEP_MS) transport.sweep();
  };
  return { transport, port: transport.address.port, pass };
};

/** Lets time pass in steps between which the client can answer. */
const inTurns = async (session: ClientHttp2Session, pass: (ms: number) => void, ms: number): Promise<void> => {
  for (let passed = 0; passed <= ms && !session.destroyed; passed += PING_INTERVAL_MS) {
    pass(PING_INTERVAL_MS);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

const begin = async (port: number, path: string, options = {}) => {
  const session = await openSession(port, options);
  const call = openCall(session, path);
  call.stream.resume();
  return { session, ...call };
};
const isClosed = (session: ClientHttp2Session) => until(() => session.closed || session.destroyed, 'the end of the connection');

describe('a client that keeps the server waiting', () => {
  it("for a connection's first call is cut", async () => {
    const { port, pass } = await start();
    const [silent, greeted] = [openSocket(port), await openSession(port)];
    const cut = new Promise((resolve) => silent.resume().on('close', resolve));
    await new Promise((resolve) => setTimeout(resolve, 50));
    pass(FIRST_CALL_WAIT_MAX_MS);
    expect([silent.closed, greeted.destroyed]).toEqual([false, false]);
    pass(WAIT_SWEEP_MS);
    await within(RESPONSE_MAX_MS, Promise.all([cut, isClosed(greeted)]));
  });

  it('for a request is told so', async () => {
    const { port, pass } = await start();
    const { ended, session } = await begin(port, '/echo');
    await inTurns(session, pass, REQUEST_WAIT_MAX_MS);
    expect(await within(RESPONSE_MAX_MS, ended)).toMatchObject({ status: Status.aborted });
  });

  it('for the rest of a message is told so, also when it was answered before', async () => {
    const { port, pass } = await start();
    const { stream, ended, session } = await begin(port, '/echo');
    stream.write(grpcFrame(Buffer.from('whole')));
    await new Promise((resolve) => stream.once('data', resolve));
    await inTurns(session, pass, REQUEST_WAIT_MAX_MS * 2);
    expect(stream.closed).toBe(false);
    stream.write(grpcFrame(Buffer.from('half'), { length: 5 }));
    await inTurns(session, pass, MESSAGE_WAIT_MAX_MS);
    expect(await within(RESPONSE_MAX_MS, ended)).toMatchObject({ status: Status.aborted });
  });

  it('with what lies ready for it loses the call', async () => {
    const { port, pass } = await start();
    const { stream, ended, session } = await begin(port, '/pour', { settings: { initialWindowSize: 0 } });
    stream.end();
    await new Promise((resolve) => stream.once('response', resolve));
    await inTurns(session, pass, OUTPUT_STALL_MAX_MS);
    expect(await within(RESPONSE_MAX_MS, ended)).toEqual({ status: undefined, code: NGHTTP2_ENHANCE_YOUR_CALM });
  });

  it('for its next call is let go, but not while it has one', async () => {
    const { port, pass } = await start();
    const { session, stream, ended } = await begin(port, '/echo');
    stream.write(grpcFrame(Buffer.from('answered')));
    await new Promise((resolve) => stream.once('data', resolve));
    await inTurns(session, pass, CONNECTION_IDLE_MAX_MS * 2);
    expect(session.closed).toBe(false);
    stream.end();
    expect(await ended).toMatchObject({ status: Status.ok });
    await inTurns(session, pass, CONNECTION_IDLE_MAX_MS);
    await within(RESPONSE_MAX_MS, isClosed(session));
  });

  it('for a sign of life is cut', async () => {
    const { port, pass } = await start();
    const socket = openSocket(port);
    const cut = new Promise((resolve) => socket.resume().on('close', resolve));
    // Never answers a ping.
    socket.write(connection(frame(HEADERS, END_HEADERS, 1, callHeaders('/pour'))));
    await new Promise((resolve) => setTimeout(resolve, 50));
    pass(PING_INTERVAL_MS + PING_WAIT_MAX_MS);
    expect(socket.closed).toBe(false);
    pass(2 * WAIT_SWEEP_MS);
    await within(RESPONSE_MAX_MS, cut);
  });
});

describe('when all places are taken', () => {
  it('a call takes that of the oldest one without a request', async () => {
    const { port } = await start();
    const sessions = await Promise.all(Array.from({ length: 6 }, () => openSession(port)));
    const calls = Array.from({ length: CALLS_MAX }, (_, n) => openCall(sessions[n % 5] as ClientHttp2Session, '/echo'));
    let over = 0;
    for (const { stream, ended } of calls) {
      stream.resume();
      void ended.then(() => over++);
    }
    const first = calls[0] as ReturnType<typeof openCall>;
    const newcomer = openCall(sessions[5] as ClientHttp2Session, '/echo');
    newcomer.stream.resume().end(grpcFrame(Buffer.from('me')));
    expect(await within(10_000, newcomer.ended)).toMatchObject({ status: Status.ok });
    expect(await within(RESPONSE_MAX_MS, first.ended)).toMatchObject({ status: Status.resourceExhausted });
    expect(over).toBe(1);
  });
});
