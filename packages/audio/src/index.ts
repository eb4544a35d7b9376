export type { RecordingEvent, RecordingInput, RecordingLimits } from './recording.js';
export { decodableFormats } from './decode/container.js';
export { findFfmpeg, type FfmpegProgram, type FindFfmpegOptions } from './decode/ffmpeg-command.js';
export { SpeechReader, type SpeechReaderOptions } from './reader/speech-reader.js';
export { vadModelFiles } from './detect/silero-weights.js';
export { WINDOW_SAMPLES } from './detect/audio-window.js';
export type { DetectedWindow, DetectionEnd, Detector, DetectorSnapshot } from './detect/detector.js';
export { SileroModel } from './detect/silero-model.js';
export {
  HYSTERESIS,
  UtteranceSegmenter,
  type SegmenterEvent,
  type SegmenterSnapshot,
} from './detect/utterance-segmenter.js';
export { GATE_DISTANCE_MS, VoiceDetector } from './detect/voice-detector.js';
export { WholeRecordingDetector } from './detect/detector.js';
export { ChunkPlanner, type ReadyChunk } from './plan/chunk-planner.js';
export { ChannelTrack } from './plan/channel-track.js';
export {
  LiveSegmenters,
  type LiveSegmenterSnapshot,
  type LiveSegmenterState,
  type SegmentedPiece,
  type LiveSegmenter,
} from './live/live-segmenters.js';
export { countedRateHz, frameBytes, type LiveSegmenterSettings } from './live/live-decoder.js';
export type { OpenUtterance, UtteranceEnd, UtteranceEvent } from './live/utterance-tracker.js';
