export { createBoundedDecoder } from './bounded-decoder.js';
export { decodableFormats } from './decodable-formats.js';
export { findFfmpeg, type FfmpegProgram, type FindFfmpegOptions } from './ffmpeg-program.js';
export { openDecoding, type OpenedDecoding } from './open-decoding.js';
