/** How the bytes of a recording are packed, found from the bytes themselves. `matroska` is mkv, `mpeg` a program stream, `mp4` also m4a, mov and 3gp, `adts` bare AAC. */
export type Container =
  | 'wav' | 'aiff' | 'mp3' | 'flac' | 'ogg' | 'webm' | 'matroska' | 'mp4' | 'adts' | 'amr'
  | 'caf' | 'avi' | 'mpegts' | 'mpeg' | 'asf' | 'flv' | 'ac3' | 'au' | 'w64';

/** Containers that our own readers take, without ffmpeg and without WASM. */
export type BoundedContainer = Extract<Container, 'wav' | 'aiff'>;
