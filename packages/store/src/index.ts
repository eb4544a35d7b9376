export { type AudioStore, type PutOptions, OrphanSweep } from './audio-store/audio-store.js';
export { openAudioStore } from './audio-store/open-audio-store.js';
export {
  storeCall,
  backendUnavailable,
  impatientConnection,
  patientConnection,
  subscriberConnection,
  whenReady,
  type Redis,
  type RedisAddress,
} from './connections.js';
export { JobEvents, isEnd, type StreamedEvent } from './job-stream.js';
export { ACCEPTED_AUDIO_LIFE_MS, JobStore, type JobIdentity, type JobPlace, type JobTerms } from './job-store.js';
export type { JobsInProgress, UnfinishedJob } from './jobs/jobs-in-progress.js';
export { IdempotencyClaims, type Claim } from './jobs/idempotency-claims.js';
export { JobArchive, onSettle, type EventOutline } from './jobs/job-archive.js';
export { JobIndex, type AcceptedJob, type JobIndexPlace } from './jobs/job-index.js';
export type { JobManifest, JobProgress } from './jobs/job-manifest.js';
export { FileRewriter } from './file-rewriter.js';
export { redisConcerns, RedisMemory, TroubleLog } from './redis-health.js';
export { ResultBudget, StoredBytes } from './jobs/job-memory.js';
export {
  HEARTBEAT_EVERY_MS,
  HEARTBEAT_LIFE_MS,
  listCards,
  publishCard,
  withdrawCard,
  type Cards,
} from './model-cards.js';
export { RedisTicketStore } from './ticket-store.js';
export { Turn } from './turn.js';
export { UsageStore, type OwnerUsage, type Used } from './usage-store.js';
export { WebhookLog, type WebhookMessage, type WebhookStanding } from './webhook-log.js';
export { WebhookQueue, WebhookWorker } from './webhook-queue.js';
export {
  LiveItems,
  type EarlyText,
  type FinalBody,
  type LiveItem,
  type PartialBody,
  type PickedPartial,
} from './live/live-items.js';
export { LiveEvents } from './live/live-events.js';
export type { LiveOwner, LiveRecord, NewLive, PlannedUtterance } from './live/live-record.js';
export type { ChangeAnswer, LiveChange, LiveChangeEvent } from './live/live-change.js';
export { LiveStore, type LiveClaim, type RenewAnswer } from './live/live-store.js';
export { WakeChannels } from './live/wake-channels.js';
export { JOB_INDEX_KEYS, liveWakeChannel } from './keys.js';
export { TicketQueues, laneOf, type TicketPlace } from './work/ticket-queue.js';
export { HandBack, TicketWorker } from './work/ticket-worker.js';
export { attemptOf, type HeldItem, type Taken } from './work/held-items.js';
export { WorkItems, onCancelled, type WorkItem } from './work/work-items.js';
