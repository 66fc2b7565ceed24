import type { Request } from 'express';
import { z } from 'zod';
import { isId, isTransactionId } from '../domain/ids.ts';
import { AMOUNT_MAX } from '../domain/money.ts';
import { Problem } from './problem.ts';

/** Messages of the shop's first clients, by the member that is wrong. */
const messages: Readonly<Record<string, string>> = {
  amount: '충전 금액은 1원 이상이어야 합니다.',
  quantity: '수량은 1개 이상이어야 합니다.',
  userId: '유효하지 않은 사용자 ID입니다.',
  productId: '유효하지 않은 상품 ID입니다.',
};

const asDecimal = (value: unknown): unknown =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? String(value) : value;

/** An id of the shop. A whole number in its place is read as its decimal text, since some clients send such. */
export const idInput = z
  .preprocess(asDecimal, z.string().refine(isId, 'must be an id: 1 to 64 letters, digits, "-" or "_", the first a letter or digit'))
  .meta({
    type: ['string', 'integer'],
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$',
    examples: ['u17'],
  }) as unknown as z.ZodType<string>;

/** What a client calls its request. */
export const transactionIdInput = z
  .string()
  .refine(isTransactionId, 'must be 1 to 128 letters, digits, ".", "_", ":" or "-", the first a letter or digit')
  .meta({ pattern: '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$', examples: ['tx-17-1'] });

const INT32_MAX = 2_147_483_647;
const asNumber = (value: unknown): unknown => (typeof value === 'string' && /^[1-9][0-9]{0,9}$/.test(value) ? Number(value) : value);

/** The number of a policy: a whole number from 1 on, or its decimal text. */
export const policyNumberInput = z.preprocess(asNumber, z.int().min(1).max(INT32_MAX)).meta({
  type: ['integer', 'string'],
  minimum: 1,
  maximum: INT32_MAX,
  pattern: '^[1-9][0-9]{0,9}$',
  examples: [1],
}) as unknown as z.ZodType<number>;

/** Whole won, 1 to 1,000,000,000. */
export const amountInput = z
  .int()
  .min(1)
  .max(AMOUNT_MAX)
  .meta({ examples: [10_000] });

/** A name of 1 to 100 characters that any store can keep and any terminal can show. */
export const nameInput = z
  .string()
  .min(1)
  .max(100)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the purpose
  .refine((text) => text.isWellFormed() && !/[\u0000-\u001f\u007f]/.test(text), 'must be text without control characters')
  .meta({ pattern: '^[^\\u0000-\\u001f\\u007f]*$' });

const TIME_MIN = Date.parse('0001-01-01T00:00:00Z');
const TIME_MAX = Date.parse('9999-12-31T23:59:59.999Z');

/** RFC 3339 with an offset; a zone-less time is refused. Milliseconds since 1970. */
export const timeInput = z.iso
  .datetime({ offset: true, error: 'must be a time with an offset, as 2026-01-05T00:00:00Z' })
  .transform((text) => Date.parse(text))
  .refine((at) => at >= TIME_MIN && at <= TIME_MAX, 'must be a time that exists, in the years 1 to 9999 of UTC');

const READ_AFTER = /^(0|[1-9][0-9]{0,18})$/;
const POSITION_MAX = 2n ** 63n - 1n;

/** The position a query must be at or past: the header, else the member of the query; `null` when neither is there. */
export const readAfterOf = (req: Request): bigint | null => readPosition(req.get('Read-After') ?? req.query.readAfter);

/** @throws Problem invalid-request for what no answer can have given. */
export const readPosition = (given: unknown): bigint | null => {
  if (given === undefined) return null;
  if (typeof given !== 'string' || !READ_AFTER.test(given) || BigInt(given) > POSITION_MAX) {
    throw new Problem('invalid-request', 'Read-After must be a position that an earlier answer gave.', {
      errors: [{ pointer: '/readAfter', detail: 'must be decimal text of a position' }],
    });
  }
  return BigInt(given);
};

export const parseBody = <T>(schema: z.ZodType<T>, req: Request): T => parse(schema, req.body);
export const parseParams = <T>(schema: z.ZodType<T>, req: Request): T => parse(schema, req.params);

/** The query without the read token, which every query may carry. */
export const parseQuery = <T>(schema: z.ZodType<T>, req: Request): T => {
  const { query } = req;
  if (query.readAfter === undefined) return parse(schema, query);
  const { readAfter: _token, ...others } = query;
  return parse(schema, others);
};

/** The problem of one wrong member that no schema could see; `asIf` names the member whose message fits. */
export const invalid = (member: string, detail: string, asIf = member): Problem =>
  new Problem('invalid-request', `/${member}: ${detail}`, {
    errors: [{ pointer: `/${member}`, detail }],
    ...(messages[asIf] ? { message: messages[asIf] } : {}),
  });

/** @throws Problem invalid-request with a pointer to each member that is wrong. */
export const parse = <T>(schema: z.ZodType<T>, value: unknown): T => {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.slice(0, ERRORS_MAX).map((issue) => ({
    pointer: issue.path.map((step) => `/${String(step)}`).join(''),
    detail: issue.message,
  }));
  const member = result.error.issues[0]?.path.at(-1);
  const message = typeof member === 'string' ? messages[member] : undefined;
  const detail = errors.map(({ pointer, detail }) => `${pointer || 'the request'}: ${detail}`).join('; ');
  throw new Problem('invalid-request', detail, { errors, ...(message ? { message } : {}) });
};

const ERRORS_MAX = 20;
