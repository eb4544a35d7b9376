import { z } from 'zod';
import { AsrError } from './errors.js';
import { liveEndSchema, type LiveEvent } from './live.js';

/*
 * The messages of the project's own live protocol, `WS /ws/transcribe` (docs/live.md). Text frames are one JSON object with a
 * `type` each, binary frames are audio. Times are milliseconds, and samples a channel, from the session's start. What a viewer or
 * a client that resumes may have missed has an `event_id`, to continue from.
 */

const encodingSchema = z.enum(['pcm_s16le', 'pcm_f32le', 'mulaw', 'alaw', 'opus']);

/** First message of a new session. What is left out has the value of `liveSettingsSchema`. */
export const startMessageSchema = z.strictObject({
  type: z.literal('start'),
  encoding: encodingSchema
    .optional()
    .describe('What the binary frames hold; default pcm_s16le. opus: an Ogg or WebM container from its beginning.'),
  sample_rate: z
    .number()
    .int()
    .min(8_000)
    .max(192_000)
    .optional()
    .describe('Hertz; default 16000. Without meaning for opus.'),
  channels: z
    .number()
    .int()
    .min(1)
    .max(16)
    .optional()
    .describe('Interleaved, folded into one; default 1. Without meaning for opus.'),
  model: z.string().min(1).max(200).nullable().optional().describe('Name of a model; without it that of the service.'),
  language: z
    .string()
    .min(1)
    .max(35)
    .nullable()
    .optional()
    .describe('Language code such as en; auto or null to detect it.'),
  interim_results: z.boolean().optional().describe('Whether partials come; default true.'),
  word_timestamps: z
    .boolean()
    .optional()
    .describe(
      'Asks for word times that are aligned with the audio, where the model can; approximate ones come anyway.',
    ),
  endpointing_ms: z.number().int().min(100).max(10_000).optional().describe('Silence that ends an utterance.'),
  idle_endpointing_ms: z
    .number()
    .int()
    .min(100)
    .max(3_600_000)
    .optional()
    .describe(
      "Time without any audio, by the service's clock, after which an utterance in progress ends; default the longer of endpointing_ms and 1000.",
    ),
  max_utterance_ms: z
    .number()
    .int()
    .min(2_000)
    .max(30_000)
    .optional()
    .describe('A longer utterance is cut at its quietest place.'),
  prompt: z.string().max(4_000).optional().describe('Text that precedes the speech.'),
  hotwords: z.string().max(4_000).optional().describe('Words to expect.'),
});
export type StartMessage = z.infer<typeof startMessageSchema>;

/** First message that takes a session over, on whatever relay. */
export const resumeMessageSchema = z.strictObject({
  type: z.literal('resume'),
  session: z.string().min(1).max(100),
  token: z.string().min(1).max(200),
  last_event_id: z
    .string()
    .regex(/^\d{1,16}(-\d{1,16})?$/)
    .nullable()
    .optional()
    .describe('The newest event_id that was seen; null or absent for everything from the start.'),
});
export type ResumeMessage = z.infer<typeof resumeMessageSchema>;

/** A text frame of a client. */
export const clientMessageSchema = z.discriminatedUnion('type', [
  startMessageSchema,
  resumeMessageSchema,
  z.strictObject({ type: z.literal('keepalive') }).describe('Says that the client is there, though it sends no audio.'),
  z
    .strictObject({ type: z.literal('commit') })
    .describe('Ends the utterance in progress now; its final follows. Without one it does nothing.'),
  z.strictObject({ type: z.literal('finish') }).describe('No more audio: the last finals come, then closed.'),
  z.strictObject({ type: z.literal('cancel') }).describe('Ends at once; what is not final is dropped.'),
]);
export type ClientMessage = z.infer<typeof clientMessageSchema>;

const eventId = z.string().describe('Give the newest as last_event_id to continue from it.');
const span = {
  utterance: z.number().int().nonnegative().describe('0, 1, 2 …'),
  start_ms: z.number(),
  end_ms: z.number(),
  text: z.string(),
};

const eventSchemas = [
  z.object({ type: z.literal('speech_started'), event_id: eventId, utterance: span.utterance, at_ms: z.number() }),
  z.object({
    type: z.literal('partial'),
    event_id: eventId,
    ...span,
    stable_chars: z
      .number()
      .int()
      .nonnegative()
      .describe('The beginning of text that no later partial of this utterance changes, UTF-16 code units.'),
  }),
  z.object({
    type: z.literal('final'),
    event_id: eventId,
    ...span,
    confidence: z.number().describe('0 to 1.'),
    words: z.array(
      z.object({
        word: z.string(),
        start_ms: z.number(),
        end_ms: z.number(),
        probability: z.number(),
        approximate: z
          .boolean()
          .exactOptional()
          .describe('True when the time is spread over the utterance, not aligned.'),
      }),
    ),
    filtered: z
      .array(z.object({ start_ms: z.number(), end_ms: z.number(), text: z.string(), reason: z.string() }))
      .describe('Text that a filter took away.'),
    language: z.string().nullable(),
  }),
  z
    .object({ type: z.literal('warning'), event_id: eventId.exactOptional(), code: z.string(), message: z.string() })
    .describe('Something to know of; the session goes on.'),
  z.object({
    type: z.literal('error'),
    event_id: eventId.exactOptional(),
    code: z.string().describe('Stable; see errors.md.'),
    message: z.string(),
    param: z.string().nullable(),
    retryable: z.boolean(),
  }),
  z
    .object({
      type: z.literal('closed'),
      event_id: eventId,
      totals: z.object({
        audio_ms: z.number(),
        speech_ms: z.number(),
        utterances: z.number().int(),
        end: liveEndSchema,
      }),
    })
    .describe('The last message of a session.'),
] as const;

/** What happened in a session, as its client and its viewers are told. */
export const liveMessageSchema = z.discriminatedUnion('type', eventSchemas);
export type LiveMessage = z.infer<typeof liveMessageSchema>;

/** A text frame of the server. */
export const serverMessageSchema = z.discriminatedUnion('type', [
  z
    .object({
      type: z.literal('ready'),
      session: z.string(),
      token: z.string().describe('Lets its holder resume the session.'),
      model: z.string(),
      encoding: z.string(),
      sample_rate: z.number().int(),
      channels: z.number().int(),
      language: z.string().nullable(),
      interim_results: z.boolean(),
      word_timestamps: z.boolean(),
      endpointing_ms: z.number(),
      idle_endpointing_ms: z.number(),
      max_utterance_ms: z.number(),
    })
    .describe('The session is there, with what it settled on; audio may come.'),
  z.object({
    type: z.literal('resumed'),
    session: z.string(),
    samples: z
      .number()
      .int()
      .nonnegative()
      .describe('Send audio on from this sample; an opus stream starts a new container there.'),
  }),
  z.object({
    type: z.literal('ack'),
    samples: z
      .number()
      .int()
      .nonnegative()
      .describe("Safely stored, a channel, at the client's rate (48000 for opus), from the session's start."),
  }),
  z
    .object({ type: z.literal('going_away'), message: z.string() })
    .describe('The relay stops: reconnect and resume; close code 1012 follows.'),
  ...eventSchemas,
]);
export type ServerMessage = z.infer<typeof serverMessageSchema>;

/** Both directions as JSON Schema: what `docs/live-protocol.schema.json` holds. */
export function liveProtocolJsonSchema(): object {
  const client = z.toJSONSchema(clientMessageSchema, { io: 'input' });
  const server = z.toJSONSchema(serverMessageSchema);
  return {
    $schema: client.$schema,
    title: 'Murmuration live protocol',
    $defs: { client: { ...client, $schema: undefined }, server: { ...server, $schema: undefined } },
    anyOf: [{ $ref: '#/$defs/client' }, { $ref: '#/$defs/server' }],
  };
}

/** An event as the native protocol and viewers are told of it; null for what they are not told (`speech_ended`: the final follows). */
export function liveMessage(event: LiveEvent): LiveMessage | null {
  const event_id = event.id;
  switch (event.type) {
    case 'speech_started':
      return { type: 'speech_started', event_id, utterance: event.utterance, at_ms: event.atMs };
    case 'speech_ended':
      return null;
    case 'partial':
      return {
        type: 'partial',
        event_id,
        utterance: event.utterance,
        start_ms: event.startMs,
        end_ms: event.endMs,
        text: event.text,
        stable_chars: event.stableChars,
      };
    case 'final':
      return {
        type: 'final',
        event_id,
        utterance: event.utterance,
        start_ms: event.startMs,
        end_ms: event.endMs,
        text: event.text,
        confidence: event.confidence,
        words: event.words.map((word) => ({
          word: word.word,
          start_ms: word.startMs,
          end_ms: word.endMs,
          probability: word.probability,
          ...(word.approximate === undefined ? {} : { approximate: word.approximate }),
        })),
        filtered: event.filtered.map((one) => ({
          start_ms: one.startMs,
          end_ms: one.endMs,
          text: one.text,
          reason: one.reason,
        })),
        language: event.language,
      };
    case 'warning':
      return { type: 'warning', event_id, code: event.code, message: event.message };
    case 'error':
      return { ...errorMessage(AsrError.fromRecord(event.error)), event_id };
    case 'closed':
      return {
        type: 'closed',
        event_id,
        totals: {
          audio_ms: event.totals.audioMs,
          speech_ms: event.totals.speechMs,
          utterances: event.totals.utterances,
          end: event.totals.end,
        },
      };
  }
}

/** An error as the own protocol tells it. */
export function errorMessage(error: AsrError): Extract<LiveMessage, { type: 'error' }> {
  return { type: 'error', code: error.code, message: error.message, param: error.param, retryable: error.kind.retry };
}
