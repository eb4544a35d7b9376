export { assembleTranscript, joinText, type TranscriptMeta } from './assemble.js';
export { toRecordingTime } from './recording-time.js';
export { renderJson, segmentJson, type SegmentJson, type TranscriptJson, type WordJson } from './render-json.js';
export { durationUsage, spokenLanguages, verboseJson, type DurationUsage, type VerboseJson } from './render-openai.js';
export { renderSrt, renderText, renderTsv, renderVtt } from './render-subtitles.js';
export { SegmentJoiner, type JoinedChunk } from './segment-joiner.js';
