import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Test support: the reference models and recordings that may lie beside the checkout, in `../shared`. */
const shared = fileURLToPath(new URL('../../../../../shared/', import.meta.url));

/** Reason to skip a test that needs the reference files, or false when they are there. */
export const skipWithoutReferences: string | false =
  existsSync(`${shared}models/whisper-tiny.en/onnx`) && existsSync(`${shared}audio/jfk.wav`)
    ? false
    : 'the reference models and recordings do not lie beside the checkout (../shared)';

export function modelFolder(name: string): string {
  return `${shared}models/${name}`;
}

export function referenceJson(model: string, file: string): unknown {
  return JSON.parse(readFileSync(`${shared}models/${model}/${file}`, 'utf8'));
}

/** A recording as mono, 16 kHz, [-1, 1]. @param file a 16-bit wav or aiff */
export function clip(file: string): Float32Array {
  const bytes = readFileSync(`${shared}audio/${file}`);
  const aiff = bytes.toString('latin1', 0, 4) === 'FORM';
  const chunk = (name: string): number => {
    for (let at = 12; at + 8 <= bytes.length;) {
      if (bytes.toString('latin1', at, at + 4) === name) return at + 8;
      const size = aiff ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4);
      at += 8 + size + (size % 2);
    }
    throw new Error(`${file} has no ${name}`);
  };
  const start = aiff ? chunk('SSND') + 8 : chunk('data');
  const channels = aiff ? bytes.readUInt16BE(chunk('COMM')) : bytes.readUInt16LE(chunk('fmt ') + 2);
  // The only other rate among the clips is CD's; the aiff says it as an 80-bit float.
  const rateHz = aiff ? 44_100 : bytes.readUInt32LE(chunk('fmt ') + 4);
  const length = Math.floor((bytes.length - start) / 2 / channels);
  const mono = Float32Array.from({ length }, (_, i) => {
    let sum = 0;
    for (let c = 0; c < channels; c++) {
      const at = start + (i * channels + c) * 2;
      sum += aiff ? bytes.readInt16BE(at) : bytes.readInt16LE(at);
    }
    return sum / channels / 32_768;
  });
  return rateHz === 16_000 ? mono : resampled(mono, rateHz);
}

/** To 16 kHz by a windowed sinc of 64 zeros. */
function resampled(pcm: Float32Array, rateHz: number): Float32Array {
  const ratio = rateHz / 16_000;
  const reach = 32 * ratio;
  return Float32Array.from({ length: Math.floor(pcm.length / ratio) }, (_, n) => {
    const center = n * ratio;
    let sum = 0;
    for (let k = Math.max(0, Math.ceil(center - reach)); k <= Math.min(pcm.length - 1, center + reach); k++) {
      const x = (k - center) / ratio;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * x * 0.96) / (Math.PI * x * 0.96);
      sum += ((pcm[k] ?? 0) * sinc * 0.96 * (0.5 + 0.5 * Math.cos((Math.PI * (k - center)) / reach))) / ratio;
    }
    return sum;
  });
}
