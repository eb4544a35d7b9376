import { AsrError } from '@murmuration/contracts/errors';
import { Thread } from '@murmuration/runtime/thread';
import {
  abortable,
  abortError,
  DEFAULT_STALL_MS,
  toldError,
  type ExternalDecodeOptions,
  type ExternalDecoding,
  type SourceFormat,
} from './external-decoding.js';
import type { Container } from './container.js';
import type { CleanerFindings, DecodeWarning } from './stream-findings.js';
import { unfolded } from './timed-shaper.js';
import type { WasmAnswer, WasmThreadData, WasmThreadMethods } from './wasm-decoder-thread.js';

/** Containers that the WASM decoders read; of matroska those whose sound is opus, vorbis, FLAC or mp3. */
const WASM_CONTAINERS: ReadonlySet<Container> = new Set<Container>(['mp3', 'flac', 'ogg', 'webm', 'matroska', 'amr']);

/** Bytes of one call, which must be done within the stall limit. */
const CALL_BYTES = 32_768;

/** Decodes in WASM in a thread of its own, which ends with the recording. Throws `decoder_unavailable` at once for containers that need ffmpeg. */
export function decodeWithWasm(source: AsyncIterable<Uint8Array>, options: ExternalDecodeOptions): ExternalDecoding {
  if (!WASM_CONTAINERS.has(options.container)) {
    throw new AsrError(
      'decoder_unavailable',
      `The format (${options.container}) needs ffmpeg, which the server lacks. Send wav, mp3, flac or ogg, or install ffmpeg on the server.`,
    );
  }
  const run = new WasmRun(options);
  return { pcm: run.pcm(source), format: () => run.format, warnings: () => run.warnings };
}

class WasmRun {
  format: SourceFormat | null = null;
  warnings: readonly DecodeWarning[] = [];
  readonly #options: ExternalDecodeOptions;

  constructor(options: ExternalDecodeOptions) {
    this.#options = options;
  }

  async *pcm(source: AsyncIterable<Uint8Array>): AsyncGenerator<Float32Array[]> {
    const { container, channels, limits, signal, track = null } = this.#options;
    if (signal.aborted) throw abortError(signal);
    const data: WasmThreadData = { container, channels, limits, track };
    const thread = await Thread.start<WasmThreadMethods>(new URL('./wasm-decoder-thread.js', import.meta.url), data);
    const onAbort = (): void => {
      void thread.terminate();
    };
    signal.addEventListener('abort', onAbort);
    try {
      for await (const piece of abortable(source, signal)) {
        for (let at = 0; at < piece.length; at += CALL_BYTES) {
          // A copy: the piece may be a Buffer over memory that it shares, which must not move to the thread.
          const bytes = new Uint8Array(piece.subarray(at, at + CALL_BYTES));
          yield* this.#taken(await this.#within(thread, thread.call('push', bytes, [bytes.buffer])));
        }
      }
      yield* this.#taken(await this.#within(thread, thread.call('finish', this.#cleanerFindings())));
    } catch (error) {
      throw toldError(error, signal);
    } finally {
      signal.removeEventListener('abort', onAbort);
      await thread.terminate();
    }
  }

  #cleanerFindings(): CleanerFindings {
    const { truncated = false, damaged = false, joinedMs = 0, harmlessPackets = 0 } = this.#options.cleaner ?? {};
    return { truncated, damaged, joinedMs, harmlessPackets };
  }

  *#taken(answer: WasmAnswer): Generator<Float32Array[]> {
    this.format = answer.format;
    this.warnings = answer.warnings;
    for (const part of answer.parts) yield* unfolded(part);
  }

  /** A decoder that does not come back is ended with its thread; one that crashes takes only its thread with it. Both are the file's fault. */
  async #within(thread: Thread<WasmThreadMethods>, answer: Promise<WasmAnswer>): Promise<WasmAnswer> {
    const timer = setTimeout(() => {
      void thread.terminate();
    }, this.#options.stallMs ?? DEFAULT_STALL_MS);
    try {
      return await answer;
    } catch (error) {
      if (error instanceof AsrError || this.#options.signal.aborted) throw error;
      throw new AsrError('unprocessable_audio', 'The file could not be decoded. Check the file by playing it.', {
        cause: error,
      });
    } finally {
      clearTimeout(timer);
    }
  }
}
