import type { Request, Response } from 'express';
import { z } from 'zod';
import { readAfterOf } from '../../platform/input.ts';
import { Problem, type ProblemName } from '../../platform/problem.ts';
import { PAGE_MAX, type Page } from '../page.ts';
import type { ReadGate } from '../readGate.ts';
import type { Snapshot, ViewName } from '../readModels.ts';

/** `?limit=` and `?after=`, as every list takes them. */
export const pageQuery = {
  limit: z
    .string()
    .regex(/^([1-9][0-9]?|100)$/, `must be a whole number from 1 to ${PAGE_MAX}`)
    .transform(Number)
    .default(PAGE_MAX)
    .meta({ description: `Rows at most, 1 to ${PAGE_MAX}, which is also the default.` }),
  after: z.string().optional().meta({ description: 'The cursor of a Link that this list gave.' }),
};

export const noQuery = z.strictObject({});

/** What `read` finds at or past the position the caller has seen. */
export const fresh = <T>(
  gate: ReadGate,
  req: Request,
  views: readonly ViewName[],
  read: (token: bigint | null) => Promise<Snapshot<T>>,
) => {
  const token = readAfterOf(req);
  return gate.pass(token, views, () => read(token));
};

/** An answer that must not be kept by anyone: another one may be true a moment later. */
export const unstored = (res: Response): Response => {
  res.setHeader('Cache-Control', 'no-store');
  return res;
};

/** Before the first event a view has no position; it says 0, the least that a client can send back. */
const nameAsOf = (res: Response, asOf: bigint): void => {
  res.setHeader('As-Of', String(asOf < 0n ? 0n : asOf));
};

/** Ready JSON, with the position it is the state at. */
export const answer = (res: Response, { asOf, value }: Snapshot<string>): void => {
  nameAsOf(res, asOf);
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  res.end(value);
};

/** One thing, or the problem that says there is none. */
export const answerOne = (res: Response, { asOf, value }: Snapshot<string | null>, unknown: ProblemName, detail: string): void => {
  if (value === null) {
    nameAsOf(res, asOf);
    throw new Problem(unknown, detail);
  }
  answer(res, { asOf, value });
};

/** A bare array, and a link to the next page when more follow. */
export const answerPage = (req: Request, res: Response, { asOf, value: page }: Snapshot<Page>): void => {
  if (page.next !== null) {
    const { readAfter: _token, after: _after, ...filters } = req.query as Record<string, string>;
    const query = new URLSearchParams({ ...filters, after: page.next });
    res.setHeader('Link', `<${req.baseUrl}${req.path}?${query.toString()}>; rel="next"`);
  }
  answer(res, { asOf, value: page.items });
};

/** A page of what belongs to one thing, or the problem that says there is no such thing. */
export const answerPageOf = (req: Request, res: Response, page: Snapshot<Page | null>, unknown: ProblemName, detail: string): void => {
  const { asOf, value } = page;
  if (value === null) {
    nameAsOf(res, asOf);
    throw new Problem(unknown, detail);
  }
  answerPage(req, res, { asOf, value });
};
