import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Problem, toProblemJson } from './problem.ts';

/** What is wrong with bytes that never became a request, by the code of Node's HTTP parser. */
const problemOf = (code: string | undefined): Problem => {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new Problem('invalid-request', 'The address and headers are too long.', { status: 431 });
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('invalid-request', 'The request did not arrive in time.', { status: 408 });
    default:
      return new Problem('invalid-request', 'This is not HTTP/1.1.');
  }
};

/**
 * Answers what is no HTTP request, which Node hands over before any app sees it, with a problem as everything else, and ends the
 * connection. One with an answer under way is only ended: a second answer would be taken for part of the first.
 */
export const answerBroken = (error: NodeJS.ErrnoException, socket: Socket, isAnswering: boolean): void => {
  if (isAnswering || !socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const problem = problemOf(error.code);
  const id = randomUUID();
  const body = JSON.stringify(toProblemJson(problem, id));
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'Connection: close',
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'X-Content-Type-Options: nosniff',
    `X-Correlation-Id: ${id}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.destroySoon();
};
