import type { Reach } from '@murmuration/access';
import { MULTI, type Job, type JobStatus } from '@murmuration/contracts';
import type { JobManifest } from '@murmuration/store';
import { idSeenBy } from './job-names.js';

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
