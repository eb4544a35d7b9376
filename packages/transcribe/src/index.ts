export { chooseModel } from './choose-model.js';
export { Intake, type IntakeOptions } from './intake.js';
export type { JobFilter, JobPage, JobService, JobSubmission, SubmittedJob } from './job-service.js';
export type { JobsOptions } from './jobs/jobs-runtime.js';
export { jobRetentionSeconds, jobVariables } from './jobs/jobs-runtime.js';
export type { LiveRequest, LiveService, LiveSession, WatchedSession } from './live/live-service.js';
export type {
  ActiveJob,
  ClusterStatus,
  Transcription,
  TranscriptionProgress,
  TranscriptionRequest,
  TranscriptionService,
} from './transcription.js';
export type { OwnerUsage, Used } from '@murmuration/store';
export { Usage } from './usage.js';
export { ModelRegistry } from './model-registry.js';
export { Live, type LiveOptions } from './live/live.js';
export type { LiveLimits } from './live/live-service.js';
