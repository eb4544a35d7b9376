import type { Access } from '@murmuration/access';
import type { JobService, LiveService, TranscriptionService } from '@murmuration/intake';
import type { Logger, Metrics } from '@murmuration/runtime';
import type { RelayConfig } from './config.js';

/** What the doors of the relay use: WebSocket, its dialects, and gRPC. */
export interface RelayContext {
  readonly live: LiveService;
  readonly transcribe: TranscriptionService;
  /** Absent where this relay takes no jobs. */
  readonly jobs?: JobService;
  /** Says who calls. */
  readonly access: Access;
  readonly config: RelayConfig;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** True once no new work is taken. */
  stopping(): boolean;
  /** Aborted when `stopping` becomes true: tell clients to go elsewhere. */
  readonly draining: AbortSignal;
  /** Aborted when what is left is given up (`DRAIN_TIMEOUT_MS` after `draining`). */
  readonly abandoned: AbortSignal;
}
