export type { ActiveSession, Capabilities, ClusterFigures } from './cluster/cluster-types.js';
export type { ApiKey, KeyScope, Keys, NameUsage, NewApiKey, OwnUsage, Used } from './cluster/keys.js';
export { Murmuration, type MurmurationOptions, type Ticket } from './murmuration.js';
export { MurmurationError, type MurmurationErrorDetails } from './murmuration-error.js';
export type { AudioInput } from './http/upload-body.js';
export type { Jobs } from './jobs/jobs.js';
export type {
  Delivery,
  FollowOptions,
  Job,
  JobEvent,
  JobOptions,
  JobPage,
  JobPriority,
  JobStatus,
  ListOptions,
  RecordingUrl,
  WebhookEvent,
} from './jobs/job-types.js';
export type { LiveSession } from './live/live-session.js';
export type {
  LiveClosed,
  LiveEncoding,
  LiveError,
  LiveEvent,
  LiveFinal,
  LiveOptions,
  LivePartial,
  LiveReady,
  LiveReconnecting,
  LiveResumed,
  LiveSettings,
  LiveSpeechStarted,
  LiveWarning,
  WebSocketConstructor,
  WebSocketLike,
} from './live/live-types.js';
export type { WatchedEvent, WatchOptions } from './live/watch-live.js';
export type { TranscribeOptions, TranscribePart, TranscribeFields } from './transcribe/transcribe.js';
export type { Segment, SubtitleLayout, TextFormat, Transcript, Word } from './transcribe/transcript-types.js';
