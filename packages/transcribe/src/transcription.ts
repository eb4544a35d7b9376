import type { Reach } from '@murmuration/access';
import type { JobState, Lane, ModelCard, Segment, Transcript, TranscribeOptions } from '@murmuration/contracts';

/** A recording at an API node, with everything that is known about it. */
export interface TranscriptionRequest {
  /** The file's bytes; read only as fast as they are worked on. */
  readonly source: AsyncIterable<Uint8Array>;
  readonly contentType: string | null;
  /** Extension of the file's name without the dot, or null. */
  readonly extension: string | null;
  readonly options: TranscribeOptions;
  readonly lane: Lane;
  /** Name of the API key that it belongs to, or null without keys. */
  readonly owner: string | null;
  /** W3C `traceparent` of the request that it came with, where tracing is on. */
  readonly trace?: string | null;
  /** Called once when no worker of the model is there yet and one is expected: the work waits for it, `atMostMs` at the longest. */
  readonly onAsleep?: (atMostMs: number) => void;
  /** Aborting cancels the work: the client went away. */
  readonly signal: AbortSignal;
}

/** Segments that are final: they and all before them are done. */
export interface TranscriptionProgress {
  readonly segments: readonly Segment[];
  /** Audio finished so far, milliseconds. */
  readonly doneMs: number;
}

/** Work that was accepted. Both methods throw `AsrError`; `result` may be awaited with or without reading `progress`. */
export interface Transcription {
  readonly id: string;
  /** The model that serves it. */
  readonly model: string;
  progress(): AsyncIterable<TranscriptionProgress>;
  result(): Promise<Transcript>;
}

/** A job in progress, as `GET /sessions` lists it. */
export interface ActiveJob {
  readonly id: string;
  readonly state: JobState;
  readonly lane: Lane;
  readonly model: string;
  readonly owner: string | null;
  readonly startedAtMs: number;
  readonly chunksPlanned: number;
  readonly chunksDone: number;
}

/** State of the parts behind an endpoint. */
export interface ClusterStatus {
  readonly redis: 'up' | 'down';
  /** What of its settings puts accepted work at risk, a sentence each. */
  readonly redisConcerns: readonly string[];
  /** Newest card of each worker seen within its heartbeat's lifetime. */
  readonly workers: readonly ModelCard[];
  /** Newest card of every model that is served, or was a short while ago. */
  readonly models: readonly ModelCard[];
  /** Ids of those without workers, whose workers come when there is work for them. */
  readonly asleep: readonly string[];
  /** Per model id: entries waiting and active on its queue. */
  readonly queues: Readonly<Record<string, { readonly waiting: number; readonly active: number }>>;
}

/** What endpoints use. Implemented by `Intake`. */
export interface TranscriptionService {
  /** Card of the model that serves `name` (null: the default). Throws `model_not_found`, `no_worker` when no model is served, `backend_unavailable`. */
  resolveModel(name: string | null): Promise<ModelCard>;
  /** Starts reading the recording. Throws `AsrError` when the options do not fit the model or work is not admitted; faults of the bytes come from `result`. */
  start(request: TranscriptionRequest): Promise<Transcription>;
  status(): Promise<ClusterStatus>;
  /** Jobs in progress in the whole cluster: everybody's, or those of one owner. Throws `backend_unavailable`. */
  activeJobs(whose: Reach): Promise<readonly ActiveJob[]>;
}
