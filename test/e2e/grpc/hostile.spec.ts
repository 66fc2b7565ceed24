import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectRefused, type GrpcClient, grpcClientOf, METHOD_NAMES, type Method, messageOf, pathOf } from '../../support/grpc.ts';
import { expectNothingRecorded, startShop, type TestShop } from '../../support/shop.ts';

let shop: TestShop;
let client: GrpcClient;
beforeAll(async () => {
  shop = await startShop();
  client = grpcClientOf(shop.grpc);
  messageOf(await client.create());
}, 60_000);
afterAll(async () => {
  client.close();
  await shop.stop();
});
expectNothingRecorded(() => shop);

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');
/** `userId` "ann" and `couponId` 1, as Give takes them. */
const ANN = '0a 03 616e6e';
const ONE = '10 01';

describe('bytes that are no request are INVALID_ARGUMENT, and record nothing', () => {
  it.each([
    ['a user that is a number', `08 05 ${ONE}`],
    ['a coupon that is a text', `${ANN} 12 01 31`],
    ['a coupon of 32 fixed bits', `${ANN} 15 01000000`],
    ['a coupon of 64 fixed bits', `${ANN} 11 0100000000000000`],
    ['a coupon of 2^32 + 1, which is 1 when its upper half is dropped', `${ANN} 10 8180808010`],
    ['a coupon of 2^31', `${ANN} 10 8080808008`],
    ['a coupon of -2^31 - 1', `${ANN} 10 fffffffff7ffffffff01`],
    ['a coupon of 2^64 - 2^32 + 1', `${ANN} 10 81808080f0ffffffff01`],
    ['a number that never ends', `${ANN} 10 ffffffffffffffffffffff01`],
    ['a number that is cut off', `${ANN} 10 80`],
    ['a text that is cut off', '0a 7f 616e6e'],
    ['a text of 4 GiB', '0a ffffffff0f 61'],
    ['a text that is not UTF-8', `0a 03 61ff6e ${ONE}`],
    ['a group', `${ANN} ${ONE} 1b 1c`],
    ['field 0', `${ANN} ${ONE} 00 01`],
    ['an unknown type of field', `${ANN} ${ONE} 1e`],
    ['noise', 'deadbeefdeadbeef'],
  ])('%s', async (_what, hex) => {
    expectRefused(await client.raw('give', bytes(hex)), 'INVALID_ARGUMENT', /./);
  });

  it.each(METHOD_NAMES)('for %s too', async (method: Method) => {
    expectRefused(await client.raw(method, bytes('0f')), 'INVALID_ARGUMENT', /./);
  });
});

describe('what the format allows is read', () => {
  const GIVE_99 = '10 63';
  const UNKNOWN = '존재하지 않는 쿠폰입니다.';
  it.each([
    ['unknown fields of every type', `${ANN} ${GIVE_99} 18 ffffffffffffffffff01 21 0102030405060708 2a 02 6869 35 01020304`],
    ['the last of several', `${ANN} ${ONE} ${GIVE_99}`],
    ['a long form of a number', `${ANN} 10 e380808000`],
    ['a negative number', `${ANN} 10 ffffffffffffffffff01`],
    ['no coupon, which is number 0', ANN],
  ])('%s', async (_what, hex) => {
    expectRefused(await client.raw('give', bytes(hex)), 'NOT_FOUND', UNKNOWN);
  });
});

describe('what is too much', () => {
  it('a request above 16 KiB is refused, packed or not', async () => {
    expectRefused(await client.give('x'.repeat(16 * 1024), 1), 'RESOURCE_EXHAUSTED', /larger than max/);
    const packed = gzipSync(Buffer.alloc(10_000_000));
    expect(packed.length).toBeLessThan(16 * 1024);
    expect(await rawCall(pathOf('give'), framed(packed, 1), { 'grpc-encoding': 'gzip' })).toBe('8');
  });

  it('a call whose time is over is not answered, and one that has time goes on', async () => {
    expect((await client.findCoupons({ deadlineMs: 0 })).code).toBe('DEADLINE_EXCEEDED');
    expect((await client.findCoupons()).code).toBe('OK');
  });

  it.each(['abc', '-1', '1.5', '9223372036854775808', '1e3'])('a position that no answer gave: %s', async (position) => {
    const metadata = { 'read-after': position };
    expectRefused(await client.findCoupons({ metadata }), 'INVALID_ARGUMENT', /Read-After/);
    expectRefused(await client.findOwn('ann', 1, undefined, { metadata }), 'INVALID_ARGUMENT', /Read-After/);
  });

  it('a position that the views never reach is UNAVAILABLE', async () => {
    expectRefused(await client.findCoupons({ metadata: { 'read-after': '9223372036854775807' } }), 'UNAVAILABLE', /view/);
  });
});

describe('callers that speak something else', () => {
  it('an unknown method is UNIMPLEMENTED', async () => {
    for (const path of ['/coupon.CouponService/Nothing', '/nothing.Nothing/Nothing', '/'])
      expect(await rawCall(path, framed(Buffer.alloc(0)))).toBe('12');
  });

  it('another content type is refused, and the server goes on', async () => {
    expect(await rawCall(pathOf('give'), framed(bytes(`${ANN} ${ONE}`)), { 'content-type': 'application/json' })).toBe('http 415');
    expect((await client.findCoupons()).code).toBe('OK');
  });

  it('HTTP/1, noise and connections that say nothing or break off do no harm', async () => {
    const port = Number(shop.grpc.split(':')[1]);
    await new Promise<void>((done) => {
      http.get({ host: '127.0.0.1', port, path: '/', timeout: 2_000 }, () => done()).on('error', () => done());
    });
    for (const text of ['', 'noise\r\n\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnoise']) {
      await new Promise<void>((done) => {
        const socket = net.connect(port, '127.0.0.1', () => {
          socket.write(text, () => {
            socket.destroy();
            done();
          });
        });
        socket.on('error', () => done());
      });
    }
    expect((await client.findCoupons()).code).toBe('OK');
  });

  it('no message, and two, are no request', async () => {
    expect(await rawCall(pathOf('give'), Buffer.alloc(0))).toBe('12');
    const twice = Buffer.concat([framed(bytes(`${ANN} 10 63`)), framed(bytes(`${ANN} 10 63`))]);
    expect(['3', '12']).toContain(await rawCall(pathOf('give'), twice));
  });
});

const framed = (message: Buffer, flag = 0): Buffer => {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};

/** One call over a connection of its own, its bytes as they are; the `grpc-status` of the answer, or its HTTP status. */
const rawCall = (path: string, body: Buffer, headers: Readonly<Record<string, string>> = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const session = http2.connect(`http://${shop.grpc}`);
    session.on('error', reject);
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...headers });
    let status: string | undefined;
    const seen = (given: http2.IncomingHttpHeaders): void => {
      const http = Number(given[':status'] ?? 200);
      status ??= http === 200 ? (given['grpc-status'] as string | undefined) : `http ${http}`;
    };
    stream.on('response', seen);
    stream.on('trailers', seen);
    stream.on('error', reject);
    stream.on('close', () => {
      session.close();
      resolve(status ?? 'none');
    });
    stream.resume();
    stream.end(body);
  });
