import type { RehearsalClock } from '../../../recognizer.js';
/** Rows of encoded audio, as the model holds them; only the model that made them can read them. */
export interface EncodedAudio {
  readonly rows: number;
  /** Gives up what it holds, which lies on the graphics card where there is one. Whoever had it encoded does so; again is harmless. */
  dispose(): void;
}

/** What to write for one row of encoded audio. */
export interface GenerationRequest {
  /** Row of the encoded audio. */
  readonly row: number;
  readonly prompt: readonly number[];
  /** Index of the start-of-transcript token in the prompt. */
  readonly startIndex: number;
  /** True: times are written, under the reference's rules for them. */
  readonly timestamps: boolean;
  readonly maxNewTokens: number;
  /** 0 takes the likeliest token, more draws. */
  readonly temperature: number;
  /** Seeds the draws; the same seed gives the same text. */
  readonly seed: number;
  /** The time token from which on a time ends the text: nothing is said after it. Null: the model ends it. */
  readonly lastTime: number | null;
  /** Asked now and then: true ends the text here, as its limit would. Depends on what is written alone. */
  loops(written: WrittenSoFar): boolean;
}

/** What a request has so far. */
export type WrittenSoFar = Pick<Generation, 'tokens' | 'logprobs' | 'noSpeechProb' | 'startLogprobs'>;

/** What the model wrote for one request, without the end-of-text token. */
export interface Generation {
  readonly tokens: readonly number[];
  /** Log-probabilities, after the start-of-transcript token, of the tokens from the end of text on: of languages, tasks and no speech. */
  readonly startLogprobs: Float32Array;
  /** Natural logarithm of each token's probability, before anything was suppressed. */
  readonly logprobs: readonly number[];
  /** The same of the end-of-text token, or 0 when the text ran into its limit or was ended at its last time. */
  readonly endLogprob: number;
  /** Probability, at the start of the transcript, that nobody speaks. */
  readonly noSpeechProb: number;
  readonly temperature: number;
}

/** Cross-attention of a text that is given: for word times. */
export interface Alignment {
  /** Tokens × vocabulary, row by row; up to a constant a token. Null unless they were asked for. */
  readonly logits: Float32Array | null;
  /** For each pair asked for, tokens × encoder positions, row by row; each row sums to 1. */
  readonly attentions: readonly Float32Array[];
  readonly positions: number;
}

/** What the parts of a batch took, milliseconds. */
export interface RehearsedTimes {
  /** Encoding of all rows. */
  readonly encodeMs: number;
  /** The first step of the decoder, over the prompt. */
  readonly firstMs: number;
  /** Each further step, of one token a row. */
  readonly stepMs: number;
  /** Bytes that such a step takes from host memory and gives there. */
  readonly stepHostBytes: number;
  /** The same of encoder and first step together, of all rows; on a CPU without the encoder's where its windows were measured before. */
  readonly windowHostBytes: number;
}

/** Asked between decoder steps; a request (by its place in the list) that was cancelled ends where it is. */
export type RequestCancelled = (index: number) => boolean;

/**
 * A Whisper model with its generation loop. On a GPU the loop may run inside the graph: nothing here lets the cache out.
 * All calls block the thread and throw the runtime's error, for example when memory is short.
 */
export interface SpeechModel {
  /** Layers whose cross-attention the export gives; empty when it gives none. */
  readonly attentionLayers: ReadonlySet<number>;
  /** Time spent in each stage since loading, milliseconds. */
  readonly stageMs: { readonly encoder: number; readonly decoder: number };
  /** True when windows may be shorter than 30 s. */
  readonly shortWindows: boolean;
  /** @param features `rows` × mels × frames: 3,000, or with `shortWindows` any even number of them */
  encode(features: Float32Array, rows: number): Promise<EncodedAudio>;
  /** Answers in the order of the requests. */
  generate(
    audio: EncodedAudio,
    requests: readonly GenerationRequest[],
    cancelled: RequestCancelled,
  ): Promise<Generation[]>;
  /** Log-probabilities of the vocabulary after the one token `token`, a list a row. For finding the language. */
  logprobsAfter(audio: EncodedAudio, token: number): Promise<Float32Array[]>;
  /** The same of one row, as if the window held nothing but its encoder positions `from` to `to` (20 ms each). */
  logprobsWithin(audio: EncodedAudio, row: number, from: number, to: number, token: number): Promise<Float32Array>;
  /** Runs the decoder over tokens that are known. `heads` are pairs of layer (one of `attentionLayers`) and head. @param scored whether logits are wanted */
  align(
    audio: EncodedAudio,
    row: number,
    tokens: readonly number[],
    heads: readonly (readonly [number, number])[],
    scored: boolean,
  ): Promise<Alignment>;
  /**
   * Runs the shapes of a batch of windows of `frames` without a whole text: a few steps over audio of no meaning. `prompt` is repeated for every row.
   * @param beside true where the next batch is encoded while this one is written: a second one then is, so that memory for both is set aside
   */
  rehearse(
    rows: number,
    frames: number,
    prompt: readonly number[],
    clock: RehearsalClock,
    beside?: boolean,
  ): Promise<RehearsedTimes>;
  close(): Promise<void>;
}
