import type { Access } from '@murmuration/access';
import type { ErrorCode } from '@murmuration/contracts';
import type { Intake, LiveService, Usage } from '@murmuration/transcribe';
import type { Logger, Tracing } from '@murmuration/runtime';
import type { ApiConfig } from './config.js';
import type { SubmitParts } from './submit-job.js';
import type { RecentAnswers } from './figures/recent-answers.js';
import type { UploadParts } from './transcribe-recording.js';
import type { ActiveUploads } from './upload/active-uploads.js';

/** A GPU of this machine, as the operating system describes it. */
export interface Gpu {
  readonly name: string;
  readonly memoryMiB: number | null;
  readonly memoryUsedMiB: number | null;
  readonly utilizationPercent: number | null;
  readonly temperatureC: number | null;
  readonly powerW: number | null;
}

/** What the routes use. */
export interface ApiContext extends UploadParts, SubmitParts {
  readonly config: Pick<
    ApiConfig,
    | 'API_KEYS_FILE'
    | 'ENABLE_REST'
    | 'ENABLE_CONSOLE'
    | 'ENABLE_WEBSOCKET'
    | 'RELAY_URL'
    | 'CORS_ORIGINS'
    | 'ALLOWED_HOSTS'
    | 'SSE_HEARTBEAT_MS'
    | 'SSE_STALL_TIMEOUT_MS'
    | 'MAX_AUDIO_SECONDS'
    | 'MAX_JOB_RETENTION_SECONDS'
    | 'WEB_DIR'
  >;
  readonly logger: Logger;
  readonly tracing: Tracing;
  /** Live sessions of the whole cluster, to watch, list and delete. */
  readonly live: Pick<LiveService, 'watch' | 'list' | 'erase'>;
  /** Finds out who sends a request. */
  readonly access: Access;
  readonly uploads: ActiveUploads;
  /** Names of the formats that can be decoded here. */
  readonly formats: readonly string[];
  gpus(): Promise<readonly Gpu[]>;
  /** True once no new work is accepted. */
  stopping(): boolean;
  /** Aborted once no new work is accepted: clients of endless streams go elsewhere. */
  readonly leaving: AbortSignal;
  /** Aborted when requests in progress are given up. */
  readonly abandoned: AbortSignal;
  /** What waits or is in work of every model that is served. */
  readonly backlog: Intake['backlog'];
  /** How long this node took for its last answers. */
  readonly answers: RecentAnswers;
  /** What owners have used. */
  readonly usage: Pick<Usage, 'of'>;
  /** Called with each answer: the route's pattern, the status, the time, and the code of an error. */
  onAnswer(route: string, status: number, durationMs: number, code?: ErrorCode): void;
}
