import type { Call } from '../http/exchange.js';
import type { Requester } from '../http/requester.js';
import { formUpload, type AudioInput, type UploadOptions } from '../http/upload-body.js';
import { MurmurationError, toldError } from '../murmuration-error.js';
import { layoutFields, type Segment, type SubtitleLayout, type Transcript } from './transcript-types.js';

/** What is asked of a recording, by the names of the HTTP API; see `docs/api.md`. What is left out has the server's default. */
export interface TranscribeFields {
  readonly model?: string;
  /** ISO 639-1 code, or `auto`. */
  readonly language?: string;
  /** `translate`: into English, where the model can. */
  readonly task?: 'transcribe' | 'translate';
  readonly word_timestamps?: boolean;
  /** `split` transcribes each channel by itself. */
  readonly channels?: 'mix' | 'split';
  /** Which audio track of a file with several, counted from 0; the file's default when left out. */
  readonly track?: number;
  /** Text that comes before, for names and style. */
  readonly prompt?: string;
  /** Words to favour. */
  readonly hotwords?: string;
  /** 0 to 1. */
  readonly temperature?: number;
  readonly condition_on_previous_text?: boolean;
  /** False hands the whole recording to the model. */
  readonly vad?: boolean;
  /** Speech probability from which a window counts as speech. */
  readonly threshold?: number;
  readonly min_speech_ms?: number;
  readonly min_silence_ms?: number;
  readonly padding_ms?: number;
  readonly gate_rms?: number;
  readonly gate_zero_crossings?: number;
  /** False turns all filters against invented text off. */
  readonly filter?: boolean;
  /** `none` turns the filter off; so for the next two. */
  readonly no_speech_threshold?: number | 'none';
  readonly logprob_threshold?: number | 'none';
  readonly compression_ratio_threshold?: number | 'none';
  readonly repetition?: boolean;
  readonly letters?: boolean;
  readonly script?: boolean;
  readonly phantom_phrases?: boolean;
  readonly doubt?: boolean;
}

const NAMES: Readonly<Record<keyof TranscribeFields, true>> = {
  model: true,
  language: true,
  task: true,
  word_timestamps: true,
  channels: true,
  track: true,
  prompt: true,
  hotwords: true,
  temperature: true,
  condition_on_previous_text: true,
  vad: true,
  threshold: true,
  min_speech_ms: true,
  min_silence_ms: true,
  padding_ms: true,
  gate_rms: true,
  gate_zero_crossings: true,
  filter: true,
  no_speech_threshold: true,
  logprob_threshold: true,
  compression_ratio_threshold: true,
  repetition: true,
  letters: true,
  script: true,
  phantom_phrases: true,
  doubt: true,
};

/** The fields that were given, without whatever else lies in the object. */
export function givenFields(options: TranscribeFields): Record<string, string | number | boolean> {
  const given: Record<string, string | number | boolean> = {};
  for (const name of Object.keys(NAMES) as (keyof TranscribeFields)[]) {
    const value = options[name];
    if (value !== undefined) given[name] = value;
  }
  return given;
}

/** Fields as a form takes them. */
export function fieldsAsText(
  fields: Readonly<Record<string, string | number | boolean>>,
): (readonly [name: string, value: string])[] {
  return Object.entries(fields).map(([name, value]) => [name, String(value)] as const);
}

export interface TranscribeOptions extends TranscribeFields, UploadOptions {
  /** Aborting it cancels the work on the server too. */
  readonly signal?: AbortSignal | undefined;
}

/** What comes of a recording while it is worked on: its segments in order, then the whole. */
export type TranscribePart =
  { readonly type: 'segment'; readonly segment: Segment } | { readonly type: 'done'; readonly transcript: Transcript };

/** `POST /transcribe/stream`. `silenceMs`: how long the server may say nothing. */
export async function* transcribeStream(
  requester: Requester,
  input: AudioInput,
  options: TranscribeOptions,
  silenceMs: number,
): AsyncGenerator<TranscribePart, void> {
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
export async function transcribe(
  requester: Requester,
  input: AudioInput,
  options: TranscribeOptions,
  silenceMs: number,
): Promise<Transcript> {
  for await (const part of transcribeStream(requester, input, options, silenceMs)) {
    if (part.type === 'done') return part.transcript;
  }
  throw new MurmurationError('unreachable', 'the connection ended before the transcript came');
}

/** `POST /transcribe` in a form that is plain text. */
export function transcribeAs(
  requester: Requester,
  input: AudioInput,
  format: 'text' | 'srt' | 'vtt',
  options: TranscribeOptions & SubtitleLayout,
): Promise<string> {
  const layout = format === 'text' ? {} : layoutFields(options);
  return requester.call(uploadCall('/transcribe', format, input, options, layout), (response) => response.text());
}

function uploadCall(path: string, format: string, input: AudioInput, options: TranscribeOptions, layout = {}): Call {
  // The first field comes before the file whatever else is given, so that work begins while it is sent.
  const fields = [['response_format', format] as const, ...fieldsAsText({ ...givenFields(options), ...layout })];
  const { make, isRepeatable } = formUpload(fields, input, options);
  return {
    method: 'POST',
    path,
    body: make,
    signal: options.signal,
    retry: isRepeatable ? 'refused' : 'never',
    headers: { accept: 'text/event-stream, */*' },
  };
}

function streamError(data: string): MurmurationError {
  const told = toldError(data);
  return told === null
    ? new MurmurationError('bad_answer', 'the stream ended with an error that cannot be read')
    : new MurmurationError(told.code, told.message, { param: told.param });
}
