import { AsrError } from '@murmuration/contracts';

/** An error of the web framework with its code, for example `FST_ERR_BAD_URL`. */
interface FrameworkError { readonly code: string; readonly statusCode?: number; readonly message: string }

/** Any thrown value as one of our errors; what is not known is `internal`, its cause kept for the log. */
export function toAsrError(error: unknown): AsrError {
  if (error instanceof AsrError) return error;
  if (!isFrameworkError(error)) return AsrError.from(error);
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE': return new AsrError('unsupported_media_type');
    case 'FST_ERR_CTP_BODY_TOO_LARGE': return new AsrError('file_too_large');
    case 'FST_ERR_BAD_URL': return new AsrError('invalid_request', 'The address cannot be read. Check its percent signs.');
    default: return (error.statusCode ?? 500) < 500 ? new AsrError('invalid_request') : AsrError.from(error);
  }
}

function isFrameworkError(error: unknown): error is FrameworkError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('FST_');
}
