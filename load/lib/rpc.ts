import { check, sleep } from 'k6';
import exec from 'k6/execution';
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

/** What came back, and its status in words: asked for once, since each look at what k6 hands over costs microseconds. */
type Answer = Readonly<{ status: string; response: Pick<Response, 'message' | 'error'> }>;
const NOBODY: Answer = { status: 'Unavailable', response: { message: {}, error: { message: 'no connection' } } };

const client = new grpc.Client();
client.load(['../proto'], 'coupon.proto', 'user_coupon.proto');

/** Every virtual user has one connection, to one of the servers, as long as it lives. */
let connected = false;
let printed = 0;

const connect = (): boolean => {
  try {
    client.connect(grpcAddresses[exec.vu.idInTest % grpcAddresses.length] ?? '', { plaintext: true, timeout: CALL_MAX });
    connected = true;
  } catch {
    // As a call that is not answered: nobody was reached.
  }
  return connected;
};

export const isUnknownRpc = ({ status }: Answer): boolean => status === 'Unavailable' || status === 'DeadlineExceeded';

/**
 * A call whose status must be among `expected`. Where faults are expected, an answer that stays unknown is asked for again under the
 * same key, for at most 60 s; where none are, it is a miss. What is the same in all of its calls is made here, once: at 1,500 a second
 * the script is up to a third of what k6 costs.
 */
export const rpc = (name: keyof typeof METHODS, expected: readonly Status[]) => {
  const method = METHODS[name];
  const params = { tags: { name, audit: String(name === 'warm') }, timeout: CALL_MAX };
  const statuses = new Set<string>(expected);
  const checked = { [`${name} ${expected.join(' or ')}`]: (isExpected: boolean) => isExpected };

  const tryCall = (request: object, key: string | undefined): Answer => {
    if (!connected && !connect()) return NOBODY;
    const keyed = faultsExpected && key !== undefined ? { ...params, metadata: { 'idempotency-key': key } } : params;
    const response = client.invoke(method, request, keyed);
    return { status: String(response.status), response };
  };

  const untilKnown = (request: object, key: string | undefined): Answer => {
    const until = Date.now() + UNKNOWN_MAX_MS;
    for (;;) {
      const answer = tryCall(request, key);
      if (!isUnknownRpc(answer) || Date.now() >= until) return answer;
      countRefused(answer);
      sleep(RETRY_PAUSE_S * (0.5 + Math.random() / 2));
    }
  };

  return (request: object, key?: string): Answer => {
    const answer = faultsExpected ? untilKnown(request, key) : tryCall(request, key);
    if (answer.status !== 'OK') countRefused(answer);
    const isExpected = statuses.has(answer.status);
    check(isExpected, checked);
    if (!isExpected && printed < PRINTED_MAX) {
      printed += 1;
      console.error(`unexpected ${name} ${JSON.stringify(request)}: ${answer.status} ${JSON.stringify(answer.response.error)}`);
    }
    return answer;
  };
};

const countRefused = ({ status }: Answer): void => countRefusal(problems[status] ?? 'other');
