import { randomUUID } from 'node:crypto';
import { AsrError, isFinal, type ErrorCode } from '@murmuration/contracts';
import type { JobArchive, JobIndex, JobManifest, JobStore } from '@murmuration/store';
import { ATTRIBUTE, SPAN, type Logger, type Tracing } from '@murmuration/runtime';
import { assembleTranscript } from '@murmuration/transcript';
import type { OnJobEnd } from '../active-transcription.js';
import { outlineOf } from './job-events.js';
import { statusOf, textLanguageOf } from './job-views.js';
import type { Webhooks } from './webhooks.js';

export interface SettlerParts {
  readonly jobIndex: JobIndex;
  readonly archive: JobArchive;
  readonly jobs: JobStore;
  readonly webhooks: Webhooks;
  readonly onJobEnd: OnJobEnd;
  readonly tracing: Tracing;
  readonly logger: Logger;
}

/** A long recording's results take memory and time: this many jobs at once. */
const AT_ONCE = 2;
/** Attempts at putting one job's results together; each that the store takes part in counts, whether its node died or failed. */
const MOST_ATTEMPTS = 10;

/**
 * Brings accepted jobs to their end, one node at a time each.
 *
 * assembling --transcript stored--> done --\
 * assembling --too many attempts--> failed
 * failed, cancelled ------------------------+--> audio and work gone --> webhook queued --> off the list of what is looked after
 *
 * A crash anywhere leaves the job on that list; then every step is done again, by any node, and changes nothing that is done.
 */
export class Settler {
  readonly #parts: SettlerParts;
  readonly #name = randomUUID();
  readonly #waiting = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  #closed = false;

  constructor(parts: SettlerParts) {
    this.#parts = parts;
  }

  /** Settles the job soon, if it can be; trouble is left to the next look at it. */
  soon(id: string): void {
    if (this.#closed) return;
    this.#waiting.add(id);
    this.#next();
  }

  /** Settles the job if it has ended or only lacks assembling, and no other node is at it. Throws what Redis throws. */
  async settle(id: string): Promise<void> {
    const { jobIndex, archive } = this.#parts;
    const manifest = await jobIndex.read(id);
    if (
      manifest === null ||
      manifest.acceptedAtMs === null ||
      (manifest.state !== 'assembling' && !isFinal(statusOf(manifest)))
    )
      return;
    if (!(await archive.claim(id, this.#name))) return;
    try {
      await this.#end(manifest);
      const ended = await jobIndex.read(id);
      if (ended !== null && !isFinal(statusOf(ended))) return;
      if (ended !== null) await this.#parts.webhooks.announce(ended);
      const watched = await jobIndex.unwatch(manifest, ended?.state === 'done' ? ended.expiresAtMs : null);
      // A job may be settled again; it leaves the list once.
      if (watched && ended !== null) this.#parts.onJobEnd(endOf(ended));
    } finally {
      await archive.release(id);
    }
  }

  /** Resolves when what is in progress is settled; takes on nothing more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.clear();
    await Promise.all(this.#running.values());
  }

  #next(): void {
    for (const id of this.#waiting) {
      if (this.#running.size >= AT_ONCE) return;
      if (this.#running.has(id)) continue;
      this.#waiting.delete(id);
      const run = this.settle(id)
        .catch((error: unknown) => {
          this.#parts.logger.warn(
            { job: id, reason: error instanceof Error ? error.message : String(error) },
            'a job could not be settled; it is tried again',
          );
        })
        .finally(() => {
          this.#running.delete(id);
          this.#next();
        });
      this.#running.set(id, run);
    }
  }

  async #end(manifest: JobManifest): Promise<void> {
    const { archive, jobs } = this.#parts;
    const place = { id: manifest.id, lane: manifest.lane, modelSlug: manifest.modelSlug };
    const { state } = manifest.state === 'assembling' ? await this.#assemble(manifest) : manifest;
    if (state === 'failed') {
      const tickets = await jobs.tickets(place);
      await archive.close(manifest.id, textLanguageOf(manifest));
      await jobs.stopWork(place, tickets);
    } else {
      await jobs.endWork(place);
    }
  }

  /** Answers what the job is then. */
  async #assemble(manifest: JobManifest): Promise<Pick<JobManifest, 'state'>> {
    const { archive, jobs, jobIndex } = this.#parts;
    if ((await archive.countAttempt(manifest.id)) > MOST_ATTEMPTS) {
      await jobs.end(
        manifest,
        'failed',
        new AsrError(
          'transcription_failed',
          'The results of the recording could not be put together, however often that was tried. Send the recording again.',
        ).toRecord(),
      );
    } else {
      await this.#finish(manifest);
    }
    return (await jobIndex.read(manifest.id)) ?? manifest;
  }

  async #finish(manifest: JobManifest): Promise<void> {
    const { archive } = this.#parts;
    const { decode } = manifest;
    const span = this.#parts.tracing.start(SPAN.assemble, {
      parent: manifest.trace,
      attributes: {
        [ATTRIBUTE.job]: manifest.id,
        [ATTRIBUTE.lane]: manifest.lane,
        [ATTRIBUTE.model]: manifest.modelId,
      },
    });
    const parts = await archive.results(manifest.id);
    if (parts === null || decode === null) {
      span.end();
      return;
    }
    const transcript = assembleTranscript(parts.results, parts.summary, {
      id: manifest.id,
      model: manifest.modelId,
      task: decode.task,
      language: decode.language ?? manifest.fallbackLanguage,
      totalMs: Math.max(0, Date.now() - manifest.createdAtMs),
    });
    span.set({
      [ATTRIBUTE.audioSeconds]: parts.summary.durationMs / 1_000,
      [ATTRIBUTE.emptyResult]: transcript.segments.length === 0,
    });
    await archive.finish(
      manifest.id,
      transcript,
      await outlineOf(parts.events, manifest.holdFromMs, transcript.segments),
    );
    span.end();
  }
}

/** The code that an ended job failed by, `cancelled`, or null when it is done. */
function endOf({ state, error }: Pick<JobManifest, 'state' | 'error'>): ErrorCode | null {
  if (state === 'done') return null;
  return state === 'cancelled' ? 'cancelled' : (error?.code ?? 'transcription_failed');
}
