export { Intake, type IntakeOptions } from './intake.js';
export type { ActiveJob, ClusterStatus, Transcription, TranscriptionProgress, TranscriptionRequest, TranscriptionService } from './transcription.js';
