import { WINDOW_FRAMES } from './log-mel.js';

/** Windows are as long as their speech on this grid, so that chunks of about one length share batches, … */
export const WINDOW_GRID_MS = 5_000;
const GRID_FRAMES = WINDOW_GRID_MS / 10;
/**
 * … and silence. The model was trained on windows filled up to 30 s: with 4 s of silence and less tiny.en begins to say whole sentences twice.
 * What it says twice or doubtfully all the same is written again over 30 s (see `ChunkTask.distrusts`).
 */
const SILENCE_FRAMES = 600;

/** Frames of the encoder's window for so many frames of audio. */
export function windowFramesFor(audioFrames: number): number {
  return Math.min(WINDOW_FRAMES, Math.ceil(audioFrames / GRID_FRAMES) * GRID_FRAMES + SILENCE_FRAMES);
}
