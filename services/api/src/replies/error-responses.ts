import { ERRORS, type ErrorCode } from '@murmuration/contracts';
import { errorBodySchema } from '@murmuration/service';

/** What any route may answer. */
const EVERYWHERE: readonly ErrorCode[] = ['invalid_request', 'internal'];

/** Codes of a route that takes recordings. */
export const UPLOAD_ERRORS: readonly ErrorCode[] = [
  'invalid_field',
  'unknown_field',
  'missing_file',
  'multiple_files',
  'empty_file',
  'unsupported_language',
  'unsupported_task',
  'word_timestamps_unavailable',
  'model_not_found',
  'upload_timeout',
  'file_too_large',
  'too_many_parts',
  'unsupported_media_type',
  'unprocessable_audio',
  'audio_too_long',
  'decoder_unavailable',
  'queue_full',
  'insufficient_quota',
  'transcription_failed',
  'backend_unavailable',
  'no_worker',
  'shutting_down',
  'storage_full',
];

/** The API description's part for errors: one entry a status, naming its codes. */
export function errorResponses(
  codes: readonly ErrorCode[],
): Record<number, { description: string; content: { 'application/json': { schema: typeof errorBodySchema } } }> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set([...EVERYWHERE, ...codes]))
    byStatus.set(ERRORS[code].http, [...(byStatus.get(ERRORS[code].http) ?? []), code]);
  return Object.fromEntries(
    [...byStatus].map(([status, list]) => [
      status,
      {
        description: list.map((code) => `\`${code}\`: ${ERRORS[code].meaning}`).join('\n\n'),
        content: { 'application/json': { schema: errorBodySchema } },
      },
    ]),
  );
}
