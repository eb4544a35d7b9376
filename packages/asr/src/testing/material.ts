import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decodeOptionsSchema } from '@murmuration/contracts';

// Where the tests of this package find models and recordings; both may be absent.

const ROOT = new URL('../../../../', import.meta.url);

/** The checkout's model cache. */
export const CACHE_DIR = fileURLToPath(new URL('.murmuration/models', ROOT));

/** Why a test that needs Moonshine cannot run, or false. */
export const NO_MOONSHINE = existsSync(new URL('.murmuration/models/moonshine-tiny/encoder_model.onnx', ROOT))
  ? false
  : 'the model moonshine-tiny is not in the cache';

/** Why a test that needs the evaluation recordings cannot run, or false. */
export const NO_RECORDINGS =
  NO_MOONSHINE !== false
    ? NO_MOONSHINE
    : existsSync(new URL('../shared/audio/jfk.wav', ROOT))
      ? false
      : 'the evaluation recordings are not beside the checkout';

export const DECODE = decodeOptionsSchema.parse({});

/** Samples of a 16 kHz mono 16-bit recording of the evaluation folder. Throws when it is of another kind. */
export function recording(name: string): Int16Array {
  const file = readFileSync(new URL(`../shared/audio/${name}`, ROOT));
  let position = 12;
  while (position + 8 <= file.length) {
    const id = file.toString('latin1', position, position + 4);
    const sizeBytes = file.readUInt32LE(position + 4);
    if (
      id === 'fmt ' &&
      (file.readUInt16LE(position + 10) !== 1 ||
        file.readUInt32LE(position + 12) !== 16_000 ||
        file.readUInt16LE(position + 22) !== 16)
    ) {
      throw new Error(`${name} is not mono, 16 kHz, 16 bit`);
    }
    if (id === 'data')
      return new Int16Array(
        file.buffer.slice(
          file.byteOffset + position + 8,
          file.byteOffset + position + 8 + Math.min(sizeBytes, (file.length - position - 8) & ~1),
        ),
      );
    position += 8 + sizeBytes + (sizeBytes % 2);
  }
  throw new Error(`${name} has no samples`);
}

export function toFloats(pcm: Int16Array): Float32Array {
  return Float32Array.from(pcm, (value) => value / 32_768);
}

/** Words without marks and case. */
export function plainWords(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z' ]+/g, ' ')
    .replace(/ +/g, ' ')
    .trim();
}
