import type { IncomingHttpHeaders } from 'node:http';
import { AsrError } from '@murmuration/contracts';
import { tooLarge } from './body-reader.js';

/** How the recording comes. */
export type UploadKind = { readonly kind: 'form' | 'raw'; readonly contentType: string };

/** What a form may weigh beside its file: fields and part headers. */
const FORM_OVERHEAD_BYTES = 1024 * 1024;
const RAW = /^(?:audio\/[\w.+-]+|video\/[\w.+-]+|application\/(?:octet-stream|ogg|mp4))$/;

/** Looks at the headers before a byte of the body is read. Throws `unsupported_media_type`, `file_too_large`, `missing_file`, `empty_file`. */
export function uploadKind(headers: IncomingHttpHeaders, maxBytes: number): UploadKind {
  requirePlain(headers);
  const mediaType = mediaTypeOf(headers);
  const kind = mediaType === 'multipart/form-data' ? 'form' : 'raw';
  const isEmpty = isBodiless(headers);
  if (isEmpty && (mediaType === '' || kind === 'form'))
    throw new AsrError('missing_file', undefined, { param: 'file' });
  if (kind === 'raw' && !RAW.test(mediaType)) {
    throw new AsrError(
      'unsupported_media_type',
      'The body is of a type that is not taken here. Send multipart/form-data with the field `file`, or the recording itself with its content type, for example audio/wav or application/octet-stream.',
    );
  }
  if (isEmpty) throw new AsrError('empty_file', undefined, { param: 'file' });
  if (Number(headers['content-length'] ?? 0) > maxBytes + (kind === 'form' ? FORM_OVERHEAD_BYTES : 0))
    throw tooLarge(maxBytes);
  return { kind, contentType: kind === 'form' ? (headers['content-type'] ?? '') : mediaType };
}

/** True when the body is JSON. Throws `unsupported_media_type` when it is compressed. */
export function isJson(headers: IncomingHttpHeaders): boolean {
  requirePlain(headers);
  return mediaTypeOf(headers) === 'application/json';
}

/** True when no body comes. */
export function isBodiless(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;
}

function requirePlain(headers: IncomingHttpHeaders): void {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (encoding !== '' && encoding !== 'identity')
    throw new AsrError(
      'unsupported_media_type',
      'The body may not be compressed in transit. Leave Content-Encoding out.',
    );
}

function mediaTypeOf(headers: IncomingHttpHeaders): string {
  return (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/** Bytes a body may have: a form's fields come on top of its file. */
export function bodyBytes(kind: UploadKind['kind'], maxBytes: number): number {
  return maxBytes + (kind === 'form' ? FORM_OVERHEAD_BYTES : 0);
}
