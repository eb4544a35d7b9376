export { assembleTranscript, joinText, type TranscriptMeta } from './assemble.js';
export { speechInChunk, toRecordingTime } from './recording-time.js';
export { renderJson, segmentJson, type SegmentJson, type TranscriptJson, type WordJson } from './render-json.js';
export { DEFAULT_LAYOUT, type CueLayout } from './cues.js';
export { durationUsage, spokenLanguages, verboseJson, type DurationUsage, type VerboseJson } from './render-openai.js';
export { renderSrt, renderText, renderTsv, renderVtt, type CueSize } from './render-subtitles.js';
export { SegmentJoiner, type JoinedChunk } from './segment-joiner.js';
