import type { RehearsalClock } from '../../../recognizer.js';
import type { OnnxTensor } from '@murmuration/onnx';
import { Turns } from '../../../pool/turns.js';
import { seededRandom, type Allowed, type Random, type TokenChooser } from '../decoding/token-chooser.js';
import type { Decoder, FirstScores } from './decoder.js';
import { disposeState, survivingRows } from './cache-rows.js';
import type { EncoderGraph } from './encoder-graph.js';
import { floatsOf } from './graph-tensors.js';
import { rehearseModel } from './rehearse-model.js';
import { withinLimits, type StepScores, type TokenMask } from './token-scores.js';
import type {
  Alignment,
  EncodedAudio,
  Generation,
  GenerationRequest,
  RehearsedTimes,
  RequestCancelled,
  SpeechModel,
} from './speech-model.js';

class EncodedHidden implements EncodedAudio {
  readonly rows: number;
  readonly hidden: OnnxTensor;
  constructor(hidden: OnnxTensor) {
    this.hidden = hidden;
    this.rows = hidden.dims[0] ?? 0;
  }

  dispose(): void {
    this.hidden.dispose();
  }
}

const NOTHING = new Float32Array(0);

/** A text is checked for loops whenever it has grown by this many tokens. */
const LOOP_CHECK_TOKENS = 8;

/** A request while it is written. */
interface Writing {
  readonly request: GenerationRequest;
  /** Its place in the list of requests. */
  readonly index: number;
  readonly random: Random;
  readonly tokens: number[];
  readonly logprobs: number[];
  noSpeechProb: number;
  startLogprobs: Float32Array;
  endLogprob: number;
  /** True once nothing is added any more. */
  done: boolean;
}

/** Whisper on two ONNX graphs, with the loop in JavaScript: one decoder run a token for all rows that still write. */
export class OnnxSpeechModel implements SpeechModel {
  readonly attentionLayers: ReadonlySet<number>;
  readonly shortWindows: boolean;
  readonly stageMs = { encoder: 0, decoder: 0 };
  readonly #encoder: EncoderGraph;
  /** Two batches that are encoded at once would need the memory of both. */
  readonly #encoding = new Turns();
  readonly #decoder: Decoder;
  readonly #chooser: TokenChooser;
  readonly #mask: TokenMask;
  readonly #noSpeech: number;

  constructor(encoder: EncoderGraph, decoder: Decoder, chooser: TokenChooser, mask: TokenMask, noSpeech: number) {
    this.#encoder = encoder;
    this.#decoder = decoder;
    this.#chooser = chooser;
    this.#mask = mask;
    this.#noSpeech = noSpeech;
    this.attentionLayers = decoder.attentionLayers;
    this.shortWindows = encoder.anyLength && decoder.fixedPositions === null;
  }

  async encode(features: Float32Array, rows: number): Promise<EncodedAudio> {
    const turn = this.#encoding.ask();
    try {
      await turn.begins;
      return await this.#timed('encoder', async () => new EncodedHidden(await this.#encoder.run(features, rows)));
    } finally {
      turn.end();
    }
  }

  async generate(
    audio: EncodedAudio,
    requests: readonly GenerationRequest[],
    cancelled: RequestCancelled,
  ): Promise<Generation[]> {
    const writings = requests.map((request, index): Writing => ({
      request,
      index,
      random: seededRandom(request.seed),
      tokens: [],
      logprobs: [],
      noSpeechProb: 0,
      startLogprobs: NOTHING,
      endLogprob: 0,
      done: false,
    }));
    // Prompts of one length share a batch: padding would need a mask, which the exports do not take.
    for (const length of new Set(requests.map((request) => request.prompt.length))) {
      await this.#timed('decoder', () =>
        this.#write(
          audio,
          writings.filter((writing) => writing.request.prompt.length === length),
          cancelled,
        ),
      );
    }
    return writings.map(({ request, tokens, logprobs, endLogprob, noSpeechProb, startLogprobs }) => ({
      tokens,
      logprobs,
      endLogprob,
      noSpeechProb,
      startLogprobs,
      temperature: request.temperature,
    }));
  }

  async logprobsAfter(audio: EncodedAudio, token: number): Promise<Float32Array[]> {
    const ids = new BigInt64Array(audio.rows).fill(BigInt(token));
    const { scores, state } = await this.#timed('decoder', () =>
      this.#decoder.first(hiddenOf(audio), ids, audio.rows, [0], true),
    );
    disposeState(state);
    return Array.from({ length: audio.rows }, (_, row) => scores(row, 0).all ?? new Float32Array(0));
  }

  async logprobsWithin(
    audio: EncodedAudio,
    row: number,
    from: number,
    to: number,
    token: number,
  ): Promise<Float32Array> {
    const { rows, fixedPositions } = this.#decoder;
    return this.#timed('decoder', async () => {
      const part = await rows.stretch(hiddenOf(audio), row, from, to, fixedPositions);
      try {
        const { scores, state } = await this.#decoder.first(part, BigInt64Array.of(BigInt(token)), 1, [0], true);
        disposeState(state);
        return scores(0, 0).all ?? NOTHING;
      } finally {
        part.dispose();
      }
    });
  }

  async align(
    audio: EncodedAudio,
    row: number,
    tokens: readonly number[],
    heads: readonly (readonly [number, number])[],
    scored: boolean,
  ): Promise<Alignment> {
    const layers = [...new Set(heads.map(([layer]) => layer))];
    const { logits, attentions } = await this.#timed('decoder', () =>
      this.#withRows(audio, [row], (hidden) =>
        this.#decoder.attend(hidden, BigInt64Array.from(tokens, BigInt), layers, scored),
      ),
    );
    let positions = 0;
    const perLayer = new Map(
      [...attentions].map(([layer, tensor]) => {
        positions = tensor.dims[3] ?? 0;
        return [layer, floatsOf(tensor)] as const;
      }),
    );
    const size = tokens.length * positions;
    return {
      logits: logits === null ? null : floatsOf(logits),
      attentions: heads.map(
        ([layer, head]) => perLayer.get(layer)?.subarray(head * size, (head + 1) * size) ?? new Float32Array(size),
      ),
      positions,
    };
  }

  rehearse(
    rows: number,
    frames: number,
    prompt: readonly number[],
    clock: RehearsalClock,
    beside = false,
  ): Promise<RehearsedTimes> {
    const graphs = { encoder: this.#encoder, decoder: this.#decoder, chooser: this.#chooser };
    return rehearseModel(graphs, { rows, frames, prompt, clock, beside });
  }

  async close(): Promise<void> {
    await this.#encoder.close();
    await this.#decoder.close();
  }

  /** Does the work over those rows of the encoded audio; what is made of them for it is given up afterwards. */
  async #withRows<T>(
    audio: EncodedAudio,
    rows: readonly number[],
    work: (hidden: OnnxTensor) => Promise<T>,
  ): Promise<T> {
    const all = hiddenOf(audio);
    if (rows.length === audio.rows && rows.every((row, i) => row === i)) return work(all);
    const part = await this.#decoder.rows.part(all, rows);
    try {
      return await work(part);
    } finally {
      part.dispose();
    }
  }

  async #timed<T>(stage: 'encoder' | 'decoder', work: () => Promise<T>): Promise<T> {
    const startMs = performance.now();
    const result = await work();
    this.stageMs[stage] += performance.now() - startMs;
    return result;
  }

  async #write(audio: EncodedAudio, group: readonly Writing[], cancelled: RequestCancelled): Promise<void> {
    const rows = group.map((writing) => writing.request.row);
    await this.#withRows(audio, rows, (hidden) => this.#writeOver(hidden, group, cancelled));
  }

  async #writeOver(hidden: OnnxTensor, group: readonly Writing[], cancelled: RequestCancelled): Promise<void> {
    const promptLength = group[0]?.request.prompt.length ?? 0;
    const ids = BigInt64Array.from(
      group.flatMap((writing) => [...writing.request.prompt]),
      BigInt,
    );
    const positions = [...new Set([...group.map((writing) => writing.request.startIndex), promptLength - 1])];
    let writing = [...group];
    const { scores, state } = await this.#decoder.first(hidden, ids, group.length, positions, drawsAny(writing));
    try {
      this.#takeFirst(scores, writing, positions);
      for (;;) {
        const left = this.#endFinished(writing, cancelled);
        if (left === 0) return;
        if (left < writing.length && left <= writing.length * this.#decoder.rows.compactAt) {
          const rows = survivingRows(writing.map((one) => one.done));
          await this.#decoder.rows.keep(state, rows);
          writing = rows.flatMap((row) => writing[row] ?? []);
        }
        // A row that is done and still takes part writes on what nobody reads.
        const step = BigInt64Array.from(writing, (one) => BigInt(one.tokens.at(-1) ?? this.#mask.endOfText));
        const allowed = writing.map(({ tokens, request }) => this.#chooser.allowedAfter(tokens, request.timestamps));
        const next = await this.#decoder.next(state, step, allowed, drawsAny(writing));
        writing.forEach((one, row) => {
          const [scores, may] = [next[row], allowed[row]];
          if (!one.done && scores !== undefined && may !== undefined) this.#append(one, scores, may);
        });
      }
    } finally {
      disposeState(state);
    }
  }

  #takeFirst(scores: FirstScores, writing: readonly Writing[], positions: readonly number[]): void {
    writing.forEach((one, row) => {
      const start = scores(row, positions.indexOf(one.request.startIndex));
      one.startLogprobs = start.tail.slice();
      one.noSpeechProb = Math.exp(start.tail[this.#noSpeech - this.#mask.endOfText] ?? -Infinity);
      const last = scores(row, positions.indexOf(one.request.prompt.length - 1));
      const allowed = this.#chooser.allowedAfter([], one.request.timestamps);
      this.#append(one, withinLimits(last, allowed, this.#mask, true), allowed);
    });
  }

  #append(writing: Writing, scores: StepScores, allowed: Allowed): void {
    const { token, logprob } = this.#chooser.choose(scores, allowed, writing.request.temperature, writing.random);
    if (token === this.#mask.endOfText) writing.endLogprob = logprob;
    else writing.logprobs.push(logprob);
    writing.tokens.push(token);
  }

  /** Marks the rows that ended, reached their limit, loop or were cancelled. Returns how many still write. */
  #endFinished(writing: readonly Writing[], cancelled: RequestCancelled): number {
    let left = 0;
    for (const one of writing) {
      if (one.done) continue;
      const ended = one.tokens.at(-1) === this.#mask.endOfText;
      if (ended) one.tokens.pop();
      one.done =
        ended || isOver(one) || one.tokens.length >= one.request.maxNewTokens || cancelled(one.index) || isLooping(one);
      if (!one.done) left++;
    }
    return left;
  }
}

/** True once the text has reached the end of the speech. */
function isOver({ request: { lastTime }, tokens }: Writing): boolean {
  // The first token is the time at which the text begins.
  return lastTime !== null && tokens.length > 1 && (tokens.at(-1) ?? 0) >= lastTime;
}

function isLooping(one: Writing): boolean {
  return one.tokens.length % LOOP_CHECK_TOKENS === 0 && one.request.loops(one);
}

function drawsAny(writing: readonly Writing[]): boolean {
  return writing.some((one) => !one.done && one.request.temperature > 0);
}

function hiddenOf(audio: EncodedAudio): OnnxTensor {
  if (!(audio instanceof EncodedHidden)) throw new Error('the audio was encoded by another model');
  return audio.hidden;
}
