import { AsrError, type TranscribeOptions, type Transcript } from '@murmuration/contracts';
import { fetchRecording, type GuardedClient } from '@murmuration/outbound';
import { KeptFault, namingSource } from './errors/source-faults.js';
import type { UploadParts } from './transcribe-upload.js';

export interface UrlRequest {
  readonly url: string;
  readonly options: TranscribeOptions;
  /** Whose the work is; null without keys. */
  readonly owner: string | null;
  /** W3C `traceparent` of the request, where tracing is on. */
  readonly trace: string | null;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

/** Fetches the recording of a URL and has it transcribed while it comes. Throws `AsrError`. */
export async function transcribeUrl(
  parts: UploadParts & { readonly outbound: GuardedClient },
  request: UrlRequest,
): Promise<Transcript> {
  const over = new AbortController();
  const signal = AbortSignal.any([request.signal, over.signal]);
  const { limits } = parts;
  const kept = new KeptFault();
  try {
    const { source, contentType, extension } = await fetchRecording(request.url, {
      client: parts.outbound,
      signal,
      maxBytes: limits.maxUploadBytes,
      idleTimeoutMs: limits.idleTimeoutMs,
      totalTimeoutMs: limits.totalTimeoutMs,
    });
    const transcription = await parts.service.start({
      source: kept.passing(source),
      contentType,
      extension,
      options: request.options,
      lane: 'interactive',
      owner: request.owner,
      trace: request.trace,
      signal,
    });
    return await transcription.result();
  } catch (error) {
    if (request.signal.aborted) throw new AsrError('cancelled');
    throw namingSource(kept.insteadOf(error), 'url');
  } finally {
    // A source that nobody read is still open.
    over.abort();
  }
}
