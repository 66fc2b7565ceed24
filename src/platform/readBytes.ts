import type { IncomingMessage } from 'node:http';
import type { Response } from 'express';
import { Problem } from './problem.ts';

/** Bytes of a body at most, also after it was unpacked. */
export const BODY_BYTES_MAX = 16 * 1024;
/** Bytes of a refused body that are still read, and thrown away, so that its sender hears the refusal instead of a broken connection. */
const DISCARDED_BYTES_MAX = 1024 * 1024;

export const tooLarge = (): Problem => new Problem('payload-too-large', `A body has ${BODY_BYTES_MAX} bytes at most.`);

/**
 * The bytes of a body as they came. A body that is too large is refused as soon as that is known; what follows of it is thrown
 * away, and when it is much, so is the connection.
 * @throws Problem payload-too-large, or invalid-request when the client leaves in the middle.
 */
export const readBytes = (req: IncomingMessage, res: Response): Promise<Buffer> => {
  const announced = Number(req.headers['content-length'] ?? 0);
  if (announced > BODY_BYTES_MAX) {
    if (announced > DISCARDED_BYTES_MAX) res.setHeader('Connection', 'close');
    req.resume();
    return Promise.reject(tooLarge());
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
      else if (bytes <= DISCARDED_BYTES_MAX) reject(tooLarge());
      else req.destroy();
    });
    req.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    req.on('error', () => reject(new Problem('invalid-request', 'The body broke off.')));
  });
};

/** Whether a request announces a body at all (RFC 9112, 6.3). */
export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
