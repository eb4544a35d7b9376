import {
  MULTI,
  decodeOptionsSchema,
  liveSettingsSchema,
  modelDescriptionSchema,
  samplesToMs,
  type DecodeOptions,
  type LiveEnd,
  type LiveSettings,
  type LiveState,
  type LiveSummary,
  type ModelDescription,
  type UtteranceNumber,
} from '@murmuration/contracts';

/** An ended utterance, as its final is planned. */
export interface PlannedUtterance {
  readonly utterance: UtteranceNumber;
  /** Its audio with padding, positions in the 16 kHz signal. */
  readonly startSamples: number;
  readonly samples: number;
  /** Its speech, milliseconds from the session's start. */
  readonly startMs: number;
  readonly endMs: number;
  readonly by: 'silence' | 'committed' | 'cut' | 'finish';
  /** Where tracing is on, the W3C `traceparent` that work on it belongs to. */
  readonly trace?: string;
}

/** Who owns a session. */
export interface LiveOwner {
  readonly id: string;
  /** Counts the times that the session was taken. */
  readonly epoch: number;
  /** Random, for two relays may count to the same epoch where a failover loses what one of them took. */
  readonly holder: string;
}

/** What a new session is. */
export interface NewLive {
  readonly id: string;
  /** SHA-256 of the token, hexadecimal. */
  readonly tokenHash: string;
  readonly owner: string | null;
  readonly relay: string;
  readonly holder: string;
  readonly settings: LiveSettings;
  readonly model: ModelDescription;
  readonly decode: DecodeOptions;
}

/** A session as it is stored. Positions are samples of the 16 kHz signal. */
export interface LiveRecord extends NewLive {
  readonly epoch: number;
  /** Time since it began, by Redis' clock, when this was read. */
  readonly ageMs: number;
  readonly state: LiveState;
  /** Reason of the end, once it is finishing. */
  readonly end: LiveEnd | null;
  readonly positionSamples: number;
  /** Client's samples a channel behind it. */
  readonly sourceSamples: number;
  /** JSON of the decoder's and of the detector's memory, or null. */
  readonly decoder: string | null;
  readonly snapshot: string | null;
  /** Where the snapshot was taken. */
  readonly snapshotAtSamples: number;
  readonly keepFromSamples: number;
  /** An utterance is in progress. */
  readonly isOpen: boolean;
  /** Utterances that have ended. */
  readonly utterances: number;
  /** Finals that are published. */
  readonly finals: number;
  /** Samples of ended utterances that are not final. */
  readonly pendingSamples: number;
  /** Names the last change. */
  readonly op: string;
}

type Fields = Readonly<Record<string, string | undefined>>;

/** Fields of a new session's hash. */
export function fieldsOf(session: NewLive, closedKeepMs: number): Record<string, string | number> {
  return {
    state: 'open',
    epoch: 1,
    token: session.tokenHash,
    owner: session.owner ?? '',
    owned: session.owner === null ? 0 : 1,
    relay: session.relay,
    holder: session.holder,
    settings: JSON.stringify(session.settings),
    model: JSON.stringify(session.model),
    modelId: session.model.id,
    slug: session.model.slug,
    closedKeepMs,
    decode: JSON.stringify(session.decode),
    language: session.decode.language === null || session.decode.language === MULTI ? '' : session.decode.language,
    position: 0,
    source: 0,
    keepFrom: 0,
    count: 0,
    started: 0,
    front: 0,
    pending: 0,
    lane: 'live',
    ticket: 0,
    ticketOpen: 0,
    held: 0,
    speechSamples: 0,
    revisions: 0,
    open: '',
    partial: '',
    op: '',
  };
}

/** Null when the fields are none, or of another version. @param nowMs Redis' time */
export function recordOf(id: string, fields: Fields, nowMs: number): LiveRecord | null {
  if (fields['state'] === undefined) return null;
  const settings = liveSettingsSchema.safeParse(parsed(fields['settings']));
  const model = modelDescriptionSchema.safeParse(parsed(fields['model']));
  const decode = decodeOptionsSchema.safeParse(parsed(fields['decode']));
  if (!settings.success || !model.success || !decode.success) return null;
  return {
    id,
    settings: settings.data,
    model: model.data,
    decode: decode.data,
    tokenHash: fields['token'] ?? '',
    owner: ownerOf(fields),
    relay: fields['relay'] ?? '',
    holder: fields['holder'] ?? '',
    epoch: Number(fields['epoch']),
    state: fields['state'] as LiveState,
    end: (fields['end'] as LiveEnd | undefined) ?? null,
    ageMs: Math.max(0, nowMs - Number(fields['startedAtMs'])),
    positionSamples: Number(fields['position']),
    sourceSamples: Number(fields['source']),
    decoder: fields['decoder'] ?? null,
    snapshot: fields['snapshot'] ?? null,
    snapshotAtSamples: Number(fields['snapshotAt'] ?? 0),
    keepFromSamples: Number(fields['keepFrom']),
    isOpen: (fields['open'] ?? '') !== '',
    utterances: Number(fields['count']),
    finals: Number(fields['front']),
    pendingSamples: Number(fields['pending']),
    op: fields['op'] ?? '',
  };
}

/** Fields that `summaryOf` reads. */
export const SUMMARY_FIELDS = [
  'state',
  'relay',
  'owner',
  'owned',
  'modelId',
  'language',
  'startedAtMs',
  'position',
  'pending',
  'open',
  'openStart',
  'count',
] as const;

/** Null for a session that has closed or expired. */
export function summaryOf(id: string, values: readonly (string | null)[]): LiveSummary | null {
  const fields: Fields = Object.fromEntries(SUMMARY_FIELDS.map((name, at) => [name, values[at] ?? undefined]));
  const state = fields['state'];
  if (state === undefined || state === 'closed') return null;
  const position = Number(fields['position']);
  const openSamples = fields['open'] === '' ? 0 : position - Number(fields['openStart'] ?? position);
  return {
    id,
    state: state as LiveState,
    relay: fields['relay'] === '' ? null : (fields['relay'] ?? null),
    owner: ownerOf(fields),
    model: fields['modelId'] ?? '',
    language: fields['language'] === '' ? null : (fields['language'] ?? null),
    startedAtMs: Number(fields['startedAtMs']),
    audioMs: Math.round(samplesToMs(position)),
    lagMs: Math.round(samplesToMs(Number(fields['pending']) + openSamples)),
    utterances: Number(fields['count']),
  };
}

/** Whose a session is, by its fields `owned` and `owner`. */
export function ownerOf(fields: Fields): string | null {
  return fields['owned'] === '1' ? (fields['owner'] ?? '') : null;
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
