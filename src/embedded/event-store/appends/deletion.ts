import { refusal, streamDeleted, writeTimedOut, wrongExpectedVersion } from '../streams/streamErrors.ts';
import { type Call, CallFailed, frame, Status } from '../transport/grpc.ts';
import { ProtoReader, ProtoWriter } from '../transport/protobuf.ts';
import type { Deletion } from './append.ts';
import { type AppendOptions, checkStreamName, readDeleteRequest } from './appendMessages.ts';
import type { AppendResult, Log } from './log.ts';

/** `DeleteResp` and `TombstoneResp`, which are alike. */
const putDeleted = (writer: ProtoWriter, position: number | undefined): void => {
  if (position === undefined) writer.empty(2);
  else writer.message(1, (place) => place.uint(1, position).uint(2, position));
};

const failure = ({ stream, expected }: AppendOptions, result: Exclude<AppendResult, { kind: 'appended' }>): CallFailed => {
  switch (result.kind) {
    case 'deleted':
      return streamDeleted(stream);
    case 'wrong':
      return wrongExpectedVersion(stream, expected, result.current);
    case 'timeout':
      return writeTimedOut();
  }
};

const answer = (call: Call, options: AppendOptions, result: AppendResult): void => {
  if (result.kind !== 'appended') {
    call.fail(failure(options, result));
    return;
  }
  const writer = new ProtoWriter();
  putDeleted(writer, result.position);
  call.send(frame(writer.take()));
  call.finish(Status.ok);
};

/** `Streams/Delete` and `Streams/Tombstone`. A wrong expected revision is an error here, other than for an append. */
export const deleteStream = (call: Call, log: Log, deletion: Deletion, clock: () => number): void => {
  let options: AppendOptions | undefined;
  call.receive({
    message: (bytes) => {
      try {
        const given = readDeleteRequest(new ProtoReader(bytes), clock());
        checkStreamName(given.stream);
        options = given;
      } catch (error) {
        throw refusal(error);
      }
    },
    end: () => {
      const given = options;
      if (given === undefined) throw new CallFailed(Status.invalidArgument, 'a deletion without options');
      log.delete({ ...given, deletion }, (result) => answer(call, given, result));
    },
  });
};
