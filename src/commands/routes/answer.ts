import type { Request, Response } from 'express';
import { z } from 'zod';
import type { CommandId } from '../../domain/ids.ts';
import type { Metadata, Position } from '../../platform/eventStore/eventStore.ts';
import { correlationIdOf } from '../../platform/http.ts';
import { commandIdOf, idempotencyKeyOf } from '../../platform/idempotency.ts';
import { parseBody, parseQuery } from '../../platform/input.ts';

/** One command as it came in: its identity, and what its events say of where they come from. */
export type Incoming = Readonly<{ commandId: CommandId; about: Metadata }>;

/** `scope`: the operation, the user, and whatever else chooses the stream. */
export const incoming = (req: Request, res: Response, scope: readonly string[], actor: string, keyRequired = false): Incoming => {
  const commandId = commandIdOf(scope, idempotencyKeyOf(req, keyRequired));
  const correlationId = correlationIdOf(res);
  return { commandId, about: { commandId, correlationId, causationId: correlationId, actor } };
};

export const noQuery = z.strictObject({});

/** The body of a command that takes nothing by query: a member there would be a wish, a coupon say, that nobody hears. */
export const bodyAlone = <T>(schema: z.ZodType<T>, req: Request): T => {
  parseQuery(noQuery, req);
  return parseBody(schema, req);
};

/** Marks an answer, refusals included, with what a query has to reach, and whether it is a repeat of an earlier one. */
export const mark = (res: Response, position: Position, replayed = false): Response => {
  res.setHeader('Read-After', String(position));
  if (replayed) res.setHeader('Idempotent-Replayed', 'true');
  return res;
};

/** A recorded time as answers carry it. */
export const timeText = (at: number): string => new Date(at).toISOString();
