import { createHash } from 'node:crypto';
import type { Reach } from '@murmuration/access';
import { type Job, type JobId, type JobStatus, MULTI, AsrError } from '@murmuration/contracts';
import type { JobManifest, JobIndex, JobIndexPlace } from '@murmuration/store';
import type { JobFilter } from '../job-service.js';

/** First bits of the last half of a UUID (RFC 9562, 4.1). */
const VARIANT = 0x80;
/** Version 8, whose other bits are the maker's: the ids that this service draws are of version 4, so the two never meet. */
const VERSION = 0x80;

/**
 * The id under which a job is stored that a client names `id`. Names belong to an owner: two owners may use the same one, and neither learns of the other's job.
 * An administrator sees every job, so its names are stored as they are.
 */
export function storedIdOf(id: string, whose: Reach): JobId {
  if (whose === 'everybody') return id;
  const bytes = createHash('sha256').update(`${id} ${whose.owner}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | VERSION, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | VARIANT, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** The id by which a job is known to who sees it: its name to its owner, the stored id, which no two jobs share, to an administrator. */
export function idSeenBy(whose: Reach, { id, name }: Pick<JobManifest, 'id' | 'name'>): string {
  return whose === 'everybody' ? id : (name ?? id);
}

/** What depends on other jobs. */
export type JobOutlook = Pick<Job, 'position' | 'estimatedSecondsLeft'>;

const NO_OUTLOOK: JobOutlook = { position: null, estimatedSecondsLeft: null };

/** A job as a client sees it. @param whose what the client reaches */
export function toJob(manifest: JobManifest, whose: Reach, now: number, outlook: JobOutlook = NO_OUTLOOK): Job {
  const purged = manifest.purged || (manifest.expiresAtMs !== null && manifest.expiresAtMs <= now);
  return {
    id: idSeenBy(whose, manifest),
    submittedId: whose === 'everybody' ? manifest.name : null,
    status: statusOf(manifest),
    priority: manifest.priority,
    model: manifest.modelId,
    owner: manifest.owner,
    createdAtMs: manifest.createdAtMs,
    acceptedAtMs: manifest.acceptedAtMs,
    finishedAtMs: manifest.finishedAtMs,
    expiresAtMs: manifest.expiresAtMs,
    purged,
    retentionSeconds: manifest.retentionSeconds,
    doneMs: manifest.doneMs,
    plannedMs: manifest.plannedMs,
    durationMs: manifest.durationMs,
    language: manifest.language ?? textLanguageOf(manifest),
    position: outlook.position,
    estimatedSecondsLeft: outlook.estimatedSecondsLeft,
    error: manifest.error,
    metadata: purged ? null : manifest.metadata,
    webhook: purged ? null : manifest.webhook,
  };
}

/** The language that the text will be in, where that is known before it is. */
export function textLanguageOf({
  decode,
  fallbackLanguage,
}: Pick<JobManifest, 'decode' | 'fallbackLanguage'>): string | null {
  if (decode?.task === 'translate') return 'en';
  return decode?.language === MULTI ? null : (decode?.language ?? fallbackLanguage);
}

export function statusOf({ state, done }: Pick<JobManifest, 'state' | 'done'>): JobStatus {
  switch (state) {
    case 'running':
      return done === 0 ? 'queued' : 'running';
    case 'assembling':
      return 'running';
    default:
      return state;
  }
}

/** Jobs looked at for one page: a page that few jobs fit is shorter than asked for rather than late. */
const MAX_LOOKED_AT = 2_000;
const AT_ONCE = 200;

/** Pages of submitted jobs, newest first. */
export class JobList {
  readonly #jobIndex: JobIndex;

  constructor(jobIndex: JobIndex) {
    this.#jobIndex = jobIndex;
  }

  /** Throws `invalid_field` for a cursor that is none, and what Redis throws. */
  async page(filter: JobFilter): Promise<{ readonly jobs: JobManifest[]; readonly nextCursor: string | null }> {
    const statuses = filter.statuses === null ? null : new Set<JobStatus>(filter.statuses);
    const jobs: JobManifest[] = [];
    let after = filter.cursor === null ? null : parseCursor(filter.cursor);
    for (let lookedAt = 0; lookedAt < MAX_LOOKED_AT;) {
      const places = await this.#jobIndex.list(filter.whose, filter, after, AT_ONCE);
      const manifests = await this.#jobIndex.readAll(places.map((place) => place.id));
      for (const [i, place] of places.entries()) {
        after = place;
        const manifest = manifests[i] ?? null;
        if (manifest === null) await this.#forget(place, filter);
        else if (statuses === null || statuses.has(statusOf(manifest))) jobs.push(manifest);
        const isLast = i === places.length - 1 && places.length < AT_ONCE;
        if (jobs.length === filter.limit) return { jobs, nextCursor: isLast ? null : cursorOf(place) };
      }
      if (places.length < AT_ONCE) return { jobs, nextCursor: null };
      lookedAt += places.length;
    }
    return { jobs, nextCursor: after === null ? null : cursorOf(after) };
  }

  async #forget(place: JobIndexPlace, filter: JobFilter): Promise<void> {
    // Whose it was is known in an owner's list only; others are pruned in time.
    if (filter.whose !== 'everybody') await this.#jobIndex.forget(place.id, filter.whose.owner);
  }
}

function cursorOf(place: JobIndexPlace): string {
  return Buffer.from(`${String(place.createdAtMs)}.${place.id}`).toString('base64url');
}

function parseCursor(cursor: string): JobIndexPlace {
  const match = /^(\d{1,15})\.([A-Za-z0-9_-][A-Za-z0-9._-]{0,127})$/.exec(Buffer.from(cursor, 'base64url').toString());
  if (match === null)
    throw new AsrError(
      'invalid_field',
      'cursor: not one that a page of this list ended with. Take `next_cursor` as it is.',
      { param: 'cursor' },
    );
  return { createdAtMs: Number(match[1]), id: match[2] ?? '' };
}
