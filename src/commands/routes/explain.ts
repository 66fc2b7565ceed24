import { AppendInDoubt, AppendRefused, StoreUnavailable } from '../../platform/eventStore/eventStore.ts';
import { Problem } from '../../platform/problem.ts';
import { QueueUnavailable } from '../../platform/queue/queue.ts';
import { Contended, Overloaded, StreamUnreadable } from '../mailbox.ts';

/** The names that callers know for what may fail on the write side. All of them mean: ask again, with the same key. */
export const explainCommandError = (error: unknown): Problem | null => {
  if (error instanceof Contended)
    return new Problem('contended', 'Others were faster too often. It is not known whether this took effect.');
  if (error instanceof Overloaded) return new Problem('overloaded', 'Too much is waiting. Nothing was done.');
  if (error instanceof AppendInDoubt)
    return new Problem('unavailable', 'The event store did not answer. It is not known whether this took effect.');
  if (error instanceof StoreUnavailable) return new Problem('unavailable', 'The event store cannot be reached.');
  if (error instanceof AppendRefused) return new Problem('unavailable', 'The event store does not take events for this stream.');
  if (error instanceof QueueUnavailable)
    return new Problem('unavailable', 'The queue did not say that it has the request. It is not known whether it does.');
  if (error instanceof StreamUnreadable) return new Problem('unavailable', 'A stream cannot be read by this version.');
  return null;
};
