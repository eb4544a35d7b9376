import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { decodeOptionsSchema, languageFor, type LiveSettings, type ModelDescription } from '@murmuration/contracts';
import type { LiveRecord, NewLive } from '@murmuration/store';

const TOKEN_BYTES = 24;
/** Enough that no two owners of a session draw the same. */
const HOLDER_BYTES = 8;

/** What a session is begun with. */
interface Beginning {
  readonly settings: LiveSettings;
  readonly owner: string | null;
  readonly model: ModelDescription;
  /** SHA-256 of the token that resumes it. */
  readonly tokenHash: string;
  readonly relay: string;
  /** The relay's own, for a session that sets none; milliseconds. */
  readonly idleEndpointingMs: number;
}

/** A session as it is stored at its beginning, with all that is settled there: every relay that takes it over then does the same. */
export function newSession({ settings, owner, model, tokenHash, relay, idleEndpointingMs }: Beginning): NewLive {
  return {
    id: randomUUID(),
    tokenHash,
    owner,
    relay,
    holder: newHolder(),
    model,
    settings: {
      ...settings,
      idleEndpointingMs: settings.idleEndpointingMs ?? Math.max(settings.endpointingMs, idleEndpointingMs),
    },
    decode: decodeOptionsSchema.parse({
      language: languageFor(settings.language, model),
      prompt: settings.prompt,
      hotwords: settings.hotwords,
      // Approximate times cost nothing; aligned ones a pass of the decoder.
      wordTimestamps: model.wordTimes === 'approximate' || (settings.wordTimestamps && model.wordTimes === 'aligned'),
    }),
  };
}

/** The record of a session that has heard nothing yet. */
export function unheard(session: NewLive): LiveRecord {
  return {
    ...session,
    epoch: 1,
    ageMs: 0,
    state: 'open',
    end: null,
    positionSamples: 0,
    sourceSamples: 0,
    decoder: null,
    snapshot: null,
    snapshotAtSamples: 0,
    keepFromSamples: 0,
    isOpen: false,
    utterances: 0,
    finals: 0,
    pendingSamples: 0,
    op: '',
  };
}

/** A secret that resumes a session. */
export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

/** Names an owner of a session. */
export function newHolder(): string {
  return randomBytes(HOLDER_BYTES).toString('hex');
}

/** In hexadecimal. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
