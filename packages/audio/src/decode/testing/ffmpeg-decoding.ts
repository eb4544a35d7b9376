import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Container } from '../container.js';
import { LIMITS, WITHOUT_FFMPEG, ffmpeg, voice, wavFile } from './encoded-twins.js';
import type { FfmpegDecodeOptions } from '../ffmpeg-decoder.js';

/** The reason to skip what needs ffmpeg, where there is none. */
export const skip = WITHOUT_FFMPEG;

/** Folder for spooled files; a test file that uses it removes it. */
export const spoolDir = mkdtempSync(join(tmpdir(), 'murmuration-spool-'));

/** Options of a decoding by the ffmpeg that is there. */
export const options = (container: Container, more: Partial<FfmpegDecodeOptions> = {}): FfmpegDecodeOptions => {
  if (ffmpeg === null) throw new Error('this test needs ffmpeg');
  return {
    container,
    channels: 'split',
    limits: LIMITS,
    signal: new AbortController().signal,
    ffmpeg,
    spoolDir,
    maxSpoolBytes: 100_000_000,
    ...more,
  };
};

/** Three seconds of two voices, 48 kHz, … */
const source = voice(3, 48_000, 2);

/** … as a file, … */
export const wav = wavFile(source, 48_000);

/** … and what is heard of them at 16 kHz. */
export const twin16k = [voice(3, 16_000, 2)[0], voice(3, 16_000, 2)[1]] as const;
