import type { Scope } from '@murmuration/access';
import type { JobsMethods, SessionsMethods, TranscriptionMethods } from '@murmuration/contracts/grpc';
import type { ServiceName } from '../proto/service-definitions.js';

/** Who may call a method, and within which bounds. */
export interface CallRule {
  /** Scopes one of which a caller needs. */
  readonly scopes: readonly Scope[];
  /** A call whose client set no deadline ends after this long, milliseconds. */
  readonly limitMs: number;
  /** The request is one message that may hold a whole recording. */
  readonly recording: boolean;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

type Rules = Readonly<Record<`Transcription/${keyof TranscriptionMethods}` | `Jobs/${keyof JobsMethods}` | `Sessions/${keyof SessionsMethods}`, CallRule>>;

/** Live sessions and what is watched have lengths of their own, within a day. */
const RULES: Rules = {
  'Transcription/Transcribe': { scopes: ['transcribe'], limitMs: HOUR_MS, recording: true },
  'Transcription/TranscribeStream': { scopes: ['transcribe'], limitMs: HOUR_MS, recording: true },
  'Transcription/StreamingTranscribe': { scopes: ['transcribe'], limitMs: 24 * HOUR_MS, recording: false },
  'Jobs/CreateJob': { scopes: ['jobs'], limitMs: 2 * HOUR_MS, recording: false },
  'Jobs/GetJob': { scopes: ['read', 'jobs'], limitMs: MINUTE_MS, recording: false },
  'Jobs/ListJobs': { scopes: ['read', 'jobs'], limitMs: MINUTE_MS, recording: false },
  'Jobs/CancelJob': { scopes: ['jobs'], limitMs: MINUTE_MS, recording: false },
  'Jobs/GetJobTranscript': { scopes: ['read', 'jobs'], limitMs: MINUTE_MS, recording: false },
  'Jobs/WatchJob': { scopes: ['read', 'jobs'], limitMs: 24 * HOUR_MS, recording: false },
  'Sessions/ListSessions': { scopes: ['read'], limitMs: MINUTE_MS, recording: false },
  'Sessions/WatchSession': { scopes: ['read'], limitMs: 24 * HOUR_MS, recording: false },
};

const OURS = '/murmuration.v1.';

/** Name of a service as health checks ask for it. */
export function fullName(service: ServiceName): string {
  return `${OURS.slice(1)}${service}`;
}

/** The rule of a path, or null for health and reflection, which everybody may ask. Throws for a method of ours without a rule. */
export function ruleOf(path: string): CallRule | null {
  if (!path.startsWith(OURS)) return null;
  const rule = (RULES as Readonly<Record<string, CallRule | undefined>>)[path.slice(OURS.length)];
  if (rule === undefined) throw new Error(`${path} does not say who may call it: give it a rule.`);
  return rule;
}
