import { z } from 'zod';
import type { CommandId, PolicyId, UserId } from '../../domain/ids.ts';
import { isId } from '../../domain/ids.ts';
import { commandIdOf } from '../../platform/idempotency.ts';
import { timeInput, transactionIdInput } from '../../platform/input.ts';
import type { Message, Received } from '../../platform/queue/queue.ts';

/** Requests, keyed by policy: what is asked of one policy stands in one partition, first come, first served (R47). */
export const COUPON_REQUESTS = 'coupon-requests';
/** What no worker will ever work through, with the reason and the original. */
export const DEAD_LETTERS = 'coupon-requests.dlq';
export const TOPICS = [
  { topic: COUPON_REQUESTS, partitions: 3 },
  { topic: DEAD_LETTERS, partitions: 1 },
] as const;
export const WORKERS = 'coupon-workers';

export type Request = Readonly<{ userId: UserId; policyId: PolicyId; transactionId: string; requestedAt: number }>;

const id = z.string().refine(isId, 'must be an id of the shop');
/** Members that newer senders add are passed over. */
const schema = z.object({
  userId: id,
  policyId: id,
  transactionId: transactionIdInput,
  requestedAt: timeInput,
});

const CORRELATION = 'correlation-id';

export const requestMessage = ({ userId, policyId, transactionId, requestedAt }: Request, correlationId: string): Message => ({
  key: policyId,
  value: JSON.stringify({ userId, policyId, transactionId, requestedAt: new Date(requestedAt).toISOString() }),
  headers: { [CORRELATION]: correlationId },
});

/** The request in a message, or what is wrong with it. */
export type Understood =
  | Readonly<{ kind: 'request'; request: Request }>
  | Readonly<{ kind: 'poison'; reason: 'unreadable' | 'malformed'; detail: string }>;

export const understand = ({ value }: Received): Understood => {
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch (error) {
    return { kind: 'poison', reason: 'unreadable', detail: (error as Error).message };
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return { kind: 'request', request: parsed.data as Request };
  const detail = parsed.error.issues.map(({ path, message }) => `/${path.join('/')}: ${message}`).join('; ');
  return { kind: 'poison', reason: 'malformed', detail };
};

export const correlationIdIn = ({ headers }: Received, otherwise: string): string => {
  const given: string | undefined = headers[CORRELATION];
  return given !== undefined && isId(given) ? given : otherwise;
};

/** Every delivery of a request is the same command. */
export const commandIdOfRequest = ({ policyId, transactionId }: Request): CommandId => commandIdOf(['queue', policyId], transactionId);
