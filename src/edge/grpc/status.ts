import { status } from '@grpc/grpc-js';
import type { Problem, ProblemName } from '../../platform/problem.ts';

/** How problems are told over gRPC. What is not here passes by itself: UNAVAILABLE. */
const codes: Partial<Readonly<Record<ProblemName, status>>> = {
  'invalid-request': status.INVALID_ARGUMENT,
  'key-reused': status.INVALID_ARGUMENT,
  'unknown-policy': status.NOT_FOUND,
  'unknown-coupon': status.NOT_FOUND,
  'not-open': status.FAILED_PRECONDITION,
  'sold-out': status.RESOURCE_EXHAUSTED,
  'already-issued': status.ALREADY_EXISTS,
  'policy-term-immutable': status.FAILED_PRECONDITION,
  'limit-exceeded': status.FAILED_PRECONDITION,
  'coupon-unavailable': status.FAILED_PRECONDITION,
  'coupon-not-used': status.FAILED_PRECONDITION,
  'coupon-in-order': status.FAILED_PRECONDITION,
  internal: status.INTERNAL,
};

const FORBIDDEN = 403;

export const codeOf = (problem: Problem): status =>
  problem.status === FORBIDDEN ? status.PERMISSION_DENIED : (codes[problem.problem] ?? status.UNAVAILABLE);
