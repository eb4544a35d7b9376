import type { Reach } from '@murmuration/access';
import { redisConcerns, storeCall, type JobsInProgress, type Redis, type TicketQueues } from '@murmuration/store';
import type { Admission } from './jobs/admission.js';
import { idSeenBy } from './jobs/job-views.js';
import type { ModelRegistry } from './model-registry.js';
import type { ActiveJob, ClusterStatus } from './transcription.js';

/** Jobs in progress that a list shows at most. */
const LISTED_JOBS = 1_000;

/** Work of one model, of the whole cluster: audio of recordings, and entries of the queue. */
export interface ModelBacklog {
  readonly slug: string;
  readonly audioSeconds: number;
  readonly waiting: number;
  readonly active: number;
}

/** The cluster as any node sees it: its workers, what waits for them, and the jobs in progress. */
export class ClusterView {
  readonly #redis: Redis;
  readonly #registry: ModelRegistry;
  readonly #queues: TicketQueues;
  readonly #jobs: Pick<JobsInProgress, 'list'>;
  readonly #admission: Pick<Admission, 'backlogSeconds'>;

  /** All are the node's and stay the caller's. */
  constructor(
    redis: Redis,
    registry: ModelRegistry,
    queues: TicketQueues,
    jobs: Pick<JobsInProgress, 'list'>,
    admission: Pick<Admission, 'backlogSeconds'>,
  ) {
    this.#redis = redis;
    this.#registry = registry;
    this.#queues = queues;
    this.#jobs = jobs;
    this.#admission = admission;
  }

  async status(): Promise<ClusterStatus> {
    try {
      const cards = await this.#registry.cards();
      const counts = await storeCall(() =>
        Promise.all(
          cards.models.map(async (card) => [card.model.id, await this.#queues.counts(card.model.slug)] as const),
        ),
      );
      return {
        redis: 'up',
        workers: cards.workers,
        models: cards.models,
        asleep: cards.models
          .map((card) => card.model)
          .filter(
            ({ id, slug }) => this.#registry.mayWake(id) && !cards.workers.some((worker) => worker.model.slug === slug),
          )
          .map(({ id }) => id),
        queues: Object.fromEntries(counts),
        redisConcerns: await storeCall(() => redisConcerns(this.#redis)),
      };
    } catch {
      return { redis: 'down', workers: [], models: [], asleep: [], queues: {}, redisConcerns: [] };
    }
  }

  /**
   * What waits or is in work of every model that is served or may be woken. For one without workers whatever waits counts as a second at least:
   * live utterances, and requests of which nothing is queued yet, wake it as audio does. Throws `backend_unavailable`.
   */
  async backlog(): Promise<readonly ModelBacklog[]> {
    const { models, workers } = await this.#registry.cards();
    const told = await Promise.all(
      models.map(async ({ model: { slug } }) => {
        const [audioSeconds, counts] = await Promise.all([
          this.#admission.backlogSeconds(slug),
          storeCall(() => this.#queues.counts(slug)),
        ]);
        const unserved = counts.waiting > 0 && !workers.some((worker) => worker.model.slug === slug);
        return { slug, audioSeconds: Math.max(audioSeconds, unserved ? 1 : 0), ...counts };
      }),
    );
    // Of one that has never had a worker nothing can be queued: requests wait for its first.
    const untold = [...this.#registry.demand].flatMap(([id, requests]) => {
      const slug = id.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
      const known = told.some((model) => model.slug === slug);
      return known ? [] : [{ slug, audioSeconds: Math.min(requests, 1), waiting: 0, active: 0 }];
    });
    return [...told, ...untold];
  }

  async activeJobs(whose: Reach): Promise<readonly ActiveJob[]> {
    const jobs = await storeCall(() => this.#jobs.list(LISTED_JOBS, whose));
    return jobs.map((job) => ({
      id: idSeenBy(whose, job),
      state: job.state,
      lane: job.lane,
      model: job.modelId,
      owner: job.owner,
      startedAtMs: job.startedAtMs,
      chunksPlanned: job.planned,
      chunksDone: job.done,
    }));
  }
}
