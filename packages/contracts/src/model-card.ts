import { z } from 'zod';
import { SAMPLE_RATE_HZ } from './audio-format.js';
import { taskSchema } from './transcribe-options.js';

/** How recordings are cut for a model. */
export const chunkPolicySchema = z.object({
  sampleRateHz: z.literal(SAMPLE_RATE_HZ),
  /** Longest chunk the model takes, milliseconds. */
  maxChunkMs: z.number().int().positive(),
  /** A chunk is closed at the first pause after this length, milliseconds. */
  targetChunkMs: z.number().int().positive(),
  /** Utterances closer than this are packed into one chunk while it stays below the target; 0 never packs. Milliseconds. */
  packGapMs: z.number().int().nonnegative(),
  /** The model pads a chunk to a multiple of this, milliseconds; chunks of one padded length may share a batch. */
  gridMs: z.number().int().positive(),
  /** Audio said twice around a forced cut, milliseconds. */
  overlapMs: z.number().int().nonnegative(),
});
export type ChunkPolicy = z.infer<typeof chunkPolicySchema>;

/** How a model gives word times. */
export const wordTimesSchema = z.enum(['aligned', 'approximate', 'none']);

/** What a model is and can do; the fixed part of a card. */
export const modelDescriptionSchema = z.object({
  /** Public name, for example `moonshine-tiny`. */
  id: z.string().min(1),
  /** The id in letters, digits and dashes: the name of its queue. */
  slug: z.string().regex(/^[a-z0-9-]+$/),
  /** For example `whisper`; the families are listed in packages/asr. */
  family: z.string().min(1),
  /** ISO 639-1 codes. */
  languages: z.array(z.string()),
  tasks: z.array(taskSchema),
  wordTimes: wordTimesSchema,
  /** True when the model finds the language itself. */
  detectsLanguage: z.boolean(),
  dtype: z.string(),
  chunkPolicy: chunkPolicySchema,
});
export type ModelDescription = z.infer<typeof modelDescriptionSchema>;

/** A worker's heartbeat in Redis. API nodes and relays plan and answer from the cards; the newest of a model outlives its workers. */
export const modelCardSchema = z.object({
  workerId: z.string(),
  model: modelDescriptionSchema,
  device: z.string(),
  gpu: z.object({ name: z.string(), memoryMiB: z.number().nullable() }).nullable(),
  /** Sessions that run side by side. */
  sessions: z.number().int().positive(),
  maxBatch: z.number().int().positive(),
  /** Chunks the worker takes off the queue at most. */
  holds: z.number().int().positive(),
  /** Audio seconds a second, as measured in warm-up, all sessions together. */
  speed: z.number().nonnegative(),
  /** Audio seconds a second that it really transcribed while it was busy, over about the last minute; absent or null when it had nothing to do. */
  recentSpeed: z.number().nonnegative().nullish(),
  memoryBytes: z.number().nonnegative(),
  startedAtMs: z.number(),
  /** Unix milliseconds of this heartbeat. */
  seenAtMs: z.number(),
  draining: z.boolean(),
});
export type ModelCard = z.infer<typeof modelCardSchema>;
