import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import { correlationIdOf } from '../platform/http.ts';
import type { Logger } from '../platform/log.ts';
import { Problem } from '../platform/problem.ts';
import { hasBody, readBytes } from '../platform/readBytes.ts';
import { NeverSent, type Outgoing, type UpstreamClient } from './upstreamRequest.ts';
import type { Upstreams } from './upstreams.ts';

/** Headers that belong to one connection, not to the request or the answer (RFC 9110, 7.6.1), and those set anew here. */
const OF_THE_CONNECTION = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect'];

const NO_BODY = Buffer.alloc(0);

export type ProxyParts = Readonly<{ commands: Upstreams; queries: Upstreams; client: UpstreamClient; log: Logger }>;

/**
 * Passes a request on to the side that answers it, to its servers in turn. A server that cannot be reached is passed over. A query
 * that got no answer is asked again elsewhere, and so is a command under an idempotency key, which takes effect once however often it
 * is sent. A command without one may have taken effect: its caller gets 503.
 */
export const proxy =
  ({ commands, queries, client, log }: ProxyParts): RequestHandler =>
  async (req, res) => {
    const isQuery = goesToQueries(req);
    res.locals.route = isQuery ? '(queries)' : '(commands)';
    const left = new AbortController();
    res.on('close', () => res.writableFinished || left.abort());
    // Small, so it is read before a server is asked: a slow client holds none of their connections, and a request that found
    // no server can go to another.
    const body = hasBody(req) ? await readBytes(req, res) : NO_BODY;
    const outgoing = { method: req.method, path: req.url, headers: headersFor(req, res, body), body, signal: left.signal };
    const mayRepeat = isQuery || req.headers['idempotency-key'] !== undefined;
    const answer = await firstAnswer(isQuery ? queries : commands, client, outgoing, { mayRepeat, log });
    if (left.signal.aborted) answer.destroy();
    else passOn(answer, res);
  };

/** GET and HEAD are queries, but for the waiting queue: who may act there is decided where commands are. */
const goesToQueries = ({ method, path }: Request): boolean =>
  (method === 'GET' || method === 'HEAD') && path !== '/api/queue' && !path.startsWith('/api/queue/');

const withoutHops = (headers: IncomingMessage['headers']): OutgoingHttpHeaders => {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_THE_CONNECTION.includes(name) && !named.includes(name)));
};

const headersFor = (req: Request, res: Response, body: Buffer): OutgoingHttpHeaders => {
  const { 'content-length': _length, ...headers } = withoutHops(req.headers);
  const forwarded = req.headers['x-forwarded-for'];
  return {
    ...headers,
    ...(body.length > 0 || req.method === 'POST' || req.method === 'PUT' ? { 'content-length': body.length } : {}),
    'x-forwarded-for': [...(forwarded === undefined ? [] : [forwarded]), req.socket.remoteAddress ?? ''].join(', '),
    'x-correlation-id': correlationIdOf(res),
  };
};

const firstAnswer = async (
  upstreams: Upstreams,
  client: UpstreamClient,
  outgoing: Outgoing,
  { mayRepeat, log }: Readonly<{ mayRepeat: boolean; log: Logger }>,
): Promise<IncomingMessage> => {
  let arrived = false;
  for (const upstream of upstreams.inTurn()) {
    try {
      return await client.ask(upstream, outgoing);
    } catch (error) {
      if (outgoing.signal.aborted) throw error;
      // Hundreds may be under way there: the first tells of all.
      if (upstreams.putAside(upstream)) log.warn({ err: error, upstream: upstream.origin }, 'a server behind the edge did not answer');
      arrived ||= !(error instanceof NeverSent);
      if (arrived && !mayRepeat) break;
    }
  }
  if (arrived) throw new Problem('unavailable', 'No server answered. It is not known whether this took effect.');
  throw new Problem('unavailable', 'No server that could answer this can be reached. Nothing was done.');
};

/** The answer as it is. One that breaks off breaks off here too, so that nobody takes a part for the whole. */
const passOn = (answer: IncomingMessage, res: Response): void => {
  res.status(answer.statusCode ?? 502);
  for (const [name, value] of Object.entries(withoutHops(answer.headers))) if (value !== undefined) res.setHeader(name, value);
  answer.on('error', () => res.destroy());
  answer.pipe(res);
};
