import { z } from 'zod';
import { Problem } from './problem.ts';

/** Where the clients of the first coupon queue call: they look for these members in every answer, problems included. */
const PATHS = '/api/v1/';

export const envelope = <Data>(message: string, code: number, data: Data) => ({ message, code, data });

export const envelopeShape = <Data extends z.ZodType>(data: Data) => z.object({ message: z.string(), code: z.int(), data });

/** The problem with the members that callers of this path expect. */
export const enveloped = (problem: Problem, path: string): Problem =>
  path.startsWith(PATHS) ? new Problem(problem.problem, problem.message, { ...problem.extra, code: problem.status, data: null }) : problem;
