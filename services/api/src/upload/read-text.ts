import type { IncomingMessage, ServerResponse } from 'node:http';
import { AsrError } from '@murmuration/contracts';
import { BodyReader, type BodyLimits } from './body-reader.js';

/** Longest JSON body. */
const MAX_BYTES = 1024 * 1024;

/** The whole body as text. Throws `file_too_large` above 1 MiB, `invalid_request` for what is no UTF-8, `upload_timeout`, `cancelled`. */
export async function readText({ message, response, signal }: { readonly message: IncomingMessage; readonly response: ServerResponse; readonly signal: AbortSignal }, limits: Pick<BodyLimits, 'idleTimeoutMs' | 'totalTimeoutMs'>): Promise<string> {
  if (Number(message.headers['content-length'] ?? 0) > MAX_BYTES) throw tooLong();
  const body = new BodyReader(message, response, { ...limits, maxBytes: Number.POSITIVE_INFINITY }, signal);
  const pieces: Buffer[] = [];
  for (let piece = await body.read(); piece !== null; piece = await body.read()) {
    if (body.bytes > MAX_BYTES) throw tooLong();
    pieces.push(piece);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces));
  } catch {
    throw new AsrError('invalid_request', 'The body is not UTF-8.');
  }
}

function tooLong(): AsrError {
  return new AsrError('file_too_large', `A JSON body has at most ${String(MAX_BYTES)} bytes. Send recordings as a form or as the body.`);
}
