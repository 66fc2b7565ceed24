import http from 'node:http';
import { expect } from '@jest/globals';

export type Json = Readonly<Record<string, unknown>>;
/** `body` is the parsed JSON, `text` what came over the wire. Header names are in lower case. */
export type Answer<Body = Json> = Readonly<{ status: number; headers: http.IncomingHttpHeaders; body: Body; text: string }>;
export type Options = Readonly<{
  /** Sent as Idempotency-Key. */
  key?: string;
  /** An answer whose Read-After the query has to reach. */
  after?: Readonly<{ headers: http.IncomingHttpHeaders }>;
  headers?: Readonly<Record<string, string>>;
}>;
export type Raw = Readonly<{ method: string; path: string; headers?: Readonly<Record<string, string>>; body?: string | Buffer }>;

/** One server's caller. Paths go out as they are given: nothing is normalised. */
export type Client = Readonly<{
  raw<Body = Json>(request: Raw): Promise<Answer<Body>>;
  get<Body = Json>(path: string, options?: Options): Promise<Answer<Body>>;
  /** Without `json` there is neither a body nor a content type. */
  post<Body = Json>(path: string, json?: unknown, options?: Options): Promise<Answer<Body>>;
  put<Body = Json>(path: string, json: unknown, options?: Options): Promise<Answer<Body>>;
  delete<Body = Json>(path: string, options?: Options): Promise<Answer<Body>>;
  close(): void;
}>;

const CONNECTIONS_MAX = 300;
const REQUEST_MS_MAX = 20_000;
/** Idle connections go before the server ends them, milliseconds. */
const IDLE_MS_MAX = 4_000;

const headersOf = ({ key, after, headers }: Options): Record<string, string> => ({
  ...(key === undefined ? {} : { 'Idempotency-Key': key }),
  ...(after === undefined ? {} : { 'Read-After': String(after.headers['read-after']) }),
  ...headers,
});

/** @param base where the server listens, `http://127.0.0.1:8080` */
export const clientOf = (base: string): Client => {
  const { hostname: host, port } = new URL(base);
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX, timeout: IDLE_MS_MAX });
  const raw = <Body>({ method, path, headers = {}, body }: Raw): Promise<Answer<Body>> =>
    new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
      const signal = AbortSignal.timeout(REQUEST_MS_MAX);
      const request = http.request({ agent, host, port, method, path, headers: { ...length, ...headers }, signal }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const isJson = /json/.test(response.headers['content-type'] ?? '') && text !== '';
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as Body, text });
        });
      });
      request.on('error', reject);
      request.end(body);
    });
  const send = <Body>(method: string, path: string, json: unknown, options: Options = {}): Promise<Answer<Body>> =>
    json === undefined
      ? raw({ method, path, headers: headersOf(options) })
      : raw({ method, path, headers: { 'Content-Type': 'application/json', ...headersOf(options) }, body: JSON.stringify(json) });
  return {
    raw,
    get: (path, options) => send('GET', path, undefined, options),
    post: (path, json, options) => send('POST', path, json, options),
    put: (path, json, options) => send('PUT', path, json, options),
    delete: (path, options) => send('DELETE', path, undefined, options),
    close: () => agent.destroy(),
  };
};

/** The answer is this problem, in the full form of RFC 9457 with the members of the shop's first clients. */
export const expectProblem = (answer: Answer<unknown>, status: number, name: string): void => {
  expect({ status: answer.status, body: answer.body }).toEqual({
    status,
    body: expect.objectContaining({
      type: `/problems/${name}`,
      title: expect.stringMatching(/./),
      status,
      detail: expect.stringMatching(/./),
      message: expect.stringMatching(/./),
      instance: answer.headers['x-correlation-id'],
    }),
  });
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json\b/);
};

/** How many answers there are of each status. */
export const byStatus = (answers: readonly Answer<unknown>[]): Record<number, number> => {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

/** Calls `ask` for 0 … n−1, all at once. */
export const atOnce = <T>(n: number, ask: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: n }, (_, i) => ask(i)));
