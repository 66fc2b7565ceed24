/**
 * Everything that can go wrong for a caller, by name: status, title, and the Korean message of the shop's
 * first clients where they have one. The one place that says how each is told over HTTP (RFC 9457).
 */
const catalogue = {
  'invalid-request': [400, 'The request is not valid', '잘못된 요청입니다.'],
  'unknown-policy': [404, 'No such coupon policy', '존재하지 않는 쿠폰 정책입니다.'],
  'not-open': [400, 'The coupon policy is not open now', '쿠폰 정책이 유효하지 않습니다.'],
  'sold-out': [409, 'No coupon is left', '남은 쿠폰 수량이 없습니다.'],
  'already-issued': [409, 'This user holds a coupon of the policy already', '이미 발급된 쿠폰입니다.'],
  'unknown-coupon': [404, 'No such coupon', '쿠폰을 찾을 수 없습니다.'],
  'coupon-unavailable': [400, 'The coupon cannot be used', '사용할 수 없는 쿠폰입니다.'],
  'coupon-not-used': [409, 'The coupon is not used', '사용되지 않은 쿠폰입니다.'],
  'coupon-in-order': [409, 'The coupon paid for an order that was placed', null],
  'insufficient-balance': [400, 'The balance does not cover the order', '잔액이 부족합니다.'],
  'out-of-stock': [409, 'The stock does not cover the order', '상품 재고가 부족하거나 상품을 찾을 수 없습니다.'],
  'unknown-product': [404, 'No such product', '상품을 찾을 수 없습니다.'],
  'unknown-order': [404, 'No such order', null],
  'product-exists': [409, 'A product has this id already', null],
  'policy-term-immutable': [409, 'This term of a policy never changes', 'type 은 변경할 수 없습니다.'],
  'limit-exceeded': [409, 'The result would be above a limit', null],
  'too-many-open-orders': [429, 'Too many orders of this user have no outcome yet', null],
  'too-many-requests': [429, 'Requests come faster than this server was told to take them', null],
  'request-in-progress': [409, 'A request with this key is still running', null],
  'key-reused': [422, 'The idempotency key belongs to another request', null],
  'read-model-behind': [503, 'The view has not reached your write yet', null],
  contended: [503, 'Too many conflicts to decide now', null],
  overloaded: [503, 'Too much is waiting already', null],
  unavailable: [503, 'A part this needs is down', null],
  'not-found': [404, 'No such path', null],
  'method-not-allowed': [405, 'The path does not take this method', null],
  'payload-too-large': [413, 'The body is too large', null],
  'unsupported-media-type': [415, 'The body is not JSON in UTF-8', null],
  internal: [500, 'Something went wrong here', '서버 오류가 발생했습니다.'],
} as const satisfies Record<string, readonly [status: number, title: string, message: string | null]>;

export type ProblemName = keyof typeof catalogue;

/** Problems that pass by themselves: their answers say when to ask again. */
const PASSING: readonly ProblemName[] = [
  'too-many-open-orders',
  'too-many-requests',
  'request-in-progress',
  'read-model-behind',
  'contended',
  'overloaded',
  'unavailable',
];
export const isPassing = (problem: ProblemName): boolean => PASSING.includes(problem);

/** Members added to a problem. `status` replaces the catalogue's where an interface wants another, `message` likewise. */
export type ProblemExtra = Readonly<{ status?: number; message?: string } & Record<string, unknown>>;

/** Thrown by whatever a request runs through; told by the error handler of the app. */
export class Problem extends Error {
  override name = 'Problem';
  readonly problem: ProblemName;
  readonly extra: ProblemExtra;

  constructor(problem: ProblemName, detail: string, extra: ProblemExtra = {}) {
    super(detail);
    this.problem = problem;
    this.extra = extra;
  }

  get status(): number {
    return this.extra.status ?? catalogue[this.problem][0];
  }
}

/** The body of a problem answer. `instance` is the correlation id, which the log carries too. */
export const toProblemJson = (problem: Problem, instance: string): Readonly<Record<string, unknown>> => {
  const [, title, korean] = catalogue[problem.problem];
  return {
    ...problem.extra,
    type: `/problems/${problem.problem}`,
    title,
    status: problem.status,
    detail: problem.message,
    message: problem.extra.message ?? korean ?? problem.message,
    instance,
  };
};
