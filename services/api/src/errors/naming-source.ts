import { AsrError, type ErrorCode } from '@murmuration/contracts';

const OF_THE_RECORDING: ReadonlySet<ErrorCode> = new Set(['unprocessable_audio', 'audio_too_long', 'decoder_unavailable', 'empty_file', 'file_too_large']);

/** A fault of the recording's bytes, told by those who know no fields, names the field that they came in or from. */
export function namingSource(error: unknown, param: 'file' | 'url'): unknown {
  if (!(error instanceof AsrError) || error.param !== null || !OF_THE_RECORDING.has(error.code)) return error;
  return AsrError.fromRecord({ ...error.toRecord(), param });
}
