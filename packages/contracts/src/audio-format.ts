// The one format of audio between packages, in the queue and in front of a model: mono, 16 kHz. As bytes it is signed 16-bit little
// endian; as a `Float32Array` its full scale is [-1, 1].

export const SAMPLE_RATE_HZ = 16_000;

/** 1/16 is exact in binary, so sums of milliseconds made with it are exact, too. */
export const SAMPLES_PER_MS = 16;

/** How long so many samples sound, milliseconds; not rounded. */
export function samplesToMs(samples: number): number {
  return samples / SAMPLES_PER_MS;
}

/** How many samples sound in so many milliseconds; whole only where the milliseconds are a multiple of 1/16. */
export function msToSamples(ms: number): number {
  return ms * SAMPLES_PER_MS;
}

/** Length in samples that a model pads a chunk to: the next step of its grid, at least one. */
export function padToGrid(samples: number, gridMs: number): number {
  const gridSamples = msToSamples(gridMs);
  return Math.max(1, Math.ceil(samples / gridSamples)) * gridSamples;
}
