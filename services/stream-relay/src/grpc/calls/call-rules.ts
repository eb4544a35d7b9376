import type { Scope } from '@murmuration/access';
import type { JobsMethods, SessionsMethods, TranscriptionMethods } from '@murmuration/contracts/grpc';
import type { ServiceName } from '../proto/service-definitions.js';

/** Who may call a method, and within which bounds. */
export interface CallRule {
  /** Scopes one of which a caller needs; null for health and reflection, which everybody may ask. */
  readonly scopes: readonly Scope[] | null;
  /** A call whose client set no deadline ends after this long, milliseconds. */
  readonly limitMs: number;
  /** The request is one message that may hold a whole recording. */
  readonly recording: boolean;
  /** Longest message of the request, as it comes and unfolded, bytes. */
  readonly maxMessageBytes: number;
}

/** Longest message of any method: 100 MiB, as the original service took. */
export const MAX_MESSAGE_BYTES = 100 * 1024 * 1024;
/** Longest audio in a message of a streamed request, bytes. */
export const MAX_STREAMED_BYTES = 4 * 1024 * 1024;
/** A question: no field of one is long but lists of words to favour. */
const QUESTION_BYTES = 64 * 1024;
/** A message that holds audio has this much for its other fields. */
const PIECE_BYTES = MAX_STREAMED_BYTES + QUESTION_BYTES;
const HEALTH_BYTES = 1024;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

type Rules = Readonly<
  Record<
    `Transcription/${keyof TranscriptionMethods}` | `Jobs/${keyof JobsMethods}` | `Sessions/${keyof SessionsMethods}`,
    CallRule
  >
>;

/** Live sessions and what is watched have lengths of their own, within a day. */
const RULES: Rules = {
  'Transcription/Transcribe': {
    scopes: ['transcribe'],
    limitMs: HOUR_MS,
    recording: true,
    maxMessageBytes: MAX_MESSAGE_BYTES,
  },
  'Transcription/TranscribeStream': {
    scopes: ['transcribe'],
    limitMs: HOUR_MS,
    recording: true,
    maxMessageBytes: MAX_MESSAGE_BYTES,
  },
  'Transcription/StreamingTranscribe': {
    scopes: ['transcribe'],
    limitMs: 24 * HOUR_MS,
    recording: false,
    maxMessageBytes: PIECE_BYTES,
  },
  'Jobs/CreateJob': { scopes: ['jobs'], limitMs: 2 * HOUR_MS, recording: false, maxMessageBytes: PIECE_BYTES },
  'Jobs/GetJob': { scopes: ['read', 'jobs'], limitMs: MINUTE_MS, recording: false, maxMessageBytes: QUESTION_BYTES },
  'Jobs/ListJobs': { scopes: ['read', 'jobs'], limitMs: MINUTE_MS, recording: false, maxMessageBytes: QUESTION_BYTES },
  'Jobs/CancelJob': { scopes: ['jobs'], limitMs: MINUTE_MS, recording: false, maxMessageBytes: QUESTION_BYTES },
  'Jobs/GetJobTranscript': {
    scopes: ['read', 'jobs'],
    limitMs: MINUTE_MS,
    recording: false,
    maxMessageBytes: QUESTION_BYTES,
  },
  'Jobs/WatchJob': {
    scopes: ['read', 'jobs'],
    limitMs: 24 * HOUR_MS,
    recording: false,
    maxMessageBytes: QUESTION_BYTES,
  },
  'Sessions/ListSessions': { scopes: ['read'], limitMs: MINUTE_MS, recording: false, maxMessageBytes: QUESTION_BYTES },
  'Sessions/DeleteSession': {
    scopes: ['transcribe', 'admin'],
    limitMs: MINUTE_MS,
    recording: false,
    maxMessageBytes: QUESTION_BYTES,
  },
  'Sessions/WatchSession': {
    scopes: ['read'],
    limitMs: 24 * HOUR_MS,
    recording: false,
    maxMessageBytes: QUESTION_BYTES,
  },
};

const HEALTH: CallRule = { scopes: null, limitMs: MINUTE_MS, recording: false, maxMessageBytes: HEALTH_BYTES };
const WATCHED_HEALTH: CallRule = { ...HEALTH, limitMs: 24 * HOUR_MS };
const REFLECTION: CallRule = { scopes: null, limitMs: HOUR_MS, recording: false, maxMessageBytes: QUESTION_BYTES };

const OURS = '/murmuration.v1.';

/** Name of a service as health checks ask for it. */
export function fullName(service: ServiceName): string {
  return `${OURS.slice(1)}${service}`;
}

/** The rule of a path. Throws for a method of ours without a rule. */
export function ruleOf(path: string): CallRule {
  if (path === '/grpc.health.v1.Health/Watch') return WATCHED_HEALTH;
  if (path.startsWith('/grpc.health.v1.')) return HEALTH;
  if (!path.startsWith(OURS)) return REFLECTION;
  const rule = (RULES as Readonly<Record<string, CallRule | undefined>>)[path.slice(OURS.length)];
  if (rule === undefined) throw new Error(`${path} does not say who may call it: give it a rule.`);
  return rule;
}
