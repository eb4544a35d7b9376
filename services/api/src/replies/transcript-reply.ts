import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { taskSchema, type ResponseFormat, type Transcript } from '@murmuration/contracts';
import {
  renderSrt,
  renderText,
  renderVtt,
  verboseJson,
  type CueLayout,
  type CueSize,
  type TranscriptJson,
  type VerboseJson,
} from '@murmuration/transcript';

const TEXT = 'text/plain; charset=utf-8';

/** How many texts the filters took away, for formats that have no place to say which; the header is left out where they took none. */
export function tellFiltered(reply: FastifyReply, { filtered }: Transcript): void {
  const count = filtered.filter(({ text }) => text !== '').length;
  if (count > 0) void reply.header('x-filtered-texts', String(count));
}

/** Sends a transcript in one of the formats that all endpoints share; what `json` means is the endpoint's. */
export function replyWithTranscript(
  reply: FastifyReply,
  transcript: Transcript,
  format: ResponseFormat,
  granularities: { readonly segments: boolean; readonly words: boolean },
  layout: CueLayout,
  json: () => unknown,
): FastifyReply {
  tellFiltered(reply, transcript);
  const cues: CueSize = granularities.words && !granularities.segments ? 'word' : layout;
  switch (format) {
    case 'json':
      return reply.send(json());
    case 'verbose_json':
      return reply.send(verboseJson(transcript, granularities));
    case 'text':
      return reply.type(TEXT).send(renderText(transcript));
    case 'srt':
      return reply.type('application/x-subrip; charset=utf-8').send(renderSrt(transcript, cues));
    case 'vtt':
      return reply.type('text/vtt; charset=utf-8').send(renderVtt(transcript, cues));
  }
}

const wordJsonSchema = z.object({
  word: z.string(),
  start: z.number(),
  end: z.number(),
  probability: z.number(),
  approximate: z
    .boolean()
    .exactOptional()
    .describe(
      'True when the time is spread over the utterance, or of a translation: then it says where the sense is, not where the word is spoken.',
    ),
});

/** A segment of `POST /transcribe`, also the data of an event `segment`; times in seconds. */
const segmentJsonSchema = z
  .object({
    id: z.number().int(),
    start: z.number(),
    end: z.number(),
    text: z.string(),
    confidence: z.number().describe('0 to 1: exponential of the mean log-probability.'),
    channel: z.number().int(),
    words: z.array(wordJsonSchema).exactOptional(),
    language: z.string().exactOptional().describe('Where `language` is `multi`.'),
  })
  .meta({ id: 'Segment' });

/** What the filters took away, and why; seconds. */
export const filteredSchema = z
  .array(z.object({ start: z.number(), end: z.number(), text: z.string(), reason: z.string() }))
  .describe('Text that a filter took away.');

/** The answer of `POST /transcribe`; all times in seconds. */
export const transcriptJsonSchema = z
  .object({
    id: z.string(),
    text: z.string(),
    segments: z.array(segmentJsonSchema),
    duration: z.number(),
    language: z.string().nullable().describe('Of the text: that of a translation is `en`.'),
    source_language: z.string().nullable().exactOptional().describe('Of a translation: the language that was spoken.'),
    language_probability: z.number().nullable(),
    model: z.string(),
    task: taskSchema,
    channels: z.number().int(),
    timings: z
      .object({
        queue: z.number().describe('Mean wait of a chunk.'),
        inference: z.number().describe('Sum over the chunks of their share of their batch.'),
        decode: z.number(),
        detect: z.number(),
        total: z.number(),
      })
      .describe('Seconds.'),
    filtered: filteredSchema,
    accounting: z
      .object({
        speech: z.number(),
        non_speech: z.number(),
        skipped: z.array(
          z.object({ start: z.number(), end: z.number(), channel: z.number().int(), reason: z.string() }),
        ),
      })
      .describe('Where every second went, summed over the channels.'),
    warnings: z.array(z.object({ code: z.string(), message: z.string() })),
  })
  .meta({ id: 'Transcript' }) satisfies z.ZodType<TranscriptJson>;

const usageSchema = z.object({ type: z.literal('duration'), seconds: z.number() });

const languagesSchema = z
  .array(z.object({ code: z.string() }))
  .exactOptional()
  .describe('In the order in which they are first spoken, where `language` is `multi`.');

/** `json` of OpenAI's API. */
export const openAiJsonSchema = z
  .object({
    text: z.string(),
    usage: usageSchema,
    languages: languagesSchema,
    filtered: filteredSchema.exactOptional(),
  })
  .meta({ id: 'Transcription' });

/** `verbose_json` of OpenAI's API. */
export const verboseJsonSchema = z
  .object({
    task: taskSchema,
    language: z.string().describe('English name in lower case.'),
    duration: z.number(),
    text: z.string(),
    segments: z
      .array(
        z.object({
          id: z.number().int(),
          seek: z.number().int(),
          start: z.number(),
          end: z.number(),
          text: z.string(),
          tokens: z.array(z.number().int()),
          temperature: z.number(),
          avg_logprob: z.number(),
          compression_ratio: z.number(),
          no_speech_prob: z.number(),
          language: z.string().exactOptional(),
        }),
      )
      .exactOptional(),
    words: z.array(z.object({ word: z.string(), start: z.number(), end: z.number() })).exactOptional(),
    usage: usageSchema,
    languages: languagesSchema,
    filtered: filteredSchema.exactOptional(),
  })
  .meta({ id: 'TranscriptionVerbose' }) satisfies z.ZodType<VerboseJson>;
