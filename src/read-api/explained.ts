import { isConnectionLoss, isRetryable, sqlStateOf } from '../platform/postgresErrors.ts';
import { Problem } from '../platform/problem.ts';

/** SQLSTATEs, by their beginning, of a server that cannot answer now: the fault is neither the caller's nor the statement's. */
const SERVER_FAULTS = ['08', '25', '28', '3D', '40', '53', '55', '57', '58', 'XX'];
/** No such table or column: the projector has not made the view yet. */
const VIEW_MISSING = ['42P01', '42703'];
/** Text that no database can hold, should it ever come past the checks of the input. */
const TEXT_REFUSED = ['22021', '22P05'];

/** What a caller is told of a failed statement; the error itself when it is a fault of ours. */
export const explained = (error: unknown): unknown => {
  const state = sqlStateOf(error) ?? '';
  if (VIEW_MISSING.includes(state)) return new Problem('unavailable', 'A read model is not built yet.');
  if (TEXT_REFUSED.includes(state)) return new Problem('invalid-request', 'The request holds text that cannot be stored.');
  if (isRetryable(error) || isConnectionLoss(error) || SERVER_FAULTS.some((start) => state.startsWith(start))) {
    return Object.assign(new Problem('unavailable', 'The read models cannot be reached now.'), { cause: error });
  }
  return error;
};
