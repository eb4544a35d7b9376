import { randomUUID } from 'node:crypto';
import {
  AsrError,
  isFinal,
  type DecodeOptions,
  type Job,
  type JobEvent,
  type ModelDescription,
  type Transcript,
  type WebhookDeliveryRecord,
} from '@murmuration/contracts';
import type { Reach } from '@murmuration/access';
import {
  storeCall,
  type JobArchive,
  type JobEvents,
  type JobIdentity,
  type JobIndex,
  type JobManifest,
  type JobTerms,
} from '@murmuration/store';
import { settled } from '@murmuration/contracts/left-alone';
import type { OnJobEnd } from '../active-transcription.js';
import { optionsFor } from '../choose-model.js';
import { followJobEvents } from '../follow-events.js';
import type { JobFilter, JobPage, JobService, JobSubmission, SubmittedJob } from '../job-service.js';
import type { ModelRegistry } from '../model-registry.js';
import type { Admission } from './admission.js';
import type { EarlierRequests } from './earlier-requests.js';
import { jobEvents, eventsAfter, eventsOfOutline } from './job-events.js';
import { JobList, idSeenBy, statusOf, storedIdOf, toJob } from './job-views.js';
import type { Settler } from './settler.js';
import { Submission, type SubmissionParts } from './submission.js';
import type { Webhooks } from './webhooks.js';

/** What the jobs of a node are made of. */
export interface JobsParts extends SubmissionParts {
  readonly archive: JobArchive;
  readonly events: JobEvents;
  readonly registry: ModelRegistry;
  readonly admission: Admission;
  readonly earlier: EarlierRequests;
  readonly settler: Settler;
  readonly webhooks: Webhooks;
  /** For this long a deleted job's webhook may still be told of that, milliseconds. */
  readonly partingMs: number;
  /** How long a first worker is waited for, milliseconds. */
  readonly workerWaitMs: number;
  /** How long transcript and events stay when a submission does not say, seconds. */
  readonly retentionSeconds: number;
  readonly onJobEnd: OnJobEnd;
}

/** Submitted jobs, as the endpoints of this node see them. Any node answers for any job. */
export class Jobs implements JobService {
  readonly #parts: JobsParts;
  readonly #jobIndex: JobIndex;
  readonly #list: JobList;
  readonly #running = new Set<Promise<unknown>>();

  constructor(parts: JobsParts) {
    this.#parts = parts;
    this.#jobIndex = parts.jobIndex;
    this.#list = new JobList(parts.jobIndex);
  }

  async submit(submission: JobSubmission): Promise<SubmittedJob> {
    const submitted = this.#submit(submission);
    const running = settled(submitted).finally(() => {
      this.#running.delete(running);
    });
    this.#running.add(running);
    const { manifest, created } = await submitted;
    return { job: await this.#seen(manifest, submission.whose), created };
  }

  async get(id: string, whose: Reach): Promise<Job> {
    return this.#seen(await this.#find(id, whose), whose);
  }

  async list(filter: JobFilter): Promise<JobPage> {
    const { jobs, nextCursor } = await storeCall(() => this.#list.page(filter));
    return { jobs: await this.#allSeen(jobs, filter.whose), nextCursor };
  }

  async cancel(name: string, whose: Reach): Promise<Job> {
    const manifest = await this.#find(name, whose);
    const { id } = manifest;
    const { jobs, archive, settler, audio } = this.#parts;
    const place = { id, lane: manifest.lane, modelSlug: manifest.modelSlug };
    await storeCall(async () => {
      const tickets = await jobs.tickets(place);
      const before = await archive.purge(id, this.#parts.partingMs);
      if (before === 'receiving' || before === 'running') await jobs.stopWork(place, tickets);
    }, audio.putLimitMs);
    // What is left undone here is done by whoever looks after accepted jobs.
    settler.soon(id);
    const purged = await storeCall(() => this.#jobIndex.read(id));
    if (purged === null) throw new AsrError('not_found');
    return toJob(purged, whose, Date.now());
  }

  async transcript(id: string, whose: Reach): Promise<Transcript> {
    const manifest = await this.#find(id, whose);
    const status = statusOf(manifest);
    if (manifest.purged) throw new AsrError('result_expired');
    if (status === 'failed')
      throw manifest.error === null ? new AsrError('transcription_failed') : AsrError.fromRecord(manifest.error);
    if (status !== 'done')
      throw new AsrError(
        'job_not_done',
        `The job is ${status}: it has no result yet. Follow its events, or ask again later.`,
      );
    const transcript = await storeCall(() => this.#parts.archive.transcript(manifest.id));
    if (transcript === null) throw new AsrError('result_expired');
    return { ...transcript, id: idSeenBy(whose, manifest) };
  }

  async follow(name: string, whose: Reach, afterId: string, signal: AbortSignal): Promise<AsyncIterable<JobEvent>> {
    const manifest = await this.#find(name, whose);
    const { id, holdFromMs } = manifest;
    const stored = async (): Promise<readonly JobEvent[] | null> => {
      const result = await storeCall(() => this.#parts.archive.stored(id));
      return result === null || result.outline === null
        ? null
        : eventsOfOutline(result.outline, result.transcript.segments);
    };
    if (!isFinal(statusOf(manifest)) || (await storeCall(() => this.#parts.archive.hasStream(id))))
      return jobEvents(followJobEvents(this.#parts.events, id, signal), afterId, holdFromMs, signal, stored);
    const all = await stored();
    if (all === null) throw new AsrError('result_expired');
    return eventsAfter(all, afterId);
  }

  async deliveries(id: string, whose: Reach): Promise<readonly WebhookDeliveryRecord[]> {
    const manifest = await this.#find(id, whose);
    return storeCall(() => this.#parts.webhooks.deliveries(manifest.id));
  }

  async redeliver(id: string, whose: Reach): Promise<readonly WebhookDeliveryRecord[]> {
    const manifest = await this.#find(id, whose);
    const { webhook } = manifest;
    if (toJob(manifest, whose, Date.now()).purged) throw new AsrError('result_expired');
    if (webhook === null) throw new AsrError('no_webhook');
    const status = statusOf(manifest);
    if (!isFinal(status)) throw new AsrError('job_not_done', `The job is ${status}: there is no end to tell of yet.`);
    return storeCall(async () => {
      await this.#parts.webhooks.redeliver(manifest, webhook);
      return this.#parts.webhooks.deliveries(manifest.id);
    });
  }

  /** Resolves when every submission in progress is accepted or taken back. */
  async idle(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #submit(submission: JobSubmission): Promise<{ readonly manifest: JobManifest; readonly created: boolean }> {
    const { idempotencyKey: key } = submission;
    const earlier = key === null ? null : await this.#parts.earlier.find(submission, key);
    if (earlier !== null) return { manifest: earlier, created: false };
    const card = await this.#parts.registry.resolve(
      submission.options.model,
      this.#parts.workerWaitMs,
      submission.signal,
    );
    const { decode } = optionsFor(submission.options, card.model);
    if (submission.webhook !== null) this.#parts.webhooks.check(submission.webhook, submission.owner);
    const job = identityOf(submission, decode, card.model);
    await this.#parts.admission.admit(card, job.lane, job.owner);
    const terms = this.#termsOf(submission, card.model);
    const named = submission.id === null ? null : await this.#look(submission.id, submission.whose);
    const createdAtMs = named === null ? await storeCall(() => this.#parts.jobs.create(job, terms)) : null;
    if (createdAtMs === null) {
      const same = key === null ? null : await this.#parts.earlier.findById(submission, key, named?.id ?? job.id);
      if (same === null) throw new AsrError('job_exists', undefined, { param: 'id' });
      return { manifest: same, created: false };
    }
    const accepting = new Submission(job, submission, terms, card.model, this.#parts);
    await storeCall(() => this.#jobIndex.enlist({ id: job.id, owner: job.owner, createdAtMs }));
    const manifest = await accepting.run().catch((error: unknown) => {
      this.#parts.onJobEnd(AsrError.from(error).code);
      throw error;
    });
    return { manifest, created: manifest.id === job.id };
  }

  #termsOf(submission: JobSubmission, model: ModelDescription): JobTerms {
    return {
      priority: submission.priority,
      retentionSeconds: Math.max(1, Math.ceil(submission.retentionSeconds ?? this.#parts.retentionSeconds)),
      metadata: submission.metadata,
      webhook: submission.webhook,
      holdFromMs: model.chunkPolicy.maxChunkMs / 2,
      fallbackLanguage: model.languages.length === 1 ? (model.languages[0] ?? null) : null,
    };
  }

  /** Throws `not_found`. */
  async #find(id: string, whose: Reach): Promise<JobManifest> {
    const manifest = await this.#look(id, whose);
    if (manifest === null) throw new AsrError('not_found');
    return manifest;
  }

  /** The job that is known by this id to who sees `whose`, or null. */
  async #look(id: string, whose: Reach): Promise<JobManifest | null> {
    // A job whose id the service drew, or an administrator named, is stored under that.
    const found = await storeCall(() => this.#jobIndex.readAll([...new Set([storedIdOf(id, whose), id])]));
    return (
      found.find((manifest) => manifest !== null && (whose === 'everybody' || manifest.owner === whose.owner)) ?? null
    );
  }

  async #seen(manifest: JobManifest, whose: Reach): Promise<Job> {
    const [job] = await this.#allSeen([manifest], whose);
    return job ?? toJob(manifest, whose, Date.now());
  }

  async #allSeen(manifests: readonly JobManifest[], whose: Reach): Promise<Job[]> {
    const positions = await storeCall(() => this.#jobIndex.positions(manifests));
    return Promise.all(
      manifests.map(async (manifest, i) =>
        toJob(manifest, whose, Date.now(), {
          position: isFinal(statusOf(manifest)) ? null : (positions[i] ?? null),
          estimatedSecondsLeft: await this.#parts.admission.secondsLeft(manifest),
        }),
      ),
    );
  }
}

function identityOf(submission: JobSubmission, decode: DecodeOptions, model: ModelDescription): JobIdentity {
  const { id: name, trace = null } = submission;
  const id = name === null ? randomUUID() : storedIdOf(name, submission.whose);
  return {
    id,
    ...(name === null || name === id ? {} : { name }),
    lane: submission.priority,
    modelId: model.id,
    modelSlug: model.slug,
    decode,
    awaitsLanguage: model.detectsLanguage && decode.language === null,
    owner: submission.owner,
    ...(trace === null ? {} : { trace }),
  };
}
