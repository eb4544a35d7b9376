import type { Access } from '@murmuration/access';
import type { JobService, LiveService, TranscriptionService } from '@murmuration/transcribe';
import type { Logger, Metrics, Tracing } from '@murmuration/runtime';
import type { RelayConfig } from './config.js';

/** What the endpoints of the relay use: the WebSocket protocols and gRPC. */
export interface RelayContext {
  readonly live: LiveService;
  readonly transcribe: TranscriptionService;
  /** Absent where this relay takes no jobs. */
  readonly jobs?: JobService;
  /** Finds out who calls. */
  readonly access: Access;
  readonly config: RelayConfig;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  /** True once no new work is accepted. */
  stopping(): boolean;
  /** Aborted when `stopping` becomes true: tell clients to go elsewhere. */
  readonly draining: AbortSignal;
  /** Aborted when the remaining work is given up (`DRAIN_TIMEOUT_MS` after `draining`). */
  readonly abandoned: AbortSignal;
}
