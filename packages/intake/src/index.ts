export type { ActiveJob, ClusterStatus, Transcription, TranscriptionProgress, TranscriptionRequest, TranscriptionService } from './transcription.js';
