import {
  AccessDeniedError,
  InvalidArgumentError,
  MaxAppendSizeExceededError,
  RequiredMetadataPropertyMissingError,
  StreamDeletedError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { AppendInDoubt, AppendRefused, AppendTooLarge, StoreUnavailable, WrongRevision } from './eventStore.ts';

/** gRPC status codes that say the request itself is at fault: INVALID_ARGUMENT, PERMISSION_DENIED, UNAUTHENTICATED. */
const refusalCodes: ReadonlySet<unknown> = new Set([3, 7, 16]);

/** Whether the server said that this will never be allowed. By class and by code: while disconnected the client throws plain errors (CL5). */
const isRefusal = (error: unknown): boolean =>
  error instanceof AccessDeniedError ||
  error instanceof StreamDeletedError ||
  error instanceof InvalidArgumentError ||
  error instanceof RequiredMetadataPropertyMissingError ||
  (error instanceof Error && 'code' in error && refusalCodes.has(error.code));

/** What an error of the client says about an append: failed for certain in the few named cases, in doubt in all others, NotLeader too. */
export const appendError = (stream: string, error: unknown): Error => {
  const cause = { cause: error };
  // None of the numbers in the error are used (CL8): on a conflict the tail is read.
  if (error instanceof WrongExpectedVersionError) return new WrongRevision(`${stream} is at another revision`, cause);
  if (error instanceof MaxAppendSizeExceededError) return new AppendTooLarge(`the append to ${stream} is too large for the store`, cause);
  if (isRefusal(error)) return new AppendRefused(`the store refuses to append to ${stream}: ${messageOf(error)}`, cause);
  return new AppendInDoubt(`no answer about ${stream}: ${messageOf(error)}`, cause);
};

/** What an error of the client says about a read; a refusal stays what it is, for trying again will not help. */
export const readError = (what: string, error: unknown): Error =>
  isRefusal(error) && error instanceof Error ? error : new StoreUnavailable(`cannot read ${what}: ${messageOf(error)}`, { cause: error });

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
