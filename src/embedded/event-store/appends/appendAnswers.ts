import { ProtoWriter } from '../transport/protobuf.ts';
import type { Expected } from './append.ts';
import type { AppendOptions } from './appendMessages.ts';
import type { AppendResult } from './log.ts';

/** Why an append failed, for `google.rpc.Status`. */
export type AppendFailure =
  | Exclude<AppendResult, { kind: 'appended' }>
  | Readonly<{ kind: 'too-large'; maxBytes: number }>
  | Readonly<{ kind: 'bad-request'; message: string }>;

/** Writes the expectation into the oneof whose four fields (revision, any, exists, none) are named. */
const putExpected = (writer: ProtoWriter, expected: Expected, fields: Readonly<Record<Expected['kind'], number>>): void => {
  if (expected.kind === 'revision') writer.uint(fields.revision, expected.revision);
  else writer.empty(fields[expected.kind]);
};

const putPosition = (writer: ProtoWriter, position: number | undefined): void => {
  if (position === undefined) writer.empty(4);
  else writer.message(3, (place) => place.uint(1, position).uint(2, position));
};

/** `Success` of both append calls: the revision or none, the position or none. */
const putSuccess = (writer: ProtoWriter, revision: number, position: number | undefined): void => {
  if (revision < 0) writer.empty(2);
  else writer.uint(1, revision);
  putPosition(writer, position);
};

const putWrongVersion = (writer: ProtoWriter, expected: Expected, current: number): void => {
  if (current < 0) writer.empty(2);
  else writer.uint(1, current);
  putExpected(writer, expected, { revision: 3, any: 4, 'stream-exists': 5, 'no-stream': 6 });
};

const FAILURES = {
  wrong: { code: 6, name: 'WrongExpectedVersion' },
  deleted: { code: 5, name: 'StreamDeleted' },
  timeout: { code: 4, name: 'Timeout' },
  'too-large': { code: 3, name: 'MaximumAppendSizeExceeded' },
  'bad-request': { code: 3, name: 'BadRequest' },
} as const;

const putStatus = (status: ProtoWriter, failure: AppendFailure, { stream, expected }: AppendOptions): void => {
  const { code, name } = FAILURES[failure.kind];
  const message = failure.kind === 'bad-request' ? failure.message : name;
  const detail = new ProtoWriter();
  if (failure.kind === 'wrong') putWrongVersion(detail, expected, failure.current);
  if (failure.kind === 'deleted') detail.message(1, (identifier) => identifier.string(3, stream));
  if (failure.kind === 'too-large') detail.uint(1, failure.maxBytes);
  if (failure.kind === 'bad-request') detail.string(1, failure.message);
  status.uint(1, code).string(2, message);
  status.message(3, (any) => any.string(1, `type.googleapis.com/event_store.client.${name}`).bytes(2, detail.take()));
};

/** `BatchAppendResp`. The stream's identifier is always set: the client of npm reads it without looking. */
export const putBatchAppendAnswer = (
  writer: ProtoWriter,
  correlationId: Buffer,
  options: AppendOptions,
  answer: AppendFailure | AppendResult,
): void => {
  const { stream, expected } = options;
  writer.bytes(1, correlationId);
  if (answer.kind === 'appended') writer.message(3, (success) => putSuccess(success, answer.revision, answer.position));
  else writer.message(2, (status) => putStatus(status, answer, options));
  writer.message(4, (identifier) => identifier.string(3, stream));
  putExpected(writer, expected, { revision: 5, 'no-stream': 6, any: 7, 'stream-exists': 8 });
};

/** `AppendResp.success`. */
export const putAppended = (writer: ProtoWriter, revision: number, position: number | undefined): void => {
  writer.message(1, (success) => putSuccess(success, revision, position));
};

/** `AppendResp.wrong_expected_version`, in its present form and in that of servers up to 20.6. */
export const putAppendRefused = (writer: ProtoWriter, expected: Expected, current: number): void => {
  writer.message(2, (wrong) => {
    if (current < 0) wrong.empty(2).empty(7);
    else wrong.uint(1, current).uint(6, current);
    putExpected(wrong, expected, { revision: 8, any: 9, 'stream-exists': 10, 'no-stream': 11 });
  });
};
