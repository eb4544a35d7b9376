/**
 * One matrix of how well each token fits each 20 ms, from the cross-attention of the alignment heads, as openai/whisper's timing does it:
 * cut to the audio's length, each head normalised over the tokens, smoothed over time by a median, averaged over the heads.
 * @param heads each `tokens` × `positions`, rows of probabilities
 * @param steps positions that hold audio
 * @param fromToken first token of the answer; @param toToken end of the answer (exclusive)
 * @returns (toToken - fromToken) × steps; higher fits better
 */
export function attentionMatrix(heads: readonly Float32Array[], tokens: number, positions: number, steps: number, fromToken: number, toToken: number, medianWidth: number): Float32Array {
  const matrix = new Float32Array((toToken - fromToken) * steps);
  for (const head of heads) {
    const weights = normalised(head, tokens, positions, steps);
    for (let token = fromToken; token < toToken; token++) {
      const smooth = medianFilter(weights.subarray(token * steps, (token + 1) * steps), medianWidth);
      const row = (token - fromToken) * steps;
      for (let t = 0; t < steps; t++) matrix[row + t] = (matrix[row + t] ?? 0) + (smooth[t] ?? 0) / heads.length;
    }
  }
  return matrix;
}

/** Rows made to sum to 1 over the audio alone, then each column brought to mean 0 and deviation 1 over the tokens. */
function normalised(head: Float32Array, tokens: number, positions: number, steps: number): Float32Array {
  const weights = new Float32Array(tokens * steps);
  for (let token = 0; token < tokens; token++) {
    const row = head.subarray(token * positions, token * positions + steps);
    let sum = 0;
    for (const value of row) sum += value;
    for (let t = 0; t < steps; t++) weights[token * steps + t] = sum > 0 ? (row[t] ?? 0) / sum : 0;
  }
  for (let t = 0; t < steps; t++) {
    let mean = 0;
    for (let token = 0; token < tokens; token++) mean += (weights[token * steps + t] ?? 0) / tokens;
    let variance = 0;
    for (let token = 0; token < tokens; token++) variance += ((weights[token * steps + t] ?? 0) - mean) ** 2 / tokens;
    const deviation = Math.sqrt(variance) || 1;
    for (let token = 0; token < tokens; token++) weights[token * steps + t] = ((weights[token * steps + t] ?? 0) - mean) / deviation;
  }
  return weights;
}

/** Median of each value and its neighbours, `width` (odd) together, mirrored at the ends. A row shorter than half the width stays as it is. */
export function medianFilter(row: Float32Array, width: number): Float32Array {
  const half = (width - 1) / 2;
  if (row.length <= half) return row;
  const out = new Float32Array(row.length);
  const around = new Float32Array(width);
  for (let t = 0; t < row.length; t++) {
    for (let k = -half; k <= half; k++) {
      const at = Math.abs(t + k);
      const value = row[at < row.length ? at : 2 * (row.length - 1) - at] ?? 0;
      // Sorted in place: for seven values ten times faster than sorting afterwards.
      let slot = k + half;
      for (; slot > 0 && (around[slot - 1] ?? 0) > value; slot--) around[slot] = around[slot - 1] ?? 0;
      around[slot] = value;
    }
    out[t] = around[half] ?? 0;
  }
  return out;
}
