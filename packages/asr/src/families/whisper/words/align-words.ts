import { firstColumns } from '../../../words/word-times.js';
import type { EncodedAudio, SpeechModel } from '../model/speech-model.js';
import { indexOfLargest, logSumExp } from '../model/token-scores.js';
import type { Vocabulary } from '../model/vocabulary.js';
import { splitPieces, type TokenWord } from './token-words.js';

/**
 * One matrix of how well each token fits each 20 ms, from the cross-attention of the alignment heads, as openai/whisper's timing does it:
 * cut to the audio's length, each head normalised over the tokens, smoothed over time by a median, averaged over the heads.
 * @param heads each `tokens` × `positions`, rows of probabilities
 * @param steps positions that hold audio
 * @param fromToken first token of the answer; @param toToken end of the answer (exclusive)
 * @returns (toToken - fromToken) × steps; higher fits better
 */
export function attentionMatrix(
  heads: readonly Float32Array[],
  tokens: number,
  positions: number,
  steps: number,
  fromToken: number,
  toToken: number,
  medianWidth: number,
): Float32Array {
  const matrix = new Float32Array((toToken - fromToken) * steps);
  const smooth = new Float32Array(steps);
  for (const head of heads) {
    const weights = normalised(head, tokens, positions, steps);
    for (let token = fromToken; token < toToken; token++) {
      medianFilter(weights.subarray(token * steps, (token + 1) * steps), medianWidth, smooth);
      const row = matrix.subarray((token - fromToken) * steps, (token - fromToken + 1) * steps);
      for (let t = 0; t < steps; t++) row[t] = (row[t] ?? 0) + (smooth[t] ?? 0) / heads.length;
    }
  }
  return matrix;
}

/** Rows made to sum to 1 over the audio alone, then each column brought to mean 0 and deviation 1 over the tokens. Goes row by row: the columns of a row lie side by side. */
function normalised(head: Float32Array, tokens: number, positions: number, steps: number): Float32Array {
  const weights = new Float32Array(tokens * steps);
  const means = new Float64Array(steps);
  const variances = new Float64Array(steps);
  const rowAt = (token: number): Float32Array => weights.subarray(token * steps, (token + 1) * steps);
  for (let token = 0; token < tokens; token++) {
    const from = head.subarray(token * positions, token * positions + steps);
    const to = rowAt(token);
    let sum = 0;
    for (const value of from) sum += value;
    for (let t = 0; t < steps; t++) {
      const share = Math.fround(sum > 0 ? (from[t] ?? 0) / sum : 0);
      to[t] = share;
      means[t] = (means[t] ?? 0) + share / tokens;
    }
  }
  for (let token = 0; token < tokens; token++) {
    const row = rowAt(token);
    for (let t = 0; t < steps; t++) {
      const off = (row[t] ?? 0) - (means[t] ?? 0);
      variances[t] = (variances[t] ?? 0) + (off * off) / tokens;
    }
  }
  for (let t = 0; t < steps; t++) variances[t] = Math.sqrt(variances[t] ?? 0) || 1;
  for (let token = 0; token < tokens; token++) {
    const row = rowAt(token);
    for (let t = 0; t < steps; t++) row[t] = ((row[t] ?? 0) - (means[t] ?? 0)) / (variances[t] ?? 1);
  }
  return weights;
}

/** Median of each value and its neighbours, `width` (odd) together, mirrored at the ends, in `out`. A row shorter than half the width stays as it is. */
export function medianFilter(
  row: Float32Array,
  width: number,
  out: Float32Array = new Float32Array(row.length),
): Float32Array {
  const half = (width - 1) / 2;
  if (row.length <= half) {
    out.set(row);
    return out;
  }
  const last = row.length - 1;
  const mirrored = new Float32Array(row.length + width);
  for (let i = 0; i < mirrored.length; i++) {
    const at = Math.abs(i - half);
    mirrored[i] = row[at <= last ? at : 2 * last - at] ?? 0;
  }
  // The values around `t` in order: at each step one leaves and one comes, so that few of them move.
  const around = mirrored.slice(0, width).sort();
  for (let t = 0; t <= last; t++) {
    out[t] = around[half] ?? 0;
    const coming = mirrored[t + width] ?? 0;
    let slot = around.indexOf(mirrored[t] ?? 0);
    for (; slot < width - 1 && (around[slot + 1] ?? 0) < coming; slot++) around[slot] = around[slot + 1] ?? 0;
    for (; slot > 0 && (around[slot - 1] ?? 0) > coming; slot--) around[slot] = around[slot - 1] ?? 0;
    around[slot] = coming;
  }
  return out;
}

const STEP_MS = 20;
/** Words are sought up to half a second beyond the times of their segment. */
export const TIME_ERROR_STEPS = 25;
/** The cost of a step outside that range: more than any fit is worth. */
const OUTSIDE = 1_000;

/** A piece of a text, or a word, with its time in milliseconds from the window's start. */
export interface AlignedWord extends TokenWord {
  startMs: number;
  endMs: number;
  /** 0 to 1: mean probability of its tokens. */
  probability: number;
}

/** Text of a segment, without its times, and where the model wrote that it lies: steps of 20 ms from the window's start. */
export interface AlignedText {
  readonly tokens: readonly number[];
  readonly startStep: number;
  readonly endStep: number;
  /** Log-probability of each token as it was written; null: it is to be found anew, among text tokens alone, as openai/whisper does for its words. */
  readonly logprobs: readonly number[] | null;
}

export interface AlignmentSettings {
  /** Pairs of layer and head. */
  readonly heads: readonly (readonly [number, number])[];
  readonly medianWidth: number;
}

/**
 * Times of the pieces of a window's segments: the text is run through the decoder once more without times, and the cross-attention of the
 * alignment heads is followed by dynamic time warping, as openai/whisper's `find_alignment` does.
 * @param start tokens from the start of the transcript to the task, without `<|notimestamps|>`
 * @param steps length of the window's audio in steps of 20 ms
 * @returns pieces of each segment
 */
export async function alignWords(
  model: SpeechModel,
  vocabulary: Vocabulary,
  settings: AlignmentSettings,
  audio: EncodedAudio,
  row: number,
  start: readonly number[],
  texts: readonly AlignedText[],
  steps: number,
  language: string,
): Promise<AlignedWord[][]> {
  const tokens = texts.flatMap((text) => text.tokens);
  if (tokens.length === 0) return texts.map(() => []);
  const sequence = [...start, vocabulary.noTimestamps, ...tokens, vocabulary.endOfText];
  const scored = texts.some(({ logprobs }) => logprobs === null);
  const alignment = await model.align(audio, row, sequence, settings.heads, scored);
  const used = Math.min(steps, alignment.positions);
  const matrix = attentionMatrix(
    alignment.attentions,
    sequence.length,
    alignment.positions,
    used,
    start.length,
    sequence.length - 1,
    settings.medianWidth,
  );
  keepToSegments(matrix, texts, used);
  const columns = columnsOf(matrix, tokens, used, vocabulary);
  const probabilities =
    alignment.logits === null
      ? texts.flatMap(({ logprobs }) => (logprobs ?? []).map(Math.exp))
      : tokenProbabilities(alignment.logits, sequence.length, start.length, tokens, vocabulary.endOfText);
  let index = 0;
  return texts.map((text) =>
    splitPieces(vocabulary, text.tokens, language).map((word): AlignedWord => {
      const end = index + word.tokens.length;
      const own = probabilities.slice(index, end);
      const aligned = {
        ...word,
        startMs: (columns[index] ?? 0) * STEP_MS,
        endMs: (columns[end] ?? used) * STEP_MS,
        probability: own.reduce((sum, one) => sum + one, 0) / own.length,
      };
      index = end;
      return aligned;
    }),
  );
}

/** Marks inside a sentence. */
const COMMA = /^\s*[,;:，、；：]+$/u;

/**
 * The first step of each token along the best path, and that of the end. A comma looks at the word behind it as often as at the pause before that: the path
 * leaves commas out, and each begins where the token behind it does. A mark that ends a sentence takes the pause, which is no word's.
 */
function columnsOf(fit: Float32Array, tokens: readonly number[], steps: number, vocabulary: Vocabulary): number[] {
  const heard = [...tokens.keys(), tokens.length].filter(
    (at) => at === 0 || at === tokens.length || !COMMA.test(vocabulary.decode(tokens.slice(at, at + 1))),
  );
  const costs = new Float32Array(heard.length * steps);
  heard.forEach((at, i) => {
    for (let step = 0; step < steps; step++) costs[i * steps + step] = -(fit[at * steps + step] ?? 0);
  });
  const found = firstColumns(costs, heard.length, steps);
  let next = heard.length - 1;
  const columns: number[] = [];
  for (let at = tokens.length; at >= 0; at--) {
    if ((heard[next - 1] ?? -1) >= at) next--;
    columns[at] = found[next] ?? steps;
  }
  return columns;
}

/**
 * A sentence said twice looks the same to the attention: a segment's words are kept to where the model wrote that the segment lies. A pause belongs to the
 * segment before it (the one before the first to the first): every step of the window lies in some segment, so that no path saves costs by leaving segments out.
 * @param fit tokens × steps, row by row; changed in place
 */
export function keepToSegments(fit: Float32Array, texts: readonly AlignedText[], steps: number): void {
  let token = 0;
  for (const [i, { tokens, startStep, endStep }] of texts.entries()) {
    const first = i === 0 ? 0 : startStep - TIME_ERROR_STEPS;
    const last = Math.max(endStep + TIME_ERROR_STEPS, (texts[i + 1]?.startStep ?? steps) - TIME_ERROR_STEPS);
    for (let end = token + tokens.length; token < end; token++) {
      const row = fit.subarray(token * steps, (token + 1) * steps);
      for (let step = 0; step < steps; step++) if (step < first || step > last) row[step] = (row[step] ?? 0) - OUTSIDE;
    }
  }
}

/** Probability of each text token among the text tokens. */
function tokenProbabilities(
  logits: Float32Array,
  rows: number,
  first: number,
  tokens: readonly number[],
  endOfText: number,
): number[] {
  const vocabularySize = logits.length / rows;
  return tokens.map((token, i) => {
    const row = logits.subarray((first + i) * vocabularySize, (first + i) * vocabularySize + endOfText);
    const largest = row[indexOfLargest(row, 0, row.length)] ?? 0;
    return Math.min(1, Math.exp((row[token] ?? 0) - logSumExp(row, 0, row.length, largest)));
  });
}
