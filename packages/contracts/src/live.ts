import { z } from 'zod';
import type { ErrorRecord } from './errors.js';
import type { Filtered, Word } from './chunk.js';

/** What live audio comes as. `opus`: the bytes of an Ogg or WebM container, from its beginning. */
export const liveEncodingSchema = z.enum(['pcm_s16le', 'pcm_f32le', 'pcm_u8', 'mulaw', 'alaw', 'opus']);
export type LiveEncoding = z.infer<typeof liveEncodingSchema>;

/** Settings of a live session; every dialect translates its own into these. */
export const liveSettingsSchema = z.object({
  /** Model's name as the client gave it, or null for the default. */
  model: z.string().nullable().default(null),
  encoding: liveEncodingSchema.default('pcm_s16le'),
  /** Ignored for `opus`. */
  sampleRateHz: z.number().int().min(8_000).max(192_000).default(16_000),
  /** Interleaved; folded into one. Ignored for `opus`. */
  channels: z.number().int().min(1).max(16).default(1),
  language: z.string().nullable().default(null),
  prompt: z.string().max(4_000).default(''),
  hotwords: z.string().max(4_000).default(''),
  interimResults: z.boolean().default(true),
  wordTimestamps: z.boolean().default(false),
  /** True: utterances begin and end by voice detection. False: the client alone ends them, with `commit`. */
  detect: z.boolean().default(true),
  /** Speech probability (0 to 1) from which a window counts as speech. */
  threshold: z.number().min(0.01).max(0.99).default(0.5),
  /** Audio kept before an utterance. */
  paddingMs: z.number().int().min(0).max(2_000).default(200),
  /** Silence that ends an utterance. */
  endpointingMs: z.number().int().min(100).max(10_000).default(400),
  /** Time without any audio, by the service's clock, after which an utterance in progress ends as silence would end it (only where `detect` is on); null: the longer of `endpointingMs` and the service's own. */
  idleEndpointingMs: z.number().int().min(100).max(3_600_000).nullable().default(null),
  /** An utterance that grows longer is cut at its quietest place; no longer than the model's longest chunk. */
  maxUtteranceMs: z.number().int().min(2_000).max(30_000).default(15_000),
  /** Without any audio for this long the session ends, a warning before; null: the service's own limit. */
  idleTimeoutMs: z.number().int().min(1_000).max(3_600_000).nullable().default(null),
});
export type LiveSettings = z.infer<typeof liveSettingsSchema>;

/** States of a live session: `open` (a relay owns it and audio may come) ⇄ `detached` (its client is gone; grace runs) → `finishing` (no more audio; finals are awaited) → `closed`. `cancel` closes at once. */
export const liveStateSchema = z.enum(['open', 'detached', 'finishing', 'closed']);
export type LiveState = z.infer<typeof liveStateSchema>;

/** Why a session ended. */
export const liveEndSchema = z.enum(['finished', 'cancelled', 'idle', 'too_long', 'abandoned', 'failed']);
export type LiveEnd = z.infer<typeof liveEndSchema>;

/** What is certain about a session at its end. */
export interface LiveTotals {
  readonly audioMs: number;
  readonly speechMs: number;
  readonly utterances: number;
  readonly end: LiveEnd;
}

/** Times count from the session's start, milliseconds. `utterance` counts 0, 1, 2 … */
export type LiveEventBody =
  | { readonly type: 'speech_started'; readonly utterance: number; readonly atMs: number }
  /** The utterance is complete; its final follows. `committed`: the client ended it, not silence. `cut`: it grew too long and goes on in the next. */
  | {
      readonly type: 'speech_ended';
      readonly utterance: number;
      readonly startMs: number;
      readonly endMs: number;
      readonly by: 'silence' | 'committed' | 'cut' | 'finish';
    }
  /** `stableChars`: the beginning of `text` that no later partial of the utterance changes. */
  | {
      readonly type: 'partial';
      readonly utterance: number;
      readonly startMs: number;
      readonly endMs: number;
      readonly text: string;
      readonly stableChars: number;
      readonly words: readonly Word[];
    }
  | {
      readonly type: 'final';
      readonly utterance: number;
      readonly startMs: number;
      readonly endMs: number;
      readonly text: string;
      /** 0 to 1. */
      readonly confidence: number;
      readonly words: readonly Word[];
      readonly filtered: readonly Filtered[];
      readonly language: string | null;
      readonly languageProbability: number | null;
      readonly by: 'silence' | 'committed' | 'cut' | 'finish';
    }
  | { readonly type: 'warning'; readonly code: string; readonly message: string }
  | { readonly type: 'error'; readonly error: ErrorRecord }
  | { readonly type: 'closed'; readonly totals: LiveTotals };

/** Something that happened in a session. `id` is the stream's id to continue from; everything but partials can be had again from it, and a partial only while no newer one is there. */
export type LiveEvent = LiveEventBody & { readonly id: string };

/** A live session, as lists show it. */
export interface LiveSummary {
  readonly id: string;
  readonly state: LiveState;
  /** Name of the relay that owns it now, or null. */
  readonly relay: string | null;
  readonly owner: string | null;
  readonly model: string;
  readonly language: string | null;
  readonly startedAtMs: number;
  readonly audioMs: number;
  /** Audio received and not yet final, milliseconds. */
  readonly lagMs: number;
  readonly utterances: number;
}

/** A partial that a live session asks for, as its queue entry carries it: ids only, for queue data is clear text. */
export const wantedPartialSchema = z.object({
  session: z.string(),
  utterance: z.number().int().nonnegative(),
  /** Counts the partials of a session. */
  revision: z.number().int().nonnegative(),
  /** Where tracing is on, the W3C `traceparent` that work on it belongs to. */
  trace: z.string().exactOptional(),
});
export type WantedPartial = z.infer<typeof wantedPartialSchema>;
