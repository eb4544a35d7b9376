import { AsrError, type ErrorCode } from '@murmuration/contracts';

const OF_THE_RECORDING: ReadonlySet<ErrorCode> = new Set([
  'unprocessable_audio',
  'audio_too_long',
  'decoder_unavailable',
  'empty_file',
  'file_too_large',
]);

/** A fault of the recording's bytes, told by those who know no fields, names the field that they came in or from. */
export function namingSource(error: unknown, param: 'file' | 'url'): unknown {
  if (!(error instanceof AsrError) || error.param !== null || !OF_THE_RECORDING.has(error.code)) return error;
  return AsrError.fromRecord({ ...error.toRecord(), param });
}

/**
 * Keeps what a source of bytes failed with. Whoever decodes them has words of its own for an input that breaks off,
 * and the client is to be told the cause.
 */
export class KeptFault {
  #fault: { readonly error: unknown } | null = null;

  /** The source's pieces, and its fault. */
  async *passing(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* source;
    } catch (error) {
      this.#fault = { error };
      throw error;
    }
  }

  /** The source's fault where there was one, else the error that is given. */
  insteadOf(error: unknown): unknown {
    return this.#fault === null ? error : this.#fault.error;
  }
}
