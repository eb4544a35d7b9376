import { toldError } from '../http/answer-error.js';
import type { Call } from '../http/call.js';
import type { Requester } from '../http/requester.js';
import { formUpload, type AudioInput, type UploadOptions } from '../http/upload-body.js';
import { MurmurationError } from '../murmuration-error.js';
import { fieldsAsText, givenFields, type TranscribeFields } from './transcribe-fields.js';
import type { Segment, Transcript } from './transcript-types.js';

export interface TranscribeOptions extends TranscribeFields, UploadOptions {
  /** Aborting it cancels the work on the server too. */
  readonly signal?: AbortSignal | undefined;
}

/** What comes of a recording while it is worked on: its segments in order, then the whole. */
export type TranscribePart =
  | { readonly type: 'segment'; readonly segment: Segment }
  | { readonly type: 'done'; readonly transcript: Transcript };

/** `POST /transcribe/stream`. `silenceMs`: how long the server may say nothing. */
export async function* transcribeStream(requester: Requester, input: AudioInput, options: TranscribeOptions, silenceMs: number): AsyncGenerator<TranscribePart, void> {
  const events = await requester.openEvents(uploadCall('/transcribe/stream', 'json', input, options), silenceMs);
  for await (const event of events ?? []) {
    if (event.type === 'segment') yield { type: 'segment', segment: JSON.parse(event.data) as Segment };
    if (event.type === 'error') throw streamError(event.data);
    if (event.type === 'done') {
      yield { type: 'done', transcript: JSON.parse(event.data) as Transcript };
      return;
    }
  }
  throw new MurmurationError('unreachable', 'the connection ended before the transcript came');
}

/** The whole transcript. It is asked for as a stream, which tells that it lives: a plain answer to an hour would outlast the patience of what lies between. */
export async function transcribe(requester: Requester, input: AudioInput, options: TranscribeOptions, silenceMs: number): Promise<Transcript> {
  for await (const part of transcribeStream(requester, input, options, silenceMs)) {
    if (part.type === 'done') return part.transcript;
  }
  throw new MurmurationError('unreachable', 'the connection ended before the transcript came');
}

/** `POST /transcribe` in a form that is plain text. */
export function transcribeAs(requester: Requester, input: AudioInput, format: 'text' | 'srt' | 'vtt', options: TranscribeOptions): Promise<string> {
  return requester.call(uploadCall('/transcribe', format, input, options), (response) => response.text());
}

function uploadCall(path: string, format: string, input: AudioInput, options: TranscribeOptions): Call {
  // The first field comes before the file whatever else is given, so that work begins while it is sent.
  const fields = [['response_format', format] as const, ...fieldsAsText(givenFields(options))];
  const { make, isRepeatable } = formUpload(fields, input, options);
  return { method: 'POST', path, body: make, signal: options.signal, retry: isRepeatable ? 'refused' : 'never', headers: { accept: 'text/event-stream, */*' } };
}

function streamError(data: string): MurmurationError {
  const told = toldError(data);
  return told === null ? new MurmurationError('bad_answer', 'the stream ended with an error that cannot be read') : new MurmurationError(told.code, told.message, { param: told.param });
}
