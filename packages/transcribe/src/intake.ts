import { randomUUID } from 'node:crypto';
import { AsrError, type ModelCard } from '@murmuration/contracts';
import type { Reach } from '@murmuration/access';
import { SpeechReader } from '@murmuration/audio';
import {
  FileRewriter,
  JobEvents,
  JobStore,
  LiveEvents,
  LiveStore,
  OrphanSweep,
  RedisTicketStore,
  TicketQueues,
  UsageStore,
  WakeChannels,
  storeCall,
  impatientConnection,
  openAudioStore,
  patientConnection,
  redisConcerns,
  subscriberConnection,
  whenReady,
  type AudioStore,
  type JobIdentity,
  type Redis,
  type RedisAddress,
} from '@murmuration/store';
import { NO_TRACING, type AudioStoreSettings, type Logger, type Tracing } from '@murmuration/runtime';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import { ActiveTranscription, type OnJobEnd, type TranscriptionParts } from './active-transcription.js';
import type { JobService } from './job-service.js';
import { Admission } from './jobs/admission.js';
import { ClusterView } from './cluster-view.js';
import { ERASE_WITHIN_MS, JobsRuntime, type JobsOptions } from './jobs/jobs-runtime.js';
import { LiveViews } from './live/live-views.js';
import type { LiveService } from './live/live-service.js';
import { ModelRegistry } from './model-registry.js';
import { optionsFor } from './choose-model.js';
import { Usage } from './usage.js';
import type {
  ActiveJob,
  ClusterStatus,
  Transcription,
  TranscriptionRequest,
  TranscriptionService,
} from './transcription.js';

/** Settings of a node's intake. */
export interface IntakeOptions {
  readonly redis: RedisAddress;
  readonly defaultModel: string | null;
  /** Ids of models without workers whose workers come when there is work for them. */
  readonly wakeableModels?: readonly string[];
  readonly limits: TranscriptionParts['limits'];
  readonly workerWaitMs: number;
  readonly audioStore: AudioStoreSettings;
  /** What is not given takes its default. */
  readonly jobs?: Partial<JobsOptions>;
  readonly speech: Parameters<typeof SpeechReader.start>[0];
  readonly onJobEnd?: OnJobEnd;
  /** Off unless given. */
  readonly tracing?: Tracing;
  readonly logger: Logger;
}

/** A job dies with its API node: its keys live this long without renewal, milliseconds. */
const LEASE_MS = 30_000;
/** Audio that a recording may be ahead of the workers: 20 minutes, 38 MB of PCM. */
const MAX_AHEAD_MS = 20 * 60_000;
/** A store that has no room for this long has none for the uploads that wait: they are refused. */
const ROOM_WAIT_MS = 60_000;
/** A start waits this long for Redis, milliseconds, and goes on without: clients are told when it is away. */
const REDIS_WAIT_MS = 2_000;
/** A node without sessions of its own leases none. */
const UNUSED_TIMES = { keepMs: 1, closedKeepMs: 1, leaseMs: 1 };

/** The way in for every endpoint: admits recordings and hands out their transcriptions. */
export class Intake implements TranscriptionService {
  /** Where the node's tickets lie. */
  readonly tickets: RedisTicketStore;
  /** What owners have used. */
  readonly usage: Usage;
  /** Submitted jobs. */
  readonly jobs: JobService;
  /** Live sessions of the whole cluster, to look at and to delete. */
  readonly live: Pick<LiveService, 'watch' | 'list' | 'erase'>;
  readonly #redis: Redis;
  readonly #subscriber: Redis;
  /** The node's one subscription, for all that listens on it. */
  readonly channels: WakeChannels;
  readonly #patient: Redis;
  readonly #jobsRuntime: JobsRuntime;
  readonly #views: LiveViews;
  readonly #view: ClusterView;
  readonly #admission: Admission;
  readonly #queues: TicketQueues;
  readonly #speech: SpeechReader;
  readonly #options: IntakeOptions;
  readonly #parts: TranscriptionParts;
  readonly #orphans: OrphanSweep;
  readonly #files: FileRewriter;
  readonly #running = new Set<Promise<unknown>>();

  private constructor(
    options: IntakeOptions,
    redis: Redis,
    subscriber: Redis,
    patient: Redis,
    audio: AudioStore,
    speech: SpeechReader,
  ) {
    this.#options = options;
    this.#redis = redis;
    this.#subscriber = subscriber;
    this.channels = new WakeChannels(subscriber);
    this.#patient = patient;
    this.#speech = speech;
    this.tickets = new RedisTicketStore(redis);
    this.usage = new Usage(new UsageStore(redis), options.jobs?.monthlyAudioSeconds ?? (() => null));
    this.#queues = new TicketQueues(redis);
    const eraseWithinMs = options.jobs?.eraseWithinMs ?? ERASE_WITHIN_MS;
    this.#orphans = new OrphanSweep(audio, redis, options.logger, {
      everyMs: eraseWithinMs / 4,
      idleMs: eraseWithinMs / 2,
    });
    this.#files = new FileRewriter(redis, options.logger, eraseWithinMs / 4);
    const jobs = new JobStore(redis, this.#queues, audio, LEASE_MS);
    this.#parts = {
      jobs,
      audio,
      events: new JobEvents(redis, this.channels),
      registry: new ModelRegistry(redis, options.defaultModel, options.wakeableModels),
      read: (input) => speech.read(input),
      limits: options.limits,
      leaseMs: LEASE_MS,
      workerWaitMs: options.workerWaitMs,
      maxAheadMs: MAX_AHEAD_MS,
      roomWaitMs: ROOM_WAIT_MS,
      onJobEnd: options.onJobEnd ?? (() => undefined),
      tracing: options.tracing ?? NO_TRACING,
      usage: this.usage,
    };
    this.#jobsRuntime = new JobsRuntime(
      {
        ...this.#parts,
        usage: this.usage,
        redis,
        subscriber,
        patient,
        queues: this.#queues,
        logger: options.logger,
        budgetBytes: options.audioStore.budgetBytes,
      },
      options.jobs,
    );
    this.#admission = this.#jobsRuntime.admission;
    this.jobs = this.#jobsRuntime.jobs;
    this.#view = new ClusterView(redis, this.#parts.registry, this.#queues, jobs.inProgress, this.#admission);
    this.#views = new LiveViews(
      new LiveStore(redis, UNUSED_TIMES),
      new LiveEvents(redis, this.channels),
      this.channels,
      this.#queues,
    );
    this.live = this.#views;
  }

  /** Connects and loads the detector. Does not wait for Redis: requests are told when it is away. Throws when the audio store's folder cannot be used. */
  static async start(options: IntakeOptions): Promise<Intake> {
    const speech = await SpeechReader.start(options.speech);
    const redis = impatientConnection(options.redis, options.logger);
    const subscriber = subscriberConnection(options.redis, options.logger);
    const patient = patientConnection(options.redis, options.logger);
    await whenReady(redis, REDIS_WAIT_MS).catch(leaveAlone('repeated'));
    try {
      const audio = await openAudioStore(options.audioStore, redis, (url) => impatientConnection(url, options.logger));
      for (const concern of await redisConcerns(redis).catch(leaveAlone('shown_without', [])))
        options.logger.warn(concern);
      return new Intake(options, redis, subscriber, patient, audio, speech);
    } catch (error) {
      await speech.close();
      patient.disconnect();
      subscriber.disconnect();
      redis.disconnect();
      throw error;
    }
  }

  /** Which models are served, and which are waited for. */
  get registry(): ModelRegistry {
    return this.#parts.registry;
  }

  async resolveModel(name: string | null): Promise<ModelCard> {
    return this.#parts.registry.resolve(name, 0);
  }

  async start(request: TranscriptionRequest): Promise<Transcription> {
    const { workerWaitMs } = this.#options;
    let isTold = false;
    const card = await this.#parts.registry.resolve(request.options.model, workerWaitMs, request.signal, () => {
      if (!isTold) request.onAsleep?.(workerWaitMs);
      isTold = true;
    });
    const { decode } = optionsFor(request.options, card.model);
    await this.#admission.admit(card, request.lane, request.owner);
    const { trace = null } = request;
    const job: JobIdentity = {
      id: randomUUID(),
      lane: request.lane,
      modelId: card.model.id,
      modelSlug: card.model.slug,
      decode,
      awaitsLanguage: card.model.detectsLanguage && decode.language === null,
      owner: request.owner,
      ...(trace === null ? {} : { trace }),
    };
    await storeCall(() => this.#parts.jobs.create(job));
    const transcription = new ActiveTranscription(job, request, card.model, this.#parts);
    const running = transcription
      .result()
      .then(
        () => {
          this.#parts.onJobEnd(null);
        },
        (error: unknown) => {
          this.#parts.onJobEnd(AsrError.from(error).code);
        },
      )
      .finally(() => {
        this.#running.delete(running);
      });
    this.#running.add(running);
    return transcription;
  }

  status(): Promise<ClusterStatus> {
    return this.#view.status();
  }

  activeJobs(whose: Reach): Promise<readonly ActiveJob[]> {
    return this.#view.activeJobs(whose);
  }

  /** What waits or is in work of every model; see `ClusterView`. */
  backlog(): ReturnType<ClusterView['backlog']> {
    return this.#view.backlog();
  }

  /** Resolves when every transcription and submission in progress has ended. */
  async idle(): Promise<void> {
    await Promise.all([...this.#running, this.#jobsRuntime.jobs.idle()]);
  }

  async close(): Promise<void> {
    await this.#speech.close();
    await this.#jobsRuntime.close();
    await this.usage.close();
    await this.#orphans.close();
    await this.#files.close();
    this.#views.close();
    this.#parts.audio.close();
    await this.#queues.close().catch(leaveAlone('closing'));
    this.#subscriber.disconnect();
    this.#patient.disconnect();
    await this.#redis.quit().catch(leaveAlone('closing'));
    // One that could not say goodbye would try to connect again for ever.
    this.#redis.disconnect();
  }
}
