import { monitorEventLoopDelay } from 'node:perf_hooks';
import { ERRORS, type ErrorCode } from '@murmuration/contracts';
import { leftAloneCounts } from '@murmuration/contracts/left-alone';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Codes of what is refused because there is no room for it now, by their HTTP status. */
const WANT_OF_ROOM = new Map((['queue_full', 'storage_full'] as const).map((code) => [ERRORS[code].http, code]));

type GpuGauge = Gauge<'gpu' | 'name'>;

/** Figures of the GPUs of a process, by their number and name. */
export interface GpuGauges {
  readonly memoryBytes: GpuGauge;
  readonly memoryUsedBytes: GpuGauge;
  readonly utilizationRatio: GpuGauge;
  readonly temperatureCelsius: GpuGauge;
  readonly powerWatts: GpuGauge;
  /** Has `refresh` awaited before any of them is read. */
  onCollect(refresh: () => Promise<void>): void;
}

/** All metrics of the project; no label holds a tenant, a job or free text. */
export class Metrics {
  readonly registry = new Registry();
  #refreshQueue = (): Promise<void> => Promise.resolve();
  readonly queueJobs = this.#queueGauge('asr_queue_jobs', 'Entries of the queue of each model.', ['model', 'state']);
  readonly queueBacklogAudioSeconds = this.#queueGauge(
    'asr_queue_backlog_audio_seconds',
    'Audio of recordings that waits or is in work, of the whole cluster.',
    ['model'],
  );
  readonly batchSize = this.#histogram('asr_batch_size', 'Chunks in a batch.', [], [1, 2, 4, 8, 16, 32, 64]);
  readonly batchWaitSeconds = this.#histogram(
    'asr_batch_wait_seconds',
    'From a chunk taken off the queue to the start of its batch.',
    [],
  );
  readonly batchPaddingRatio = this.#histogram(
    'asr_batch_padding_ratio',
    'Share of a batch that is padding.',
    [],
    [0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9],
  );
  readonly inferenceSeconds = this.#histogram('asr_inference_seconds', 'Time of a batch on the device.', []);
  readonly deviceBusySeconds = this.#counter(
    'asr_device_busy_seconds_total',
    'Time in which the device computed, summed over the sessions; told at the end of each batch.',
    [],
  );
  readonly deviceIdleSeconds = this.#counter(
    'asr_device_idle_seconds_total',
    'Time in which chunks were there and the device did not compute, summed over the sessions; told at the end of each batch.',
    [],
  );
  readonly audioSeconds = this.#counter('asr_audio_seconds_total', 'Audio transcribed.', []);
  readonly rtfx = this.#gauge('asr_rtfx', 'Audio seconds a second of device time, over the last batches.', []);
  readonly #jobs = this.#counter('asr_jobs_total', 'Jobs and requests that ended, each at one node.', [
    'outcome',
    'code',
  ]);
  readonly jobAttempts = this.#histogram(
    'asr_job_attempts',
    'Times a chunk was taken off the queue.',
    [],
    [1, 2, 3, 5, 10],
  );
  readonly stalled = this.#counter('asr_stalled_total', 'Queue entries whose worker went silent.', []);
  readonly fencedWrites = this.#counter(
    'asr_fenced_writes_total',
    'Results refused because a newer attempt owns the chunk or has already written it.',
    ['reason'],
  );
  readonly filtered = this.#counter('asr_filtered_total', 'Stretches of text that a filter took away.', ['reason']);
  readonly #shed = this.#counter('asr_shed_total', 'Requests refused for want of room.', ['reason']);
  readonly workerLastFetchAgeSeconds = this.#gauge(
    'asr_worker_last_fetch_age_seconds',
    'Since the worker last heard from its queue.',
    [],
  );
  readonly eventLoopLagSeconds = this.#gauge(
    'asr_eventloop_lag_seconds',
    'Longest delay of the event loop in the last second.',
    [],
  );
  readonly modelLoadSeconds = this.#gauge('asr_model_load_seconds', 'Time from the start of the load to ready.', []);
  readonly liveSessions = this.#gauge('asr_live_sessions', 'Live sessions that this relay owns.', []);
  readonly sockets = this.#gauge('asr_websockets', 'Open WebSockets of this relay.', []);
  readonly httpRequestSeconds = this.#histogram('asr_http_request_seconds', 'Requests by route and status class.', [
    'route',
    'status',
  ]);
  readonly grpcCallSeconds = this.#histogram('asr_grpc_call_seconds', 'gRPC calls by method and status.', [
    'method',
    'code',
  ]);

  /** Counts the end of a job. @param code why it failed, `cancelled`, or null when it is done */
  jobEnded(code: ErrorCode | null): void {
    const outcome = code === null ? 'done' : code === 'cancelled' ? 'cancelled' : 'failed';
    this.#jobs.inc({ outcome, code: code ?? '' });
  }

  /** Counts a request whose error has this HTTP status, where that says that there was no room. @param code the error's, where it is known */
  answered(http: number, code?: ErrorCode): void {
    const reason = code === 'insufficient_quota' ? undefined : WANT_OF_ROOM.get(http);
    if (reason !== undefined) this.#shed.inc({ reason });
  }

  /** Has `refresh` awaited before the gauges of the queue are read; `model` is a model's slug. */
  onQueueCollect(refresh: () => Promise<void>): void {
    this.#refreshQueue = refresh;
  }

  /** Gauges of GPUs; registered when they are asked for, so that a machine without one shows none. Ask once. */
  gpuGauges(): GpuGauges {
    let refresh = (): Promise<void> => Promise.resolve();
    const gauge = (name: string, help: string): GpuGauge =>
      new Gauge({ name, help, labelNames: ['gpu', 'name'], registers: [this.registry], collect: () => refresh() });
    return {
      memoryBytes: gauge('asr_gpu_memory_bytes', 'Memory of the GPU.'),
      memoryUsedBytes: gauge('asr_gpu_memory_used_bytes', 'Memory of the GPU in use, by whomever.'),
      utilizationRatio: gauge(
        'asr_gpu_utilization_ratio',
        'Share of the last sampling period in which the GPU was busy; 0 also where its driver does not say.',
      ),
      temperatureCelsius: gauge('asr_gpu_temperature_celsius', 'Temperature of the GPU.'),
      powerWatts: gauge('asr_gpu_power_watts', 'Power that the GPU draws.'),
      onCollect: (wanted) => {
        refresh = wanted;
      },
    };
  }

  constructor() {
    collectDefaultMetrics({ register: this.registry, prefix: 'asr_' });
    const leftAlone = this.#counter(
      'asr_left_alone_failures_total',
      'Failures of the main thread that nobody had to be told of: repeated, closing, receiver_gone, unreadable, shown_without, best_effort.',
      ['reason'],
      () => {
        leftAlone.reset();
        for (const [reason, count] of leftAloneCounts()) leftAlone.inc({ reason }, count);
      },
    );
  }

  #gauge<T extends string>(name: string, help: string, labelNames: T[]): Gauge<T> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  #queueGauge<T extends string>(name: string, help: string, labelNames: T[]): Gauge<T> {
    return new Gauge({ name, help, labelNames, registers: [this.registry], collect: () => this.#refreshQueue() });
  }

  #counter<T extends string>(name: string, help: string, labelNames: T[], collect?: () => void): Counter<T> {
    return new Counter({ name, help, labelNames, registers: [this.registry], ...(collect && { collect }) });
  }

  #histogram<T extends string>(name: string, help: string, labelNames: T[], buckets: number[] = SECONDS): Histogram<T> {
    return new Histogram({ name, help, labelNames, buckets, registers: [this.registry] });
  }
}

/** Delays are told of this often, milliseconds. */
const REPORT_EVERY_MS = 1_000;

/** Watches how long the event loop of this thread is held up. */
export class EventLoopLag {
  readonly #delays = monitorEventLoopDelay({ resolution: 10 });
  readonly #timer: NodeJS.Timeout;
  #lagSeconds = 0;

  /** @param report called once a second with the longest delay of that second, seconds */
  constructor(report: (lagSeconds: number) => void) {
    this.#delays.enable();
    this.#timer = setInterval(() => {
      this.#lagSeconds = this.#delays.max / 1e9;
      this.#delays.reset();
      report(this.#lagSeconds);
    }, REPORT_EVERY_MS);
    this.#timer.unref();
  }

  get lagSeconds(): number {
    return this.#lagSeconds;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#delays.disable();
  }
}
