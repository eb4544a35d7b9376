import { createHash } from 'node:crypto';
import type { Reach } from '@murmuration/access';
import { type Job, type JobId, type JobStatus, MULTI } from '@murmuration/contracts';
import type { JobManifest } from '@murmuration/store';

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
