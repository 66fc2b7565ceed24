import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MESSAGE_BYTES_MAX, RECEIVING_BYTES_MAX } from '../../../src/embedded/event-store/limits.ts';
import { Deframer } from '../../../src/embedded/event-store/transport/deframer.ts';
import { Half, ReceivingBudget } from '../../../src/embedded/event-store/transport/receivingBudget.ts';
import { grpcFrame } from './hostile.ts';

const never = (failure: Error): never => {
  throw failure;
};

describe('gRPC messages', () => {
  it('come out as they went in, wherever the bytes are cut', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 });
    fc.assert(
      fc.property(messages, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 30 }), (sent, pieces) => {
        const deframer = new Deframer(new Half(new ReceivingBudget(() => 0), never));
        const bytes = Buffer.concat(sent.map((message) => grpcFrame(Buffer.from(message))));
        const got: Buffer[] = [];
        for (let at = 0, n = 0; at < bytes.length; n++) {
          const end = at + (pieces[n % pieces.length] as number);
          // What comes next must not change what was handed over.
          const chunk = Buffer.from(bytes.subarray(at, end));
          deframer.push(chunk, (message) => got.push(message));
          at = end;
        }
        expect(got.map((message) => Buffer.from(message).toString('hex'))).toEqual(
          sent.map((message) => Buffer.from(message).toString('hex')),
        );
        expect(deframer.isMidMessage).toBe(false);
      }),
    );
  });

  it('may be as long as allowed, and not by a byte longer', () => {
    const deframer = new Deframer(new Half(new ReceivingBudget(() => 0), never));
    const got: number[] = [];
    deframer.push(grpcFrame(Buffer.alloc(MESSAGE_BYTES_MAX)), ({ length }) => got.push(length));
    expect(got).toEqual([MESSAGE_BYTES_MAX]);
    const header = grpcFrame(Buffer.alloc(0), { length: MESSAGE_BYTES_MAX + 1 });
    for (const cut of [5, 3]) {
      const push = (): void => {
        const fresh = new Deframer(new Half(new ReceivingBudget(() => 0), never));
        fresh.push(header.subarray(0, cut), () => undefined);
        fresh.push(header.subarray(cut), () => undefined);
      };
      expect(push).toThrow(`more than ${MESSAGE_BYTES_MAX}`);
    }
  });
});

describe('half messages', () => {
  it('give way to younger ones when there are too many bytes of them, the oldest first', () => {
    const budget = new ReceivingBudget(() => 0);
    const gone: number[] = [];
    const halfBytes = 16 * 1024 * 1024;
    const halves = Array.from({ length: 12 }, (_, n) => {
      const half: Deframer = new Deframer(
        new Half(budget, () => {
          gone.push(n);
          half.clear();
        }),
      );
      half.push(grpcFrame(Buffer.alloc(halfBytes), { length: MESSAGE_BYTES_MAX }), () => undefined);
      return half;
    });
    const kept = Math.floor(RECEIVING_BYTES_MAX / (halfBytes + 5));
    expect(gone).toEqual(Array.from({ length: 12 - kept }, (_, n) => n));
    for (const half of halves) half.clear();
    const last = new Deframer(new Half(budget, never));
    last.push(grpcFrame(Buffer.alloc(halfBytes), { length: MESSAGE_BYTES_MAX }), () => undefined);
  });

  it('take memory for what has come, not for what was claimed', () => {
    const budget = new ReceivingBudget(() => 0);
    const halves = Array.from({ length: 1_000 }, () => new Deframer(new Half(budget, never)));
    for (const half of halves) half.push(grpcFrame(Buffer.alloc(1), { length: MESSAGE_BYTES_MAX }), () => undefined);
  });

  it('are given up after a while, whoever else goes on', () => {
    let now = 0;
    const budget = new ReceivingBudget(() => now);
    const gone: string[] = [];
    const begin = (name: string): Deframer => {
      const memory = new Half(budget, () => {
        gone.push(name);
        half.clear();
      });
      const half = new Deframer(memory);
      half.push(grpcFrame(Buffer.alloc(1), { length: 9 }), () => undefined);
      return half;
    };
    begin('first');
    const finished = begin('finished');
    now = 500;
    begin('second');
    finished.push(Buffer.alloc(8), () => undefined);
    now = 1_000;
    budget.expire(1_000);
    expect(gone).toEqual(['first']);
    now = 1_500;
    budget.expire(1_000);
    expect(gone).toEqual(['first', 'second']);
  });
});
