import { z } from 'zod';

/** How many tracks of the recording are transcribed: `mix` folds all channels into one, `split` transcribes each by itself. */
export const channelModeSchema = z.enum(['mix', 'split']);
export type ChannelMode = z.infer<typeof channelModeSchema>;

/** Index of an audio track within a file. */
export const trackSchema = z.number().int().min(0).max(255);

export const taskSchema = z.enum(['transcribe', 'translate']);
export type Task = z.infer<typeof taskSchema>;

/** Settings of voice detection; every one may be set a request. Defaults: see `docs/speech-detection.md`. */
export const detectOptionsSchema = z.object({
  /** False hands the whole recording to the model, cut only by length. */
  vad: z.boolean().default(true),
  /** Speech probability (0 to 1) from which a window of 32 ms counts as speech. */
  threshold: z.number().min(0.01).max(0.99).default(0.5),
  /** Shorter speech (milliseconds) is taken for noise. */
  minSpeechMs: z.number().int().min(0).max(5_000).default(100),
  /** Silence (milliseconds) after which an utterance ends: the hangover. */
  minSilenceMs: z.number().int().min(32).max(10_000).default(400),
  /** Audio (milliseconds) kept before and after each utterance. */
  paddingMs: z.number().int().min(0).max(2_000).default(200),
  /** A window whose root mean square is below this (full scale 1) and … */
  gateRms: z.number().min(0).max(1).default(0.005),
  /** … that has fewer zero crossings than this, of 512 samples, is silence without asking the model. 0 turns the gate off. */
  gateZeroCrossings: z.number().int().min(0).max(512).default(50),
});
export type DetectOptions = z.infer<typeof detectOptionsSchema>;

/** Thresholds of the filters against invented text; null turns one off. Defaults are the original service's. */
export const filterOptionsSchema = z.object({
  enabled: z.boolean().default(true),
  noSpeechThreshold: z.number().min(0).max(1).nullable().default(0.8),
  logprobThreshold: z.number().min(-20).max(0).nullable().default(-0.5),
  compressionRatioThreshold: z.number().min(1).max(100).nullable().default(2.4),
  repetition: z.boolean().default(true),
  letters: z.boolean().default(true),
  script: z.boolean().default(true),
  phantomPhrases: z.boolean().default(true),
  doubt: z.boolean().default(true),
});
export type FilterOptions = z.infer<typeof filterOptionsSchema>;

/** What the model is asked to do with a chunk. */
export const decodeOptionsSchema = z.object({
  /** ISO 639-1 code; `MULTI`: found for each stretch of speech; null: the model finds it (a model of one language uses that). */
  language: z.string().nullable().default(null),
  task: taskSchema.default('transcribe'),
  wordTimestamps: z.boolean().default(false),
  /** Text that comes before, for names and style; '' for none. */
  prompt: z.string().default(''),
  /** Words to favour. */
  hotwords: z.string().default(''),
  /** Tried in order until a result is trusted; 0 is greedy. */
  temperatures: z.array(z.number().min(0).max(1)).min(1).max(8).default([0]),
  conditionOnPreviousText: z.boolean().default(false),
  filter: filterOptionsSchema.prefault({}),
});
export type DecodeOptions = z.infer<typeof decodeOptionsSchema>;

/** Everything about a request but its bytes. */
export const transcribeOptionsSchema = z.object({
  /** Model's name as the client gave it, or null for the default. */
  model: z.string().nullable().default(null),
  channels: channelModeSchema.default('mix'),
  /** Which audio track of a file with several, counted from 0; null: the file's default. */
  track: trackSchema.nullable().default(null),
  detect: detectOptionsSchema.prefault({}),
  decode: decodeOptionsSchema.prefault({}),
});
export type TranscribeOptions = z.infer<typeof transcribeOptionsSchema>;

/** Response formats of the API. */
export const responseFormatSchema = z.enum(['json', 'text', 'srt', 'verbose_json', 'vtt']);
export type ResponseFormat = z.infer<typeof responseFormatSchema>;
