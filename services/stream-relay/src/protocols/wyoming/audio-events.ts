import { z } from 'zod';
import { AsrError, languageOf, liveSettingsSchema, type LiveEncoding, type LiveSettings } from '@murmuration/contracts';
import { hotwordsOf } from '../limited-text.js';
import type { WyomingEvent } from './event-frames.js';

const formatSchema = z.object({
  rate: z.number().int().min(8_000).max(192_000),
  width: z.number().int().min(1).max(4),
  channels: z.number().int().min(1).max(16),
});

/** Format of the audio: hertz, bytes a sample, and interleaved channels. */
export type WyomingFormat = z.output<typeof formatSchema>;

const transcribeSchema = z.object({
  name: z.string().max(200).nullish(),
  language: z.string().max(64).nullish(),
  transcript_names: z.array(z.string().max(1_000)).max(10_000).nullish(),
  transcript_terms: z.array(z.string().max(1_000)).max(10_000).nullish(),
});

/** What `transcribe` asks for. */
export interface WyomingWishes {
  readonly model: string | null;
  readonly language: string | null;
  readonly hotwords: string;
}

/** Silence that ends an utterance, milliseconds: the client says where the speech ends, and long utterances read better. */
const ENDPOINTING_MS = 1_000;

/** The format that `audio-start` and `audio-chunk` tell. Throws `invalid_message`. */
export function formatOf(event: WyomingEvent): WyomingFormat {
  return fields(event, formatSchema);
}

/** Reads `transcribe`. Throws `invalid_message`. */
export function wishesOf(event: WyomingEvent): WyomingWishes {
  const { name, language, transcript_names: names, transcript_terms: terms } = fields(event, transcribeSchema);
  return {
    model: name === '' ? null : (name ?? null),
    language: languageOf(language),
    hotwords: hotwordsOf([...(names ?? []), ...(terms ?? [])]),
  };
}

/** The live session for audio of this format. */
export function settingsFor({ model, language, hotwords }: WyomingWishes, format: WyomingFormat): LiveSettings {
  return liveSettingsSchema.parse({
    model,
    language,
    hotwords,
    encoding: ENCODINGS[format.width] ?? 'pcm_s16le',
    sampleRateHz: format.rate,
    channels: format.channels,
    interimResults: false,
    endpointingMs: ENDPOINTING_MS,
  });
}

/** By bytes a sample. Wider samples are integers, too; `samplesOf` makes them 16 bit. */
const ENCODINGS: Readonly<Record<number, LiveEncoding>> = { 1: 'pcm_u8', 2: 'pcm_s16le' };

/** The bytes of a chunk as its session takes them. Throws `invalid_message` for a payload that ends within a sample. */
export function samplesOf({ payload }: WyomingEvent, { width, channels }: WyomingFormat): Buffer {
  if (payload.length % (width * channels) !== 0)
    throw new AsrError('invalid_message', 'The payload of an audio-chunk ends within a sample.');
  if (width <= 2) return payload;
  const narrow = Buffer.alloc((payload.length / width) * 2);
  // Little-endian: the upper two bytes are the last ones.
  for (let from = width - 2, to = 0; to < narrow.length; from += width, to += 2)
    payload.copy(narrow, to, from, from + 2);
  return narrow;
}

function fields<T>(event: WyomingEvent, schema: z.ZodType<T>): T {
  const result = schema.safeParse(event.data);
  if (result.success) return result.data;
  const field = (result.error.issues[0]?.path ?? []).map(String).join('.').slice(0, 100);
  throw new AsrError('invalid_message', `The event ${event.type} has a wrong ${field || 'shape'}.`);
}
