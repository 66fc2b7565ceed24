/** gRPC status codes in use. Source: https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
export const Status = {
  ok: 0,
  invalidArgument: 3,
  deadlineExceeded: 4,
  failedPrecondition: 9,
  resourceExhausted: 8,
  unimplemented: 12,
  aborted: 10,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
} as const;

/** Ends a call with a status; thrown by whoever handles the call's messages. */
export class CallFailed extends Error {
  override name = 'CallFailed';
  readonly status: number;
  readonly trailers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, trailers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.trailers = trailers;
  }
}
