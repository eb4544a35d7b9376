/** The step of voice detection: 32 ms. */
export const WINDOW_SAMPLES = 512;

/** What the cheap gate and the search for a place to cut look at. */
export interface WindowMeasure {
  /** Root mean square, full scale 1. */
  readonly rms: number;
  /** Changes of sign between neighbours inside the window. */
  readonly zeroCrossings: number;
}

/** Measures samples `start` to `end` (end excluded). */
export function measureWindow(samples: Float32Array, start: number, end: number): WindowMeasure {
  let power = 0;
  let zeroCrossings = 0;
  let before = (samples[start] ?? 0) >= 0;
  for (let index = start; index < end; index++) {
    const sample = samples[index] ?? 0;
    power += sample * sample;
    const positive = sample >= 0;
    if (positive !== before) zeroCrossings++;
    before = positive;
  }
  return { rms: Math.sqrt(power / Math.max(1, end - start)), zeroCrossings };
}
