import { isUtf8 } from 'node:buffer';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import type { RequestHandler } from 'express';
import { Problem } from './problem.ts';
import { BODY_BYTES_MAX, hasBody, readBytes, tooLarge } from './readBytes.ts';

const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*"?utf-?8"?\s*)?$/i;

type Unpack = (bytes: Buffer, options: Readonly<{ maxOutputLength: number }>) => Buffer;
const UNPACKERS: Readonly<Record<string, Unpack>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
};

/** Stops unpacking at the limit: a bomb costs no more than a body. */
const unpacked = (bytes: Buffer, encoding: string): Buffer => {
  const unpack = Object.hasOwn(UNPACKERS, encoding) ? UNPACKERS[encoding] : undefined;
  if (unpack === undefined) throw new Problem('unsupported-media-type', 'The encoding of the body is not supported.');
  try {
    return unpack(bytes, { maxOutputLength: BODY_BYTES_MAX });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
    throw new Problem('invalid-request', 'The body cannot be unpacked.');
  }
};

const parsed = (bytes: Buffer, type: string): unknown => {
  if (!JSON_TYPE.test(type)) {
    throw new Problem('unsupported-media-type', 'A body needs the content type application/json, in UTF-8.');
  }
  if (!isUtf8(bytes)) throw new Problem('invalid-request', 'The body is not UTF-8.');
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new Problem('invalid-request', 'The body is not JSON.');
  }
};

/** `req.body` is what the JSON says, or `undefined` when there was no body; its type is then nobody's concern. */
export const readBody: RequestHandler = async (req, res, next) => {
  req.body = undefined;
  if (hasBody(req)) {
    const encoding = (req.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
    const bytes = await readBytes(req, res);
    const whole = encoding === 'identity' || bytes.length === 0 ? bytes : unpacked(bytes, encoding);
    if (whole.length > 0) req.body = parsed(whole, req.headers['content-type'] ?? '');
  }
  next();
};
