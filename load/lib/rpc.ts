import { check, sleep } from 'k6';
import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import grpc, { type Response } from 'k6/net/grpc';
import { faultsExpected, grpcAddresses } from './environment.ts';
import { adderTo, countRefusal } from './tally.ts';

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

/** What came back, and its status in words: asked for once, since each look at what k6 hands over costs microseconds. */
type Answer = Readonly<{ status: string; response: Pick<Response, 'message' | 'error'> }>;
const NOBODY: Answer = { status: 'Unavailable', response: { message: {}, error: { message: 'no connection' } } };

const countRpc = adderTo(new Counter('rpcs'));
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

export const isUnknownRpc = ({ status }: Answer): boolean => status === 'Unavailable' || status === 'DeadlineExceeded';

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
  const isExpected = expected.some((status) => status === answer.status);
  check(answer, { [`${name} ${expected.join(' or ')}`]: () => isExpected });
  if (!isExpected && printed < PRINTED_MAX) {
    printed += 1;
    console.error(`unexpected ${name} ${JSON.stringify(request)}: ${answer.status} ${JSON.stringify(answer.response.error)}`);
  }
  return answer;
};

const tryCall = (name: keyof typeof METHODS, request: object, key: string | undefined): Answer => {
  const metadata = key !== undefined && faultsExpected ? { 'idempotency-key': key } : {};
  const answer = connect() ? invoke(name, request, metadata) : NOBODY;
  if (name !== 'warm') countRpc(1);
  if (answer.status !== 'OK') countRefusal(problems[answer.status] ?? 'other');
  return answer;
};

const invoke = (name: keyof typeof METHODS, request: object, metadata: Readonly<Record<string, string>>): Answer => {
  const response = client.invoke(METHODS[name], request, { metadata, tags: { name, audit: String(name === 'warm') }, timeout: CALL_MAX });
  return { status: String(response.status), response };
};
