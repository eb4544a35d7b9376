import type { DimensionRange } from '@murmuration/onnx';

/** Rows of a batch where nothing else is said. */
const DEFAULT_ROWS = 32;
/** Frames and encoder positions of a window of 30 s. */
const FRAMES = 3_000;
const POSITIONS = 1_500;
/** Tokens before a step, prompt and text together, and how many there are as a rule. */
const TOKENS = 448;
const USUAL_TOKENS = 96;

type RangeOf = (input: string, axis: number) => DimensionRange;

const exactly = (length: number): DimensionRange => ({ least: length, usual: length, most: length });
const rowsUpTo = (most: number): DimensionRange => ({ least: 1, usual: Math.max(1, Math.round(most / 2)), most });

/** Lengths that an encoder's free dimensions have, for TensorRT's engines: rows, and frames of a window. */
export function encoderRanges(maxRows = DEFAULT_ROWS): RangeOf {
  return (_input, axis) => (axis === 0 ? rowsUpTo(maxRows) : exactly(FRAMES));
}

/** Lengths in a decoder's further steps: one token a row, caches that grow with the text, and those of the audio. */
export function nextStepRanges(maxRows = DEFAULT_ROWS): RangeOf {
  return (input, axis) => {
    if (axis === 0) return rowsUpTo(maxRows);
    if (!input.startsWith('past_key_values.')) return exactly(1);
    return input.includes('.decoder.') ? { least: 1, usual: USUAL_TOKENS, most: TOKENS } : exactly(POSITIONS);
  };
}
