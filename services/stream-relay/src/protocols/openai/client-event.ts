import { AsrError, languageOf, type LiveSettings, liveSettingsSchema, MULTI } from '@murmuration/contracts';
import { z } from 'zod';
import { hotwordsOf, promptOf } from '../translator.js';

/** Longest audio of one `append`, bytes, as OpenAI has it. */
const MAX_APPEND_BYTES = 15 * 1024 * 1024;
/** Longest message that an `append` makes: base64, and the rest of the JSON. */
export const MAX_EVENT_BYTES = Math.ceil(MAX_APPEND_BYTES / 3) * 4 + 4_096;

export type ClientEvent = { readonly id: string | null } & (
  | { readonly type: 'session.update' | 'transcription_session.update'; readonly session: unknown }
  | { readonly type: 'input_audio_buffer.append'; readonly audio: Buffer }
  | { readonly type: 'input_audio_buffer.commit' | 'input_audio_buffer.clear' }
);

const envelopeSchema = z.looseObject({
  type: z.string(),
  event_id: z.string().max(512).optional(),
  session: z.unknown().optional(),
  audio: z.unknown().optional(),
});

/** An event of the client. Throws `invalid_message` for what is none, `invalid_field` for audio that is not base64 or too long. */
export function clientEvent(message: string): ClientEvent {
  const { type, event_id: eventId, session, audio } = envelope(message);
  const id = eventId ?? null;
  switch (type) {
    case 'session.update':
    case 'transcription_session.update':
      return { type, id, session };
    case 'input_audio_buffer.append':
      return { type, id, audio: audioOf(audio) };
    case 'input_audio_buffer.commit':
    case 'input_audio_buffer.clear':
      return { type, id };
    default:
      throw new AsrError(
        'invalid_message',
        'A transcription session knows session.update, input_audio_buffer.append, input_audio_buffer.commit and input_audio_buffer.clear.',
        { param: 'type' },
      );
  }
}

function envelope(message: string): z.output<typeof envelopeSchema> {
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    throw new AsrError('invalid_message', 'The message is not JSON.');
  }
  const result = envelopeSchema.safeParse(value);
  if (!result.success)
    throw new AsrError('invalid_message', 'A message is a JSON object with a string `type`.', { param: 'type' });
  return result.data;
}

function audioOf(audio: unknown): Buffer {
  // Buffer.from would skip what is not base64 and keep the noise that is left.
  if (typeof audio !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(audio))
    throw new AsrError('invalid_field', 'audio: must be audio in base64.', { param: 'audio' });
  const bytes = Buffer.from(audio, 'base64');
  if (bytes.length > MAX_APPEND_BYTES)
    throw new AsrError('invalid_field', `audio: longer than ${String(MAX_APPEND_BYTES)} bytes. Send it in parts.`, {
      param: 'audio',
    });
  return bytes;
}

const word = z.string().max(1_000);

const transcriptionSchema = z.object({
  model: z.string().max(256).optional(),
  language: z.string().max(64).nullable().optional(),
  languages: z.array(z.string().max(64)).max(32).optional(),
  prompt: z.string().max(16_000).nullable().optional(),
  keywords: z.array(word).max(1_000).optional(),
});

const turnDetectionSchema = z.union([
  z.object({
    type: z.literal('server_vad').default('server_vad'),
    threshold: z.number().min(0).max(1).default(0.5),
    prefix_padding_ms: z.number().min(0).max(10_000).default(300),
    silence_duration_ms: z.number().min(0).max(60_000).default(500),
  }),
  z.object({ type: z.literal('semantic_vad'), eagerness: z.enum(['low', 'medium', 'high', 'auto']).default('auto') }),
]);

const noiseReductionSchema = z.object({ type: z.enum(['near_field', 'far_field']) }).nullable();

const formatSchema = z.union([
  z.object({ type: z.literal('audio/pcm'), rate: z.number().int().min(8_000).max(48_000).default(24_000) }),
  z.object({ type: z.enum(['audio/pcmu', 'audio/pcma']) }),
]);

/** `session.audio.input` of OpenAI's Realtime API, as far as a transcription uses it (openai-node, `RealtimeTranscriptionSessionAudioInput`). */
const sessionInputSchema = z.object({
  format: formatSchema.optional(),
  noise_reduction: noiseReductionSchema.optional(),
  transcription: transcriptionSchema.nullable().optional(),
  turn_detection: turnDetectionSchema.nullable().optional(),
});
export type SessionInput = z.output<typeof sessionInputSchema>;

const currentSchema = z.object({
  type: z.string().optional(),
  audio: z.object({ input: sessionInputSchema.optional() }).optional(),
});

const legacySchema = z.object({
  input_audio_format: z.enum(['pcm16', 'g711_ulaw', 'g711_alaw']).optional(),
  input_audio_transcription: transcriptionSchema.nullable().optional(),
  input_audio_noise_reduction: noiseReductionSchema.optional(),
  turn_detection: turnDetectionSchema.nullable().optional(),
});

const LEGACY_FORMATS = {
  pcm16: { type: 'audio/pcm', rate: 24_000 },
  g711_ulaw: { type: 'audio/pcmu' },
  g711_alaw: { type: 'audio/pcma' },
} as const;

/** Models whose clients find the pauses themselves and commit: OpenAI offers no turn detection with them, and LiveKit's plugin sends none. */
const COMMITTING_MODELS = ['gpt-realtime-whisper', 'gpt-live-transcribe'];

/** Silence that ends a turn, by how eager `semantic_vad` is to end it. */
const EAGERNESS_MS = { low: 1_200, medium: 700, auto: 700, high: 400 } as const;

/** What a `session` object, in its current or its legacy shape, says of the input. Throws `invalid_field` that names the field in `param`. */
export function readSession(session: unknown): SessionInput {
  const { type, audio } = parsed(currentSchema, session, 'session');
  if (type !== undefined && type !== 'transcription')
    throw new AsrError('invalid_field', 'session.type: only transcription is served here.', { param: 'session.type' });
  const {
    input_audio_format: format,
    input_audio_transcription: transcription,
    input_audio_noise_reduction: noise,
    turn_detection: turns,
  } = parsed(legacySchema, session, 'session');
  return {
    ...(format === undefined ? {} : { format: LEGACY_FORMATS[format] }),
    ...(transcription === undefined ? {} : { transcription }),
    ...(noise === undefined ? {} : { noise_reduction: noise }),
    ...(turns === undefined ? {} : { turn_detection: turns }),
    ...audio?.input,
  };
}

function parsed<T>(schema: z.ZodType<T>, value: unknown, name: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const param = [name, ...(issue?.path ?? [])].map(String).join('.').slice(0, 200);
  throw new AsrError('invalid_field', `${param}: ${issue?.message ?? 'not valid'}.`, { param });
}

/** Whether the service finds the pauses, or leaves it to the client. */
export function detectsTurns(input: SessionInput, model: string | null): boolean {
  if (input.turn_detection !== undefined) return input.turn_detection !== null;
  return !COMMITTING_MODELS.some((name) => (model ?? '').startsWith(name));
}

/** The live session that the input asks for. @param model of the address, where the input names none */
export function liveSettings(input: SessionInput, model: string | null): LiveSettings {
  const { transcription, format = { type: 'audio/pcm', rate: 24_000 } as const } = input;
  const wanted = transcription?.model ?? model;
  const detect = detectsTurns(input, wanted);
  return liveSettingsSchema.parse({
    model: wanted,
    ...(format.type === 'audio/pcm'
      ? { encoding: 'pcm_s16le', sampleRateHz: format.rate }
      : { encoding: format.type === 'audio/pcmu' ? 'mulaw' : 'alaw', sampleRateHz: 8_000 }),
    language: onlyLanguage(transcription?.language, transcription?.languages),
    prompt: promptOf(transcription?.prompt),
    hotwords: hotwordsOf(transcription?.keywords ?? []),
    detect,
    ...(detect ? pauses(input.turn_detection) : {}),
  });
}

/** Who names several languages changes between them. */
function onlyLanguage(language: string | null | undefined, languages: readonly string[] = []): string | null {
  const [only = null, ...more] = new Set((language ?? '') === '' ? languages.map(languageOf) : [languageOf(language)]);
  return more.length > 0 ? MULTI : only;
}

/** OpenAI's ranges are wider than ours: the nearest value is taken. */
function pauses(
  turns: SessionInput['turn_detection'],
): Pick<LiveSettings, 'threshold' | 'paddingMs' | 'endpointingMs'> {
  if (turns?.type === 'semantic_vad')
    return { threshold: 0.5, paddingMs: 300, endpointingMs: EAGERNESS_MS[turns.eagerness] };
  return {
    threshold: Math.min(0.99, Math.max(0.01, turns?.threshold ?? 0.5)),
    paddingMs: Math.min(2_000, Math.round(turns?.prefix_padding_ms ?? 300)),
    endpointingMs: Math.min(10_000, Math.max(100, Math.round(turns?.silence_duration_ms ?? 500))),
  };
}
