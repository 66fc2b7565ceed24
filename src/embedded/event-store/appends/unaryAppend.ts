import { APPEND_DATA_BYTES_MAX } from '../limits.ts';
import type { ProposedEvent } from '../storage/record.ts';
import { refusal, streamDeleted, writeTimedOut } from '../streams/streamErrors.ts';
import { type Call, CallFailed, frame, Status } from '../transport/grpc.ts';
import { ProtoReader, ProtoWriter } from '../transport/protobuf.ts';
import { putAppended, putAppendRefused } from './appendAnswers.ts';
import { type AppendOptions, checkStreamName, readAppendPart } from './appendMessages.ts';
import type { AppendResult, Log } from './log.ts';

const tooLarge = (): CallFailed =>
  new CallFailed(Status.invalidArgument, `an append of more than ${APPEND_DATA_BYTES_MAX} bytes of data`, {
    exception: 'maximum-append-size-exceeded',
    'maximum-append-size': String(APPEND_DATA_BYTES_MAX),
  });

const answer = (call: Call, { stream, expected }: AppendOptions, result: AppendResult): void => {
  if (result.kind === 'timeout' || result.kind === 'deleted') {
    call.fail(result.kind === 'timeout' ? writeTimedOut() : streamDeleted(stream));
    return;
  }
  const writer = new ProtoWriter();
  if (result.kind === 'appended') putAppended(writer, result.revision, result.position);
  else putAppendRefused(writer, expected, result.current);
  call.send(frame(writer.take()));
  call.finish(Status.ok);
};

/** `Streams/Append`: one append per call, an event per message. A wrong expected revision is an answer, not an error. */
export const unaryAppend = (call: Call, log: Log, clock: () => number): void => {
  const events: ProposedEvent[] = [];
  let options: AppendOptions | undefined;
  let dataBytes = 0;
  const memory = call.half();
  call.onClose(() => memory.end());
  const take = (bytes: Buffer): void => {
    const part = readAppendPart(new ProtoReader(bytes), clock());
    if (part.kind === 'options') {
      checkStreamName(part.options.stream);
      options = part.options;
      return;
    }
    dataBytes += part.event.data.length;
    if (dataBytes > APPEND_DATA_BYTES_MAX) throw tooLarge();
    events.push(part.event);
  };
  call.receive({
    message: (bytes) => {
      try {
        take(bytes);
      } catch (error) {
        throw refusal(error);
      }
      memory.grow(bytes.length);
    },
    end: () => {
      const given = options;
      if (given === undefined) throw new CallFailed(Status.invalidArgument, 'an append without options');
      memory.end();
      log.append({ ...given, events }, (result) => answer(call, given, result));
    },
  });
};
