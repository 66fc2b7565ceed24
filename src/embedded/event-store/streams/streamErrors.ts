import type { Expected } from '../appends/append.ts';
import { BadAppend, MissingMetadata } from '../appends/appendMessages.ts';
import { CallFailed, Status } from '../transport/grpc.ts';

const PRINTABLE = /^[!-~](?:[ -~]*[!-~])?$/;
/**
 * A stream's name as a header can carry it: percent-encoded unless it is printable ASCII without blanks at its ends. The client
 * of npm shows it as it comes; without it, or with other bytes in it, the client would not build its error at all.
 */
const headerName = (stream: string): string => (PRINTABLE.test(stream) ? stream : encodeURIComponent(stream));

/** The stream is ended for ever, as a call's error. */
export const streamDeleted = (stream: string): CallFailed =>
  new CallFailed(Status.failedPrecondition, `the stream '${stream}' is deleted`, {
    exception: 'stream-deleted',
    'stream-name': headerName(stream),
  });

const EXPECTED_NUMBERS = { 'no-stream': -1, any: -2, 'stream-exists': -4 } as const;

/** A wrong expected revision where it is a call's error, not an answer. `current` is -1 when there is no event. */
export const wrongExpectedVersion = (stream: string, expected: Expected, current: number): CallFailed => {
  const number = expected.kind === 'revision' ? expected.revision : EXPECTED_NUMBERS[expected.kind];
  return new CallFailed(Status.failedPrecondition, `the stream '${stream}' is at revision ${current}, not as expected (${number})`, {
    exception: 'wrong-expected-version',
    'stream-name': headerName(stream),
    'expected-version': String(number),
    'actual-version': String(current),
  });
};

export const writeTimedOut = (): CallFailed => new CallFailed(Status.aborted, 'the write was not on disk in time');

/** What was thrown while a write was being read, as the call's status. */
export const refusal = (error: unknown): unknown => {
  if (error instanceof MissingMetadata) {
    const required = { exception: 'missing-required-metadata-property', 'required-metadata-properties': 'type,content-type' };
    return new CallFailed(Status.invalidArgument, error.message, required);
  }
  return error instanceof BadAppend ? new CallFailed(Status.invalidArgument, error.message) : error;
};
