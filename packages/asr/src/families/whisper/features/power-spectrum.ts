/**
 * Complex Fourier transform of 200 points, forward, in the self-sorting order of Stockham: stages of radix 5, 5, 4 and 2.
 * Half of the work of a real transform of 400 points, which is the window of Whisper's features.
 */

const POINTS = 200;
const COS_1 = Math.cos((2 * Math.PI) / 5);
const COS_2 = Math.cos((4 * Math.PI) / 5);
const SIN_1 = Math.sin((2 * Math.PI) / 5);
const SIN_2 = Math.sin((4 * Math.PI) / 5);

const twiddleCos = new Float64Array(POINTS);
const twiddleSin = new Float64Array(POINTS);
for (let k = 0; k < POINTS; k++) {
  twiddleCos[k] = Math.cos((2 * Math.PI * k) / POINTS);
  twiddleSin[k] = -Math.sin((2 * Math.PI * k) / POINTS);
}

const scratchRe = new Float64Array(POINTS);
const scratchIm = new Float64Array(POINTS);

/** Transforms `re` and `im` (200 values each) in place. */
function transform200(re: Float64Array, im: Float64Array): void {
  radix5(re, im, scratchRe, scratchIm, 40, 1);
  radix5(scratchRe, scratchIm, re, im, 8, 5);
  radix4(re, im, scratchRe, scratchIm, 2, 25);
  radix2(scratchRe, scratchIm, re, im);
}

/* eslint-disable @typescript-eslint/no-non-null-assertion -- every index lies inside the fixed 200 points; checks would double the time of this loop */

/** One stage over `stride` interleaved transforms of length 5 * `part`. */
function radix5(
  re: Float64Array,
  im: Float64Array,
  outRe: Float64Array,
  outIm: Float64Array,
  part: number,
  stride: number,
): void {
  for (let p = 0; p < part; p++) {
    const w = p * stride;
    const c1 = twiddleCos[w]!,
      s1 = twiddleSin[w]!;
    const c2 = twiddleCos[(2 * w) % POINTS]!,
      s2 = twiddleSin[(2 * w) % POINTS]!;
    const c3 = twiddleCos[(3 * w) % POINTS]!,
      s3 = twiddleSin[(3 * w) % POINTS]!;
    const c4 = twiddleCos[(4 * w) % POINTS]!,
      s4 = twiddleSin[(4 * w) % POINTS]!;
    for (let q = 0; q < stride; q++) {
      const i = q + stride * p;
      const jump = stride * part;
      const r0 = re[i]!,
        i0 = im[i]!;
      const r1 = re[i + jump]!,
        i1 = im[i + jump]!;
      const r2 = re[i + 2 * jump]!,
        i2 = im[i + 2 * jump]!;
      const r3 = re[i + 3 * jump]!,
        i3 = im[i + 3 * jump]!;
      const r4 = re[i + 4 * jump]!,
        i4 = im[i + 4 * jump]!;
      const sr14 = r1 + r4,
        si14 = i1 + i4,
        dr14 = r1 - r4,
        di14 = i1 - i4;
      const sr23 = r2 + r3,
        si23 = i2 + i3,
        dr23 = r2 - r3,
        di23 = i2 - i3;
      const ar = r0 + COS_1 * sr14 + COS_2 * sr23,
        ai = i0 + COS_1 * si14 + COS_2 * si23;
      const br = r0 + COS_2 * sr14 + COS_1 * sr23,
        bi = i0 + COS_2 * si14 + COS_1 * si23;
      const cr = SIN_1 * di14 + SIN_2 * di23,
        ci = SIN_1 * dr14 + SIN_2 * dr23;
      const dr = SIN_2 * di14 - SIN_1 * di23,
        di = SIN_2 * dr14 - SIN_1 * dr23;
      const o = q + stride * 5 * p;
      outRe[o] = r0 + sr14 + sr23;
      outIm[o] = i0 + si14 + si23;
      const x1r = ar + cr,
        x1i = ai - ci;
      outRe[o + stride] = x1r * c1 - x1i * s1;
      outIm[o + stride] = x1r * s1 + x1i * c1;
      const x2r = br + dr,
        x2i = bi - di;
      outRe[o + 2 * stride] = x2r * c2 - x2i * s2;
      outIm[o + 2 * stride] = x2r * s2 + x2i * c2;
      const x3r = br - dr,
        x3i = bi + di;
      outRe[o + 3 * stride] = x3r * c3 - x3i * s3;
      outIm[o + 3 * stride] = x3r * s3 + x3i * c3;
      const x4r = ar - cr,
        x4i = ai + ci;
      outRe[o + 4 * stride] = x4r * c4 - x4i * s4;
      outIm[o + 4 * stride] = x4r * s4 + x4i * c4;
    }
  }
}

function radix4(
  re: Float64Array,
  im: Float64Array,
  outRe: Float64Array,
  outIm: Float64Array,
  part: number,
  stride: number,
): void {
  for (let p = 0; p < part; p++) {
    const w = p * stride;
    const c1 = twiddleCos[w]!,
      s1 = twiddleSin[w]!;
    const c2 = twiddleCos[2 * w]!,
      s2 = twiddleSin[2 * w]!;
    const c3 = twiddleCos[3 * w]!,
      s3 = twiddleSin[3 * w]!;
    for (let q = 0; q < stride; q++) {
      const i = q + stride * p;
      const jump = stride * part;
      const r0 = re[i]!,
        i0 = im[i]!;
      const r1 = re[i + jump]!,
        i1 = im[i + jump]!;
      const r2 = re[i + 2 * jump]!,
        i2 = im[i + 2 * jump]!;
      const r3 = re[i + 3 * jump]!,
        i3 = im[i + 3 * jump]!;
      const er = r0 + r2,
        ei = i0 + i2,
        fr = r0 - r2,
        fi = i0 - i2;
      const gr = r1 + r3,
        gi = i1 + i3,
        hr = r1 - r3,
        hi = i1 - i3;
      const o = q + stride * 4 * p;
      outRe[o] = er + gr;
      outIm[o] = ei + gi;
      const x1r = fr + hi,
        x1i = fi - hr;
      outRe[o + stride] = x1r * c1 - x1i * s1;
      outIm[o + stride] = x1r * s1 + x1i * c1;
      const x2r = er - gr,
        x2i = ei - gi;
      outRe[o + 2 * stride] = x2r * c2 - x2i * s2;
      outIm[o + 2 * stride] = x2r * s2 + x2i * c2;
      const x3r = fr - hi,
        x3i = fi + hr;
      outRe[o + 3 * stride] = x3r * c3 - x3i * s3;
      outIm[o + 3 * stride] = x3r * s3 + x3i * c3;
    }
  }
}

function radix2(re: Float64Array, im: Float64Array, outRe: Float64Array, outIm: Float64Array): void {
  for (let q = 0; q < 100; q++) {
    const ar = re[q]!,
      ai = im[q]!,
      br = re[q + 100]!,
      bi = im[q + 100]!;
    outRe[q] = ar + br;
    outIm[q] = ai + bi;
    outRe[q + 100] = ar - br;
    outIm[q + 100] = ai - bi;
  }
}

/** Samples of a window. */
export const WINDOW_SAMPLES = 400;
/** Frequencies of its spectrum: 0 to 8 kHz in steps of 40 Hz. */
export const SPECTRUM_BINS = 201;

const HALF = WINDOW_SAMPLES / 2;

const window = Float64Array.from(
  { length: WINDOW_SAMPLES },
  (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / WINDOW_SAMPLES),
);
const turnCos = Float64Array.from({ length: HALF + 1 }, (_, k) => Math.cos((2 * Math.PI * k) / WINDOW_SAMPLES));
const turnSin = Float64Array.from({ length: HALF + 1 }, (_, k) => -Math.sin((2 * Math.PI * k) / WINDOW_SAMPLES));

const re = new Float64Array(HALF);
const im = new Float64Array(HALF);

/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices run over the fixed 400 samples and 201 bins; checks would slow the hottest loop of the features */

/**
 * Squared magnitude of the Fourier transform of 400 samples under a periodic Hann window.
 * @param samples read from `offset` on; 400 of them must be there
 * @param power receives 201 values
 */
export function powerSpectrum(samples: Float32Array, offset: number, power: Float64Array): void {
  for (let n = 0; n < HALF; n++) {
    re[n] = samples[offset + 2 * n]! * window[2 * n]!;
    im[n] = samples[offset + 2 * n + 1]! * window[2 * n + 1]!;
  }
  transform200(re, im);
  // Two real transforms ran as one complex one: even samples in the real part, odd ones in the imaginary. Take them apart and turn the odd half.
  for (let k = 0; k <= HALF; k++) {
    const a = k === HALF ? 0 : k;
    const b = k === 0 ? 0 : HALF - k;
    const evenRe = 0.5 * (re[a]! + re[b]!),
      evenIm = 0.5 * (im[a]! - im[b]!);
    const oddRe = 0.5 * (im[a]! + im[b]!),
      oddIm = 0.5 * (re[b]! - re[a]!);
    const spectrumRe = evenRe + oddRe * turnCos[k]! - oddIm * turnSin[k]!;
    const spectrumIm = evenIm + oddRe * turnSin[k]! + oddIm * turnCos[k]!;
    power[k] = spectrumRe * spectrumRe + spectrumIm * spectrumIm;
  }
}
