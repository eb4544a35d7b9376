import { z } from 'zod';
import { AsrError, languageOf, liveSettingsSchema, type LiveSettings } from '@murmuration/contracts';
import { hotwordsOf, promptOf } from '../translator.js';

const vadSchema = z.object({
  threshold: z.number().optional(),
  onset: z.number().optional(),
  min_silence_duration_ms: z.number().optional(),
  speech_pad_ms: z.number().optional(),
});

/** The first message of a client (whisper_live 0.10, `client.py`, `on_open`); fields that are not here are let pass. */
const firstMessageSchema = z.object({
  uid: z.string().max(256),
  language: z.string().max(64).nullish(),
  task: z.enum(['transcribe', 'translate']).nullish(),
  model: z.string().max(256).nullish(),
  send_last_n_segments: z.number().int().min(1).max(1_000).nullish(),
  hotwords: z.string().max(16_000).nullish(),
  initial_prompt: z.string().max(16_000).nullish(),
  word_timestamps: z.boolean().nullish(),
  vad_parameters: vadSchema.nullish(),
  audio_format: z.enum(['float32', 'int16', 'uint8']).nullish(),
  enable_translation: z.boolean().nullish(),
  enable_diarization: z.boolean().nullish(),
});

/** What a client wants. */
export interface WhisperLiveWishes {
  readonly uid: string;
  readonly settings: LiveSettings;
  /** Segments that each message repeats. */
  readonly lastSegments: number;
  readonly words: boolean;
  /** Sentences about what was asked for and is not served. */
  readonly warnings: readonly string[];
}

const SEGMENTS = 10;
/** Messages grow with it, and clients keep what they were told. */
const MAX_SEGMENTS = 100;

const ENCODINGS = { float32: 'pcm_f32le', int16: 'pcm_s16le', uint8: 'pcm_u8' } as const;

/** Reads the first message. Throws `invalid_message`, and `unsupported_task` for a translation. */
export function firstMessage(message: string): WhisperLiveWishes {
  const fields = parsed(message);
  if (fields.task === 'translate')
    throw new AsrError('unsupported_task', 'Live speech is not translated here. Use the task transcribe.');
  const vad = fields.vad_parameters;
  const threshold = vad?.threshold ?? vad?.onset;
  return {
    uid: fields.uid,
    lastSegments: Math.min(MAX_SEGMENTS, fields.send_last_n_segments ?? SEGMENTS),
    words: fields.word_timestamps ?? false,
    warnings: [
      ...(fields.enable_translation === true
        ? ['Translation is not served here; the transcript comes without it.']
        : []),
      ...(fields.enable_diarization === true ? ['Speakers are not told apart here.'] : []),
    ],
    settings: liveSettingsSchema.parse({
      model: fields.model ?? null,
      encoding: ENCODINGS[fields.audio_format ?? 'float32'],
      sampleRateHz: 16_000,
      language: languageOf(fields.language),
      prompt: promptOf(fields.initial_prompt),
      hotwords: hotwordsOf((fields.hotwords ?? '').split(',')),
      wordTimestamps: fields.word_timestamps ?? false,
      ...(threshold === undefined ? {} : { threshold: Math.min(0.99, Math.max(0.01, threshold)) }),
      ...(vad?.min_silence_duration_ms === undefined
        ? {}
        : { endpointingMs: Math.min(10_000, Math.max(100, Math.round(vad.min_silence_duration_ms))) }),
      ...(vad?.speech_pad_ms === undefined
        ? {}
        : { paddingMs: Math.min(2_000, Math.max(0, Math.round(vad.speech_pad_ms))) }),
    }),
  };
}

function parsed(message: string): z.output<typeof firstMessageSchema> {
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    throw new AsrError('invalid_message', 'The first message must be JSON with the options of the client.');
  }
  const result = firstMessageSchema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new AsrError(
    'invalid_message',
    `The first message has a wrong ${(issue?.path ?? []).map(String).join('.').slice(0, 100) || 'shape'}.`,
  );
}
