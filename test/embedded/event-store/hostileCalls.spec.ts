import type { ClientHttp2Session } from 'node:http2';
import { type EventStoreDBClient, NO_STREAM } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { ProtoReader, ProtoWriter } from '../../../src/embedded/event-store/transport/protobuf.ts';
import { type Ended, FILLER, grpcFrame, openCall, openSession, within, withstand } from './hostile.ts';
import { append, events, until } from './support.ts';

/** For everything that the server refuses on sight. */
const REFUSED_MAX_MS = 5_000;
const MIB = 1024 * 1024;
const NGHTTP2_REFUSED_STREAM = 7;

/** Writes until all is taken or the call is over. */
const pour = async ({ stream, ended }: ReturnType<typeof openCall>, chunk: Buffer, times: number): Promise<void> => {
  let isOver = false;
  const over = ended.then(() => {
    isOver = true;
  });
  for (let n = 0; n < times && !isOver; n++) {
    if (!stream.write(chunk)) await Promise.race([new Promise((resolve) => stream.once('drain', resolve)), over]);
  }
};

const nested = (depth: number): Buffer => {
  let bytes: Buffer = Buffer.from([0x08, 1]);
  for (let level = 0; level < depth; level++) bytes = new ProtoWriter().bytes(1, bytes).take();
  return bytes;
};

describe('calls with lies in them', () => {
  const lies = [
    Buffer.from([0x0a, 0x7f, 1, 2, 3]),
    Buffer.alloc(40, 0xff),
    Buffer.from([0x00, 0x01]),
    Buffer.concat([Buffer.from([0x0a]), Buffer.alloc(9, 0xff), Buffer.from([1])]),
    // The highest number of a field, of a wire type that there is not.
    Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]),
  ].map((lie) => grpcFrame(lie));
  const frames = [
    grpcFrame(Buffer.alloc(10), { flag: 1 }),
    grpcFrame(Buffer.alloc(10), { flag: 255 }),
    grpcFrame(Buffer.alloc(10), { length: 100 * MIB }),
    grpcFrame(Buffer.alloc(10), { length: 2 ** 32 - 1 }),
  ];

  it.each(['Read', 'BatchAppend', 'Append'])('get an error at once, also from a client that never ends them: %s', async (method) => {
    await withstand(async (port) => {
      const session = await openSession(port);
      const ends: Promise<Ended>[] = [];
      for (let n = 0; n < 500; n++) {
        const { stream, ended } = openCall(session, method);
        stream.resume().write([...lies, ...frames][n % (lies.length + frames.length)]);
        ends.push(ended);
      }
      for (const { status } of await within(REFUSED_MAX_MS, Promise.all(ends))) expect([3, 8, 12]).toContain(status);
      session.destroy();
    });
  });
});

describe('messages within messages', () => {
  it('are looked into only as deep as the protocol goes', async () => {
    const deep = nested(5_000);
    const reader = new ProtoReader(deep);
    expect(reader.next() && reader.bytes().length).toBeGreaterThan(10_000);
    await withstand(async (port) => {
      const session = await openSession(port);
      const ends = ['Read', 'BatchAppend', 'Append'].map((method) => {
        const { stream, ended } = openCall(session, method);
        stream.resume().end(grpcFrame(deep));
        return ended;
      });
      // To a batch, a chunk of an append that never began is nothing.
      expect((await within(REFUSED_MAX_MS, Promise.all(ends))).map(({ status }) => status)).toEqual([3, 0, 3]);
      session.destroy();
    });
  });
});

describe('100 MB messages', () => {
  it('said and sent, are refused before they are there', async () => {
    await withstand(async (port) => {
      const session = await openSession(port);
      const call = openCall(session, 'BatchAppend');
      call.stream.resume().write(grpcFrame(Buffer.alloc(0), { length: 100 * MIB }));
      await pour(call, Buffer.alloc(MIB), 100);
      expect((await within(REFUSED_MAX_MS, call.ended)).status).toBe(8);
      session.destroy();
    });
  });

  it('in pieces of the largest size there is, and in one append of many events', async () => {
    await withstand(
      async (port) => {
        const session = await openSession(port);
        const junk = openCall(session, 'BatchAppend');
        const append = openCall(session, 'Append');
        for (const { stream } of [junk, append]) stream.resume();
        const event = new ProtoWriter().message(2, (proposed) => proposed.bytes(4, Buffer.alloc(MIB / 2))).take();
        await Promise.all([pour(junk, grpcFrame(Buffer.alloc(17 * MIB, 0xff)), 6), pour(append, grpcFrame(event), 200)]);
        expect((await within(REFUSED_MAX_MS, junk.ended)).status).toBe(3);
        expect((await within(REFUSED_MAX_MS, append.ended)).status).toBe(3);
        session.destroy();
      },
      { growthMaxMiB: 128 },
    );
  });

  it('half of them, twenty at a time: those that have stood longest go', async () => {
    await withstand(
      async (port) => {
        const sessions = await Promise.all(Array.from({ length: 4 }, () => openSession(port)));
        const calls = Array.from({ length: 20 }, (_, n) => openCall(sessions[n % 4] as ClientHttp2Session, 'BatchAppend'));
        for (const call of calls) {
          call.stream.resume().write(grpcFrame(Buffer.alloc(0), { length: 17 * MIB }));
          await within(REFUSED_MAX_MS, pour(call, Buffer.alloc(MIB), 16));
        }
        expect((await within(REFUSED_MAX_MS, (calls[0] as (typeof calls)[0]).ended)).status).toBe(8);
        for (const session of sessions) session.destroy();
      },
      { growthMaxMiB: 128 },
    );
  });
});

describe('calls that are only half there', () => {
  it.each([
    ['one connection', 1],
    ['five connections', 5],
    ['a hundred connections', 100],
  ])('5,000 of them on %s', async (_where, connections) => {
    await withstand(
      async (port) => {
        const sessions = await Promise.all(Array.from({ length: connections }, () => openSession(port)));
        const refused = { byConnection: 0, byServer: 0 };
        for (let n = 0; n < 5_000; n++) {
          const { stream, ended } = openCall(sessions[n % connections] as ClientHttp2Session, n % 2 ? 'BatchAppend' : 'Read');
          stream.resume();
          if (n % 3 === 0) stream.write(grpcFrame(Buffer.alloc(3), { length: 1_000 }));
          void ended.then(({ status, code }) => {
            if (status === 8) refused.byServer++;
            else if (code === NGHTTP2_REFUSED_STREAM) refused.byConnection++;
          });
        }
        if (connections > 1) await until(() => refused.byServer >= 900, 'the server to refuse the calls above its limit');
        else await new Promise((resolve) => setTimeout(resolve, 1_000));
        for (const session of sessions) session.destroy();
      },
      { rounds: 5, growthMaxMiB: 80 },
    );
  });

  it('messages that come byte by byte', async () => {
    await withstand(async (port) => {
      const session = await openSession(port);
      const calls = Array.from({ length: 100 }, () => openCall(session, 'BatchAppend'));
      for (const { stream } of calls) stream.resume().write(grpcFrame(Buffer.alloc(0), { length: MIB }));
      for (let n = 0; n < 300; n++) {
        for (const { stream } of calls) stream.write(Buffer.alloc(1));
        await new Promise((resolve) => setImmediate(resolve));
      }
      session.destroy();
    });
  });
});

describe('a client that takes nothing', () => {
  const all = (subscription: boolean): Buffer => {
    const writer = new ProtoWriter();
    writer.message(1, (options) => {
      options.message(2, (from) => from.empty(2)).empty(8);
      if (subscription) options.empty(6);
      else options.uint(5, 1_000_000);
    });
    return grpcFrame(writer.take());
  };

  const fill = async (client: EventStoreDBClient): Promise<void> => {
    const full = events(200).map((event) => ({ ...event, data: { filler: 'x'.repeat(1_000) } }));
    for (let n = 0; n < 50; n++) await append(client, FILLER, full, n === 0 ? NO_STREAM : BigInt(n * full.length - 1));
  };

  it('of 10 MB in each of fifty reads and subscriptions, and then of fifty more, costs next to nothing', async () => {
    let round = 0;
    await withstand(
      async (port, client) => {
        if (round++ === 0) await fill(client);
        // Left open until the end of the test.
        const session = await openSession(port, { settings: { initialWindowSize: 0 } });
        for (let n = 0; n < 50; n++) openCall(session, 'Read').stream.end(all(n % 2 === 0));
        await new Promise((resolve) => setTimeout(resolve, 300));
      },
      { rounds: 6, growthMaxMiB: 96 },
    );
  });
});
