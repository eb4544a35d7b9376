import { createHash, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { filteredField, joinTexts, type Segment, type Transcript, type Word, seconds } from '@murmuration/contracts';
import { filteredSchema } from './transcript-reply.js';
import type { DeepgramAnswer } from '../fields/deepgram-fields.js';

const wordSchema = z.object({
  word: z.string(),
  start: z.number(),
  end: z.number(),
  confidence: z.number(),
  punctuated_word: z.string(),
  language: z.string().optional(),
});
const alternativeSchema = z.object({
  transcript: z.string(),
  confidence: z.number(),
  languages: z.array(z.string()).optional(),
  words: z.array(wordSchema),
});

/** The answer of `POST /v1/listen` (@deepgram/sdk, `ListenV1Response`); seconds. */
export const deepgramJsonSchema = z.object({
  metadata: z.object({
    transaction_key: z.string(),
    request_id: z.string(),
    sha256: z.string(),
    created: z.string(),
    duration: z.number(),
    channels: z.number(),
    models: z.array(z.string()),
    model_info: z.record(z.string(), z.object({ name: z.string(), version: z.string(), arch: z.string() })),
    filtered: filteredSchema.exactOptional(),
  }),
  results: z.object({
    channels: z.array(
      z.object({
        alternatives: z.array(alternativeSchema),
        detected_language: z.string().optional(),
        language_confidence: z.number().optional(),
      }),
    ),
    utterances: z
      .array(
        z.object({
          start: z.number(),
          end: z.number(),
          confidence: z.number(),
          channel: z.number(),
          transcript: z.string(),
          words: z.array(wordSchema),
          id: z.string(),
        }),
      )
      .optional(),
  }),
});
type DeepgramJson = z.output<typeof deepgramJsonSchema>;

/** What is known of the request beside its transcript. */
export interface DeepgramRequest {
  readonly requestId: string;
  /** ISO 8601. */
  readonly created: string;
  /** Hexadecimal, of the bytes that were read. */
  readonly sha256: string;
}

/** The transcript in Deepgram's form. */
export function deepgramJson(transcript: Transcript, answer: DeepgramAnswer, request: DeepgramRequest): DeepgramJson {
  const channels = answer.split ? transcript.channels : 1;
  const uuid = modelUuid(transcript.model);
  return {
    metadata: {
      transaction_key: 'deprecated',
      request_id: request.requestId,
      sha256: request.sha256,
      created: request.created,
      duration: seconds(transcript.durationMs),
      channels,
      models: [uuid],
      model_info: { [uuid]: { name: transcript.model, version: '1', arch: 'murmuration' } },
      ...filteredField(transcript.filtered),
    },
    results: {
      channels: Array.from({ length: channels }, (_, channel) => ({
        alternatives: [
          alternative(transcript.segments.filter((segment) => segment.channel === channel || !answer.split)),
        ],
        ...(answer.tellLanguage && transcript.language !== null ? { detected_language: transcript.language } : {}),
        ...(answer.tellLanguage && transcript.languageProbability !== null
          ? { language_confidence: transcript.languageProbability }
          : {}),
      })),
      ...(answer.utterances
        ? { utterances: transcript.segments.filter(({ text }) => text.trim() !== '').map(utterance) }
        : {}),
    },
  };
}

function alternative(segments: readonly Segment[]): z.output<typeof alternativeSchema> {
  const characters = segments.reduce((sum, segment) => sum + segment.text.length, 0);
  return {
    transcript: joinTexts(segments.map((segment) => segment.text)),
    confidence:
      characters === 0
        ? 0
        : segments.reduce((sum, segment) => sum + segment.confidence * segment.text.length, 0) / characters,
    ...languagesOf(segments),
    words: segments.flatMap(wordsJson),
  };
}

function utterance(segment: Segment): NonNullable<DeepgramJson['results']['utterances']>[number] {
  return {
    start: seconds(segment.startMs),
    end: seconds(segment.endMs),
    confidence: segment.confidence,
    channel: segment.channel,
    transcript: segment.text.trim(),
    words: wordsJson(segment),
    id: randomUUID(),
  };
}

/** Of speech that changes its language, what it is in: the most spoken first, as Deepgram does it. */
function languagesOf(segments: readonly Segment[]): { readonly languages?: string[] } {
  const spoken = new Map<string, number>();
  for (const { language, text } of segments)
    if (language !== undefined) spoken.set(language, (spoken.get(language) ?? 0) + text.length);
  return spoken.size === 0 ? {} : { languages: [...spoken].sort((a, b) => b[1] - a[1]).map(([language]) => language) };
}

function wordsJson(segment: Segment): z.output<typeof wordSchema>[] {
  return (segment.words ?? []).map((word) => ({
    ...wordJson(word),
    ...(segment.language === undefined ? {} : { language: segment.language }),
  }));
}

function wordJson(word: Word): z.output<typeof wordSchema> {
  const written = word.word.trim();
  // A word without the marks around it, in lower case.
  const plain = written.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '').toLowerCase();
  return {
    word: plain === '' ? written : plain,
    start: seconds(word.startMs),
    end: seconds(word.endMs),
    confidence: word.probability,
    punctuated_word: written,
  };
}

/** The same for a model everywhere, in the shape of a UUID. */
function modelUuid(model: string): string {
  const hex = createHash('sha256').update(model).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
