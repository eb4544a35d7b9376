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
  model: true, language: true, task: true, word_timestamps: true, channels: true, track: true, prompt: true, hotwords: true, temperature: true, condition_on_previous_text: true,
  vad: true, threshold: true, min_speech_ms: true, min_silence_ms: true, padding_ms: true, gate_rms: true, gate_zero_crossings: true,
  filter: true, no_speech_threshold: true, logprob_threshold: true, compression_ratio_threshold: true, repetition: true, letters: true, script: true, phantom_phrases: true, doubt: true,
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
export function fieldsAsText(fields: Readonly<Record<string, string | number | boolean>>): (readonly [name: string, value: string])[] {
  return Object.entries(fields).map(([name, value]) => [name, String(value)] as const);
}
