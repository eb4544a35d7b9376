import { z } from 'zod';

/** A stretch of a chunk and where it lies in the recording, milliseconds. */
export const spanSchema = z.object({
  /** Where it begins in the chunk. */
  chunkMs: z.number().nonnegative(),
  /** Where it begins in the recording. */
  startMs: z.number().nonnegative(),
  durationMs: z.number().nonnegative(),
});
export type Span = z.infer<typeof spanSchema>;

/** A piece of speech as planned: what the queue carries a reference to. Its PCM (signed 16-bit little endian, mono, 16 kHz) lies in the audio store. */
export const plannedChunkSchema = z.object({
  /** 0, 1, 2 … in the order of the recording (all channels share one count). */
  index: z.number().int().nonnegative(),
  channel: z.number().int().nonnegative(),
  samples: z.number().int().positive(),
  /** Where its audio lies in the recording; ascending, without gaps in the chunk. */
  spans: z.array(spanSchema).min(1),
  /** Speech the detector found in it, recording milliseconds. */
  speech: z.array(z.object({ startMs: z.number(), endMs: z.number() })),
  /** Milliseconds at its beginning that the chunk before of this channel also holds: nonzero after a forced cut. */
  overlapMs: z.number().nonnegative(),
  /** Where tracing is on, the W3C `traceparent` that work on it belongs to. */
  trace: z.string().exactOptional(),
});
export type PlannedChunk = z.infer<typeof plannedChunkSchema>;

export const wordSchema = z.object({
  word: z.string(),
  startMs: z.number(),
  endMs: z.number(),
  /** 0 to 1. */
  probability: z.number(),
  /** True when the time is spread over the utterance, or of a translation: then it says where the sense is, not where the word is spoken. */
  approximate: z.boolean().optional(),
});
export type Word = z.infer<typeof wordSchema>;

/** A stretch of text with its time. In a recognizer's answer times count from the chunk's start, everywhere else from the recording's. */
export const segmentSchema = z.object({
  startMs: z.number(),
  endMs: z.number(),
  text: z.string(),
  channel: z.number().int().nonnegative(),
  /** 0 to 1: exponential of the mean log-probability. */
  confidence: z.number(),
  avgLogprob: z.number(),
  noSpeechProb: z.number(),
  compressionRatio: z.number(),
  temperature: z.number(),
  tokens: z.array(z.number().int()),
  words: z.array(wordSchema).optional(),
  /** ISO code of its text's language; where `MULTI` was asked for. */
  language: z.string().optional(),
});
export type Segment = z.infer<typeof segmentSchema>;

/** Text that a filter took away, reported instead of hidden. */
export const filteredSchema = z.object({
  startMs: z.number(),
  endMs: z.number(),
  text: z.string(),
  /** Stable name of the rule, for example `no_speech`, `silence`, `repetition`. */
  reason: z.string(),
});
export type Filtered = z.infer<typeof filteredSchema>;

/** What a model says about one chunk; times count from the chunk's start. */
export const recognitionSchema = z.object({
  segments: z.array(segmentSchema),
  filtered: z.array(filteredSchema),
  language: z.string().nullable(),
  languageProbability: z.number().nullable(),
  /** Languages that speech of the chunk is surely in beside `language`, in which all of it was taken to be. */
  otherLanguages: z.array(z.string()).optional(),
  /** True when the prompt was cut to what the model takes. */
  promptTrimmed: z.boolean().optional(),
});
export type Recognition = z.infer<typeof recognitionSchema>;

/** A chunk's result as stored; times are the recording's. */
export const chunkResultSchema = recognitionSchema.extend({
  index: z.number().int().nonnegative(),
  channel: z.number().int().nonnegative(),
  overlapMs: z.number().nonnegative(),
  audioMs: z.number(),
  /** From queued to the start of its batch. */
  queueMs: z.number(),
  /** The run of its whole batch. */
  inferenceMs: z.number(),
  batchSize: z.number().int().positive(),
  worker: z.string(),
});
export type ChunkResult = z.infer<typeof chunkResultSchema>;
