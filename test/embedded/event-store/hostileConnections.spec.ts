import { describe, expect, it } from '@jest/globals';
import { type Attack, openSession, openSocket, STREAMS, sendJunk, within, withstand } from './hostile.ts';
import {
  CONTINUATION,
  callHeaders,
  connection,
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  HEADERS,
  headerBlock,
  PING,
  PREFACE,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from './hostileFrames.ts';

/** A connection without a call is over 5 s after it began, one that is not heard of 15 s after it had its last call, looked at each second. */
const END_MAX_MS = 25_000;

const CALL = callHeaders(`${STREAMS}/BatchAppend`);
const many = (count: number, make: (n: number) => Buffer): Buffer => Buffer.concat(Array.from({ length: count }, (_, n) => make(n)));

/** The same bytes at each run. */
const noise = (count: number, seed: number): Buffer => {
  const bytes = Buffer.alloc(count);
  let state = seed;
  for (let at = 0; at < count; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    bytes[at] = state >> 16;
  }
  return bytes;
};

const each =
  (junk: readonly Buffer[]): Attack =>
  async (port) => {
    await Promise.all(junk.map((bytes) => sendJunk(port, bytes, END_MAX_MS)));
  };

describe('what is no HTTP/2', () => {
  it.each<[string, Buffer[]]>([
    ['HTTP/1', ['GET', 'POST'].map((method) => Buffer.from(`${method} / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n`))],
    ['TLS', [Buffer.from('1603010200010001fc0303', 'hex'), Buffer.concat([Buffer.from('1603010200010001fc0303', 'hex'), noise(600, 7)])]],
    ['noise', [1, 2, 3, 4].map((seed) => noise(200_000, seed))],
    ['zeros', [Buffer.alloc(100_000)]],
    ['half a preface and noise', [Buffer.concat([PREFACE.subarray(0, 20), noise(1_000, 9)])]],
  ])('%s is cut off and changes nothing', async (_what, junk) => {
    await withstand(each(junk));
  });
});

describe('broken HTTP/2', () => {
  const broken = [
    Buffer.concat([PREFACE, noise(100_000, 5)]),
    // A frame that is longer than allowed, and one that only says so.
    connection(frame(DATA, 0, 1, Buffer.alloc(100_000))),
    connection(frame(HEADERS, 0, 1, CALL, 0xffffff)),
    // Streams of an even number, of number 0, of numbers that go down, and one that is not there.
    connection(frame(HEADERS, END_HEADERS, 2, CALL)),
    connection(frame(HEADERS, END_HEADERS, 0, CALL)),
    connection(frame(HEADERS, END_HEADERS, 9, CALL), frame(HEADERS, END_HEADERS, 3, CALL)),
    connection(frame(DATA, END_STREAM, 77, Buffer.alloc(10))),
    // Headers that are junk, and ones that continue nothing.
    connection(frame(HEADERS, END_HEADERS, 1, noise(500, 3))),
    connection(frame(CONTINUATION, END_HEADERS, 1, CALL)),
    // A window beyond 2^31, settings of a wrong length and of impossible values.
    connection(frame(WINDOW_UPDATE, 0, 0, Buffer.from([0x7f, 255, 255, 255]))),
    connection(frame(SETTINGS, 0, 0, Buffer.alloc(5))),
    connection(frame(SETTINGS, 0, 0, Buffer.from([0, 4, 255, 255, 255, 255]))),
  ];

  const field = headerBlock({ 'x-long': 'y'.repeat(120) });
  const floods = [
    many(50_000, () => frame(PING, 0, 0, Buffer.alloc(8))),
    many(50_000, () => frame(SETTINGS, 0, 0, Buffer.from([0, 3, 0, 0, 0, 100]))),
    // Calls begun and reset.
    many(20_000, (n) =>
      Buffer.concat([frame(HEADERS, END_HEADERS, 2 * n + 1, CALL), frame(RST_STREAM, 0, 2 * n + 1, Buffer.from([0, 0, 0, 8]))]),
    ),
    // Header blocks that never end, of few bytes and of many fields.
    Buffer.concat([frame(HEADERS, 0, 1, CALL), many(20_000, () => frame(CONTINUATION, 0, 1, Buffer.alloc(1_000, 0x40)))]),
    Buffer.concat([
      frame(HEADERS, 0, 1, CALL),
      many(2_000, () =>
        frame(
          CONTINUATION,
          0,
          1,
          many(100, () => field),
        ),
      ),
    ]),
  ];

  it('and floods of pings, settings, resets and header fields end their connections and change nothing', async () => {
    await withstand(each([...broken, ...broken, ...broken, ...floods.map((flood) => connection(flood))]), { rounds: 2, warmUpRounds: 1 });
  });
});

describe('connections that do nothing', () => {
  it('a new client gets through 1,200 of them, which are cut after a while', async () => {
    await withstand(
      async (port) => {
        const ends: Promise<unknown>[] = [];
        // Not all at once: those that the system could not queue for the server would never hear of an end.
        for (let slice = 0; slice < 12; slice++) {
          const sockets = Array.from({ length: 100 }, () => openSocket(port));
          ends.push(...sockets.map((socket) => new Promise((resolve) => socket.resume().on('close', resolve))));
          await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.on('connect', resolve))));
        }
        const late = await openSession(port);
        const refused = late.request({ ':path': '/' });
        const status = await new Promise((resolve) => refused.on('response', (headers) => resolve(headers[':status'])));
        expect(status).toBe(415);
        late.destroy();
        await within(END_MAX_MS, Promise.all(ends));
      },
      { rounds: 4, growthMaxMiB: 40 },
    );
  });
});
