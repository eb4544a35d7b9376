import type {
  DecodeOptions,
  ErrorRecord,
  JobMetadata,
  JobPriority,
  JobState,
  Lane,
  Webhook,
} from '@murmuration/contracts';

/** A submitted job as Redis has it; times in Unix milliseconds by Redis' clock. */
export interface JobManifest {
  readonly id: string;
  /** The id that its owner gave it, where it is stored under another; else null. */
  readonly name: string | null;
  readonly state: JobState;
  readonly lane: Lane;
  readonly priority: JobPriority;
  readonly modelId: string;
  readonly modelSlug: string;
  readonly owner: string | null;
  /** Null from its end on. */
  readonly decode: DecodeOptions | null;
  readonly createdAtMs: number;
  readonly acceptedAtMs: number | null;
  readonly finishedAtMs: number | null;
  readonly expiresAtMs: number | null;
  /** True when a client has deleted what there was of it. */
  readonly purged: boolean;
  readonly retentionSeconds: number;
  /** Work items planned and done. */
  readonly planned: number;
  readonly done: number;
  readonly plannedMs: number;
  readonly doneMs: number;
  readonly durationMs: number | null;
  /** Of the finished transcript. */
  readonly language: string | null;
  readonly fallbackLanguage: string | null;
  readonly holdFromMs: number;
  readonly error: ErrorRecord | null;
  /** W3C `traceparent` of its request, where tracing was on. */
  readonly trace: string | null;
  /** Both are gone when the transcript is. */
  readonly metadata: JobMetadata | null;
  readonly webhook: Webhook | null;
}

/** What of a manifest is read: all but the summary, which may be long. */
export const MANIFEST_FIELDS = [
  'id',
  'name',
  'state',
  'lane',
  'priority',
  'model',
  'slug',
  'owner',
  'decode',
  'startedAtMs',
  'acceptedAtMs',
  'finishedAtMs',
  'expiresAtMs',
  'purged',
  'retentionSeconds',
  'planned',
  'done',
  'plannedMs',
  'doneMs',
  'durationMs',
  'language',
  'fallbackLanguage',
  'holdFromMs',
  'error',
  'trace',
] as const;
/** What is read of what a client attached. */
export const TERMS_FIELDS = ['metadata', 'webhook'] as const;
type Field = (typeof MANIFEST_FIELDS)[number];

/** The manifest from the values of `MANIFEST_FIELDS` and `TERMS_FIELDS`; null when it is gone, or is that of a request that somebody waits for. */
export function parseManifest(
  values: readonly (string | null)[],
  [metadata, webhook]: readonly (string | null)[],
): JobManifest | null {
  const fields = Object.fromEntries(MANIFEST_FIELDS.map((name, i) => [name, values[i] ?? null])) as Record<
    Field,
    string | null
  >;
  if (fields.state === null || fields.priority === null) return null;
  const number = (value: string | null): number => Number(value ?? 0);
  const numberOrNull = (value: string | null): number | null => (value === null ? null : Number(value));
  return {
    id: fields.id ?? '',
    name: fields.name,
    state: fields.state as JobState,
    lane: fields.lane as Lane,
    priority: fields.priority as JobPriority,
    modelId: fields.model ?? '',
    modelSlug: fields.slug ?? '',
    owner: fields.owner,
    decode: JSON.parse(fields.decode ?? 'null') as DecodeOptions | null,
    createdAtMs: number(fields.startedAtMs),
    acceptedAtMs: numberOrNull(fields.acceptedAtMs),
    finishedAtMs: numberOrNull(fields.finishedAtMs),
    expiresAtMs: numberOrNull(fields.expiresAtMs),
    purged: fields.purged === '1',
    retentionSeconds: number(fields.retentionSeconds),
    planned: number(fields.planned),
    done: number(fields.done),
    plannedMs: number(fields.plannedMs),
    doneMs: number(fields.doneMs),
    durationMs: numberOrNull(fields.durationMs),
    language: fields.language === '' ? null : fields.language,
    fallbackLanguage: fields.fallbackLanguage === '' ? null : fields.fallbackLanguage,
    holdFromMs: number(fields.holdFromMs),
    error: fields.error === null || fields.error === '' ? null : (JSON.parse(fields.error) as ErrorRecord),
    trace: fields.trace,
    metadata: JSON.parse(metadata ?? 'null') as JobMetadata | null,
    webhook: JSON.parse(webhook ?? 'null') as Webhook | null,
  };
}

/** How far a job is; what looking after thousands of jobs reads of each. */
export type JobProgress = Pick<JobManifest, 'state' | 'lane' | 'modelSlug' | 'acceptedAtMs' | 'done'> & {
  /** Number of the open ticket, or null. */
  readonly openTicket: number | null;
  /** Items that workers hold. */
  readonly held: number;
};

export const PROGRESS_FIELDS = [
  'state',
  'lane',
  'slug',
  'acceptedAtMs',
  'ticket',
  'ticketOpen',
  'held',
  'done',
] as const;

/** From the values of `PROGRESS_FIELDS`; null when the manifest is gone. */
export function parseProgress([state, lane, slug, acceptedAtMs, ticket, ticketOpen, held, done]: readonly (
  string | null
)[]): JobProgress | null {
  if (typeof state !== 'string') return null;
  return {
    state: state as JobState,
    lane: lane as Lane,
    modelSlug: slug ?? '',
    acceptedAtMs: typeof acceptedAtMs === 'string' ? Number(acceptedAtMs) : null,
    openTicket: ticketOpen === '1' ? Number(ticket) : null,
    held: Number(held),
    done: Number(done),
  };
}
