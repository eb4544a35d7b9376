export type { RecordingEvent, RecordingInput, RecordingLimits } from './recording.js';
