import type { RequestHandler } from 'express';
import type { z } from 'zod';
import type { ProblemName } from './problem.ts';

/** Headers of an answer that only some routes give; those that all give are described by the document itself. */
export type AnswerHeader = 'Location' | 'Retry-After' | 'Link' | 'Cache-Control' | 'Idempotent-Replayed';

/** What a route answers with one status: the shape of its body, and headers of its own. `type` is the media type, JSON unless said. */
export type Answered = z.ZodType | Readonly<{ body: z.ZodType; headers?: readonly AnswerHeader[]; what?: string; type?: string }>;

/** A refusal by its name, with its status where that differs from the catalogue of problems. */
export type Refusal = ProblemName | readonly [problem: ProblemName, status: number];

/**
 * What a route takes and gives. `params`, `query` and `body` are the very parsers that its handler uses, so that the
 * document made of them cannot say anything else than what is checked. Left out are what all routes of a side have in common:
 * read tokens and keys, `invalid-request`, the problems of a part that is down (see `openapi.ts`).
 */
export type RouteDescription = Readonly<{
  /** One line, as a command to the API: "Charge a balance". */
  summary: string;
  /** More, in Markdown, where the line does not suffice. */
  details?: string;
  /** `query`: reads views and waits for a read token. `command`: decides on streams and may be repeated under a key. By the method, unless said. */
  kind?: 'query' | 'command' | 'system';
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** Whether a request without a body is taken too. */
  bodyOptional?: boolean;
  /** Successes, by status. */
  answers: Readonly<Record<number, Answered>>;
  /** Refusals besides those that every route of its kind may give. */
  problems?: readonly Refusal[];
}>;

export type DescribedRoute = Readonly<{ description: RouteDescription; handler: RequestHandler }>;

/**
 * Handlers by method and path, `'GET /users/:userId/balance'`, described or bare. Their order means nothing. A bare
 * route is served as well, and appears in no document.
 */
export type RouteTable = Readonly<Record<string, RequestHandler | DescribedRoute>>;

/** A route that tells what it takes and gives. */
export const route = (description: RouteDescription, handler: RequestHandler): DescribedRoute => ({ description, handler });

export const handlerOf = (entry: RequestHandler | DescribedRoute): RequestHandler => (typeof entry === 'function' ? entry : entry.handler);

export const descriptionOf = (entry: RequestHandler | DescribedRoute): RouteDescription | null =>
  typeof entry === 'function' ? null : entry.description;

/** A key of a table in its two parts. */
export const partsOf = (key: string): readonly [method: string, path: string] => {
  const [method = '', path = ''] = key.split(' ');
  return [method, path];
};
