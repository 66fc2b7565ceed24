import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { loadSync, type MethodDefinition, type ServiceDefinition } from '@grpc/proto-loader';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { protoPath } from 'grpc-health-check';
import { expectRefused, type GrpcClient, grpcClientOf, messageOf } from '../../support/grpc.ts';
import { until } from '../../support/processes.ts';
import { startShop, type TestShop } from '../../support/shop.ts';

let shop: TestShop;
let client: GrpcClient;
let plain: Client;
beforeAll(async () => {
  shop = await startShop();
  client = grpcClientOf(shop.grpc);
  plain = new Client(shop.grpc, credentials.createInsecure());
}, 60_000);
afterAll(async () => {
  client.close();
  plain.close();
  await shop.stop();
});

const reflectionProto = (): string =>
  createRequire(import.meta.url).resolve('@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto');

const serviceOf = (file: string, name: string): ServiceDefinition => loadSync(file, { keepCase: true })[name] as ServiceDefinition;

const statusOf = (service: string): Promise<string> =>
  new Promise((resolve) => {
    const { Check } = serviceOf(protoPath, 'grpc.health.v1.Health') as Record<'Check', MethodDefinition<object, object>>;
    const answered = (error: ServiceError | null, answer?: unknown): void =>
      resolve(error ? (status[error.code] as string) : String((answer as { status: unknown }).status));
    plain.makeUnaryRequest(Check.path, Check.requestSerialize, Check.responseDeserialize, { service }, answered);
  });
/** As the enumeration counts it. */
const SERVING = '1';

const reflected = (asked: object): Promise<Readonly<Record<string, unknown>>> =>
  new Promise((resolve, reject) => {
    const { ServerReflectionInfo } = serviceOf(reflectionProto(), 'grpc.reflection.v1.ServerReflection') as Record<
      'ServerReflectionInfo',
      MethodDefinition<object, object>
    >;
    const { path, requestSerialize, responseDeserialize } = ServerReflectionInfo;
    const call = plain.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, new Metadata());
    call.on('data', (answer) => resolve(answer as Readonly<Record<string, unknown>>));
    call.on('error', reject);
    call.write(asked);
    call.end();
  });

describe('what tools find', () => {
  it('reflection names both services and gives their files', async () => {
    const { list_services_response: list } = await reflected({ list_services: '' });
    const names = (list as { service: { name: string }[] }).service.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['coupon.CouponService', 'user_coupon.UserCouponService']));
    const { file_descriptor_response: file } = await reflected({ file_containing_symbol: 'user_coupon.UserCouponService' });
    expect((file as { file_descriptor_proto: Buffer[] }).file_descriptor_proto.some((one) => one.includes('couponIdCursor'))).toBe(true);
  });

  it('the health service says that every service serves, and knows no other', async () => {
    for (const service of ['', 'coupon.CouponService', 'user_coupon.UserCouponService']) {
      await until(async () => (await statusOf(service)) === SERVING);
    }
    expect(await statusOf('nothing')).toBe('NOT_FOUND');
  });

  it('calls are timed by method and status', async () => {
    messageOf(await client.findCoupons());
    expectRefused(await client.give('ann', 99), 'NOT_FOUND', /쿠폰/);
    const metrics = (await shop.client.get<string>('/metrics')).text;
    const counted = (path: string, code: string) =>
      new RegExp(`till_grpc_request_duration_seconds_count\\{route="${path}",method="gRPC",status="${code}"\\} [1-9]`);
    expect(metrics).toMatch(counted('/coupon.CouponService/FindAll', 'OK'));
    expect(metrics).toMatch(counted('/user_coupon.UserCouponService/Give', 'NOT_FOUND'));
  });

  it('the image and the package carry the files', () => {
    for (const file of ['coupon.proto', 'user_coupon.proto']) expect(readFileSync(`proto/${file}`, 'utf8')).toMatch(/^syntax = "proto3";/);
  });
});

describe('while the views stand still', () => {
  it('a call is OK after 2 s and says in its trailer what a list has to reach; a list that has to reach it waits', async () => {
    const { id } = messageOf(await client.create());
    const given = await client.give('patient', id);
    expect([given.code, given.trailer.get('read-after')]).toEqual(['OK', []]);
    await shop.stopProjector();
    const late = await client.give('late', id);
    expect([late.code, late.message]).toEqual(['OK', { isReceived: true }]);
    const [position] = late.trailer.get('read-after');
    expect(BigInt(String(position))).toBeGreaterThan(0n);
    expectRefused(await client.findOwn('late', 1, undefined, { metadata: { 'read-after': String(position) } }), 'UNAVAILABLE', /view/);
    expect(messageOf(await client.findOwn('late')).userCouponStorages).toEqual([]);
  });
});

describe('when the event store is gone', () => {
  it('commands are UNAVAILABLE, never INTERNAL, and health says that nothing is served', async () => {
    await shop.stopEventStore();
    expect((await client.give('ann', 1)).code).toBe('UNAVAILABLE');
    expect((await client.create()).code).toBe('UNAVAILABLE');
    expect((await client.findCoupons()).code).toBe('OK');
    await until(async () => (await statusOf('')) !== SERVING);
  }, 60_000);
});
