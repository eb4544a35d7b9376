import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { randomMoonshineDecoder } from './random-moonshine-decoder.js';
import { randomMoonshineEncoder } from './random-moonshine-encoder.js';
import type { MoonshineShape } from './shapes.js';
import { writeGraph } from './random-whisper.js';

/**
 * Writes a Moonshine of random weights: the two files of one that is published, in 8 bits. It writes nonsense, and never ends a text before its limit.
 * @param folder is made anew
 */
export async function writeRandomMoonshine(folder: string, shape: MoonshineShape): Promise<void> {
  const making = `${folder}.part`;
  await rm(making, { recursive: true, force: true });
  await mkdir(making, { recursive: true });
  await writeGraph(join(making, 'encoder_model.onnx'), randomMoonshineEncoder(shape));
  await writeGraph(join(making, 'decoder_model_merged.onnx'), randomMoonshineDecoder(shape));
  await rm(folder, { recursive: true, force: true });
  await rename(making, folder);
}
