import { TOMBSTONE_REVISION } from '../storage/record.ts';
import type { Cursor, Head, Storage } from '../storage/storage.ts';
import { streamDeleted } from '../streams/streamErrors.ts';
import { headOf, streamState } from '../streams/streamState.ts';
import { type Call, CallFailed, Status } from '../transport/grpc.ts';
import { compileFilter, type Filter, type FilterExpression } from './filter.ts';
import { putResolved } from './links.ts';
import { PageSize } from './pageSize.ts';
import { ReadAnswers, type ReadRequest } from './readMessages.ts';

const BEYOND_ALL = Number.MAX_SAFE_INTEGER;

/** A stream's head, as long as the stream is not ended under its reader. @throws CallFailed when it is. */
const liveHead = (storage: Storage, stream: string): Head | undefined => {
  const head = headOf(storage, stream);
  if (head?.last === TOMBSTONE_REVISION) throw streamDeleted(stream);
  return head;
};

/** Up one stream, behind revision `after`. */
const streamForwards = (storage: Storage, stream: string, after: number): Cursor => {
  let last = after;
  return (limit, visit) => {
    const head = liveHead(storage, stream);
    if (head === undefined || head.last <= last) return 0;
    const count = storage.streamForwards(head.ordinal, last, limit, visit);
    last += count;
    return count;
  };
};

/** Down one stream, from below revision `before` to revision `first`. */
const streamBackwards = (storage: Storage, stream: string, before: number, first: number): Cursor => {
  let lowest = before;
  return (limit, visit) => {
    const head = liveHead(storage, stream);
    if (head === undefined) return 0;
    lowest = Math.min(lowest, head.last + 1);
    const count = lowest <= first ? 0 : storage.streamBackwards(head.ordinal, lowest, Math.min(limit, lowest - first), visit);
    lowest -= count;
    return count;
  };
};

/** Upwards a position is inclusive, downwards exclusive. */
const logCursor = (storage: Storage, { from, backwards }: ReadRequest): Cursor => {
  const start = from.kind === 'start' ? 0 : from.kind === 'end' ? BEYOND_ALL : from.at;
  return backwards ? storage.downwards(start) : storage.upwards(start);
};

/** A revision is inclusive both ways. `undefined` when there is no such stream. @throws CallFailed when it is ended for ever. */
const streamCursor = (storage: Storage, stream: string, { from, backwards }: ReadRequest, nowMs: number): Cursor | undefined => {
  const start = from.kind === 'start' ? 0 : from.kind === 'end' ? BEYOND_ALL : from.at;
  const state = streamState(storage, stream, nowMs, backwards ? 0 : start);
  if (state.kind === 'deleted') throw streamDeleted(stream);
  if (state.kind === 'missing') return undefined;
  if (!backwards) return streamForwards(storage, stream, state.first - 1);
  return streamBackwards(storage, stream, start === BEYOND_ALL ? start : start + 1, state.first);
};

/** @throws CallFailed when the regular expression cannot be compiled. */
export const filterOf = (expression: FilterExpression): Filter => {
  try {
    return compileFilter(expression);
  } catch (error) {
    throw new CallFailed(Status.invalidArgument, `the filter: ${error instanceof Error ? error.message : String(error)}`);
  }
};

const answerNotFound = (call: Call, stream: string): void => {
  const answers = new ReadAnswers();
  answers.streamNotFound(stream);
  call.send(answers.take());
  call.finish(Status.ok);
};

/**
 * `Streams/Read` of a number of events; of a filtered read only those that match count. No more is read from disk than the
 * client takes. A stream without events is answered by a message, not by an error.
 */
export const readEvents = async (
  call: Call,
  storage: Storage,
  request: ReadRequest,
  maxCount: number,
  clock: () => number,
): Promise<void> => {
  const { stream, resolveLinks } = request;
  const filter = request.filter === undefined ? undefined : filterOf(request.filter.expression);
  const page = stream === undefined ? logCursor(storage, request) : streamCursor(storage, stream, request, clock());
  if (page === undefined) return answerNotFound(call, stream ?? '');
  const answers = new ReadAnswers();
  let left = maxCount;
  const visit = (record: Buffer, position: number): void => {
    if (left === 0 || (filter !== undefined && !filter(record))) return;
    if (resolveLinks) putResolved(answers, storage, clock(), record, position);
    else answers.event(record, position);
    left--;
  };
  const size = new PageSize();
  while (left > 0) {
    const limit = filter === undefined ? Math.min(left, size.events) : size.events;
    const before = answers.length;
    const begun = performance.now();
    if (page(limit, visit) < limit) break;
    size.learn(answers.length - before, performance.now() - begun);
    if (answers.isFull && !call.send(answers.take()) && !(await call.writable())) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (!call.isOpen) return;
  }
  if (!answers.isEmpty) call.send(answers.take());
  call.finish(Status.ok);
};
