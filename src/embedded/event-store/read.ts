import { compileFilter, type Filter, type FilterExpression } from './filter.ts';
import { type Call, CallFailed, Status } from './grpc.ts';
import { READ_PAGE_EVENTS_MAX } from './limits.ts';
import { ReadAnswers, type ReadRequest } from './readMessages.ts';
import type { Storage, Visit } from './storage.ts';

/** Reads on from where it stopped, up to `limit` events; returns how many there were. */
export type Cursor = (limit: number, visit: Visit) => number;

const BEYOND_ALL = Number.MAX_SAFE_INTEGER;

/** Up the whole log, behind position `after` (-1: from the start). */
export const logForwards = (storage: Storage, after: number): Cursor => {
  let last = after;
  return (limit, visit) =>
    storage.forwards(last, limit, (record, position) => {
      last = position;
      visit(record, position);
    });
};

const logBackwards = (storage: Storage, before: number): Cursor => {
  let first = before;
  return (limit, visit) =>
    storage.backwards(first, limit, (record, position) => {
      first = position;
      visit(record, position);
    });
};

/** Up one stream, behind revision `after`. The stream need not exist yet. */
export const streamForwards = (storage: Storage, stream: string, after: number): Cursor => {
  let last = after;
  return (limit, visit) => {
    const head = storage.head(stream);
    if (head === undefined || head.last <= last) return 0;
    const count = storage.streamForwards(head.ordinal, last, limit, visit);
    last += count;
    return count;
  };
};

const streamBackwards = (storage: Storage, stream: string, before: number): Cursor => {
  let first = before;
  return (limit, visit) => {
    const head = storage.head(stream);
    if (head === undefined) return 0;
    first = Math.min(first, head.last + 1);
    const count = storage.streamBackwards(head.ordinal, first, limit, visit);
    first -= count;
    return count;
  };
};

/** Reads of `$all` take a position upwards inclusive, downwards exclusive; reads of a stream a revision inclusive both ways. */
const cursorOf = (storage: Storage, { stream, from, backwards }: ReadRequest): Cursor => {
  const start = from.kind === 'start' ? 0 : from.kind === 'end' ? BEYOND_ALL : from.at;
  if (stream === undefined) return backwards ? logBackwards(storage, start) : logForwards(storage, start - 1);
  if (!backwards) return streamForwards(storage, stream, start - 1);
  return streamBackwards(storage, stream, from.kind === 'end' ? BEYOND_ALL : start + 1);
};

/** @throws CallFailed when the regular expression cannot be compiled. */
export const filterOf = (expression: FilterExpression): Filter => {
  try {
    return compileFilter(expression);
  } catch (error) {
    throw new CallFailed(Status.invalidArgument, `the filter: ${error instanceof Error ? error.message : String(error)}`);
  }
};

/**
 * `Streams/Read` of a number of events. No more is read from disk than the client takes.
 * A stream without events is answered by a message, not by an error.
 */
export const readEvents = async (call: Call, storage: Storage, request: ReadRequest, maxCount: number): Promise<void> => {
  const answers = new ReadAnswers();
  const filter = request.filter === undefined ? undefined : filterOf(request.filter.expression);
  if (request.stream !== undefined && storage.head(request.stream) === undefined) {
    answers.streamNotFound(request.stream);
    call.send(answers.take());
    return call.finish(Status.ok);
  }
  const page = cursorOf(storage, request);
  let left = maxCount;
  while (left > 0) {
    const limit = Math.min(left, READ_PAGE_EVENTS_MAX);
    const count = page(limit, (record, position) => {
      if (filter !== undefined && !filter(record)) return;
      answers.event(record, position);
      left--;
    });
    if (count < limit) break;
    if (answers.isFull && !call.send(answers.take()) && !(await call.writable())) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (!call.isOpen) return;
  }
  if (!answers.isEmpty) call.send(answers.take());
  call.finish(Status.ok);
};
