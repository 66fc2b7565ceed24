import { expect } from '@jest/globals';
import type { OpenApiDocument } from '../../src/platform/openapi.ts';
import type { Answer } from './client.ts';

/** A time as every answer carries it: UTC, with milliseconds. */
export const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
/** An id as every answer carries it: text, whatever was sent. */
export const ID = expect.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/);
export const POSITION = expect.stringMatching(/^(0|[1-9]\d*)$/);

/** Status and body are these; of a body every member, and no other. */
export const expectAnswer = (answer: Answer<unknown>, status: number, body: unknown): void =>
  expect({ status: answer.status, body: answer.body }).toEqual({ status, body });

export const documentOf = async (url: string): Promise<OpenApiDocument> =>
  (await (await fetch(`${url}/openapi.json`)).json()) as OpenApiDocument;

/** What every process answers about itself, on whichever port. */
export const SYSTEM_PATHS = ['/docs', '/docs/{file}', '/health/live', '/health/ready', '/metrics', '/openapi.json'];

/** The operations of a document that are the shop's own, as `POST /orders`. */
export const operationsOf = ({ paths }: OpenApiDocument): readonly string[] =>
  Object.entries(paths)
    .filter(([path]) => !SYSTEM_PATHS.includes(path))
    .flatMap(([path, item]) => Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`));

/** The policy that answers a command, as `POST /coupon-policies` with `terms` makes it; `wished` is laid over it. */
export const policyBody = (wished: object = {}) => ({
  policyId: ID,
  number: expect.any(Number),
  name: 'test',
  type: 'limited',
  count: 100,
  issued: 0,
  remaining: 100,
  discountType: 'amount',
  discountAmount: 500,
  startsAt: TIME,
  endsAt: TIME,
  expireMinutes: 10_080,
  perUser: null,
  createdAt: TIME,
  updatedAt: TIME,
  deletedAt: null,
  ...wished,
});

/** A coupon of such a policy that nothing was done with, as a command answers it. */
export const couponBody = (wished: object = {}) => ({
  couponId: ID,
  discount: 500,
  userId: ID,
  policyId: ID,
  serial: 1,
  status: 'available',
  discountType: 'amount',
  discountAmount: 500,
  issuedAt: TIME,
  expiresAt: TIME,
  usedAt: null,
  productId: null,
  orderId: null,
  deletedAt: null,
  ...wished,
});
