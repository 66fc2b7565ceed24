import http from 'node:http';

/** Milliseconds for an answer. */
const ANSWER_MAX_MS = 15_000;
const CONNECTIONS_MAX = 64;

export type Answer = Readonly<{ status: number; body: unknown; readAfter: string | undefined }>;
export type Client = Readonly<{
  get(path: string, readAfter?: string): Promise<Answer>;
  post(path: string, body: unknown): Promise<Answer>;
  close(): void;
}>;

/** Calls to a shop or a peer, for setting up and reading back. */
export const clientOf = (url: string): Client => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX });
  const call = (method: string, path: string, headers: http.OutgoingHttpHeaders, body?: string): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const options = { method, agent, headers, signal: AbortSignal.timeout(ANSWER_MAX_MS) };
      const request = http.request(new URL(path, url), options, (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += String(chunk);
        });
        response.once('error', reject);
        response.once('end', () => {
          const readAfter = response.headers['read-after'] as string | undefined;
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text), readAfter });
        });
      });
      request.once('error', reject);
      request.end(body);
    });
  return {
    get: (path, readAfter) => call('GET', path, readAfter === undefined ? {} : { 'Read-After': readAfter }),
    post: (path, body) => {
      const text = JSON.stringify(body);
      return call('POST', path, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }, text);
    },
    close: () => agent.destroy(),
  };
};
