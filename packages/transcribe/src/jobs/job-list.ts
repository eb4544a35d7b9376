import { AsrError, type JobStatus } from '@murmuration/contracts';
import type { JobIndex, JobManifest, JobIndexPlace } from '@murmuration/store';
import type { JobFilter } from '../job-service.js';
import { statusOf } from './to-job.js';

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
