import { check, sleep } from 'k6';
import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import grpc, { type Response } from 'k6/net/grpc';
import { faultsExpected, grpcAddresses } from './environment.ts';
import { countRefusal } from './tally.ts';

/** Seed 004's services as they stand in `proto/`, by the names of k6's metrics; what warms up counts in no figure. */
const METHODS = {
  give: 'user_coupon.UserCouponService/Give',
  find_all: 'coupon.CouponService/FindAll',
  warm: 'user_coupon.UserCouponService/Give',
} as const;

/** How long an answer may stay unknown before a caller gives up, in milliseconds. */
const UNKNOWN_MAX_MS = 60_000;
const RETRY_PAUSE_S = 0.4;
const CALL_MAX = '10s';
/** Unexpected answers one virtual user prints. */
const PRINTED_MAX = 2;

/** Statuses by the names that Go, and so k6, gives them: its numbers are objects, which equal no number. */
export type Status = 'OK' | 'AlreadyExists' | 'ResourceExhausted';

/** Names of refusals as over HTTP; what is not here, as UNKNOWN, is a bug and counted as `other`. */
const problems: Readonly<Record<string, string>> = {
  InvalidArgument: 'invalid-request',
  DeadlineExceeded: 'no-answer',
  NotFound: 'unknown-policy',
  AlreadyExists: 'already-issued',
  ResourceExhausted: 'sold-out',
  FailedPrecondition: 'not-open',
  Internal: 'internal',
  Unavailable: 'unavailable',
};

type Answer = Pick<Response, 'message' | 'error'> & Readonly<{ status: unknown }>;
const NOBODY: Answer = { status: 'Unavailable', message: {}, error: { message: 'no connection' } };

const rpcs = new Counter('rpcs');
const client = new grpc.Client();
client.load(['../proto'], 'coupon.proto', 'user_coupon.proto');

/** Every virtual user has one connection, to one of the servers, as long as it lives. */
let connected = false;
let printed = 0;

const connect = (): boolean => {
  try {
    if (!connected) client.connect(grpcAddresses[exec.vu.idInTest % grpcAddresses.length] ?? '', { plaintext: true, timeout: CALL_MAX });
    connected = true;
  } catch {
    // As a call that is not answered: nobody was reached.
  }
  return connected;
};

export const statusOf = ({ status }: Answer): string => String(status);

export const isUnknownRpc = (answer: Answer): boolean => ['Unavailable', 'DeadlineExceeded'].includes(statusOf(answer));

/**
 * One call. Its status must be among `expected`. Where faults are expected, an answer that stays unknown is asked for again under the
 * same key, for at most 60 s; where none are, it is a miss.
 */
export const call = (name: keyof typeof METHODS, request: object, expected: readonly Status[], key?: string): Answer => {
  const until = Date.now() + (faultsExpected ? UNKNOWN_MAX_MS : 0);
  let answer = tryCall(name, request, key);
  while (isUnknownRpc(answer) && Date.now() < until) {
    sleep(RETRY_PAUSE_S * (0.5 + Math.random() / 2));
    answer = tryCall(name, request, key);
  }
  const isExpected = expected.some((status) => status === statusOf(answer));
  check(answer, { [`${name} ${expected.join(' or ')}`]: () => isExpected });
  if (!isExpected && printed < PRINTED_MAX) {
    printed += 1;
    console.error(`unexpected ${name} ${JSON.stringify(request)}: ${statusOf(answer)} ${JSON.stringify(answer.error)}`);
  }
  return answer;
};

const tryCall = (name: keyof typeof METHODS, request: object, key: string | undefined): Answer => {
  const metadata = key !== undefined && faultsExpected ? { 'idempotency-key': key } : {};
  const answer: Answer = !connect()
    ? NOBODY
    : client.invoke(METHODS[name], request, { metadata, tags: { name, audit: String(name === 'warm') }, timeout: CALL_MAX });
  if (name !== 'warm') rpcs.add(1);
  if (statusOf(answer) !== 'OK') countRefusal(problems[statusOf(answer)] ?? 'other');
  return answer;
};
