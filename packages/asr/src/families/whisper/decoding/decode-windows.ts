import { copyWindow, WINDOW_FRAMES, type LogMel, windowFramesFor } from '../features/log-mel.js';
import type { EncodedAudio, Generation, GenerationRequest, SpeechModel, WrittenSoFar } from '../model/speech-model.js';
import type { Prompt } from './prompt-tokens.js';
import { splitSegments, type TimedTokens } from './split-segments.js';

/** Frames (10 ms) of one step of a time token (20 ms). */
const FRAMES_PER_STEP = 2;
/** Windows of one chunk at most: a text that makes no progress ends. */
const MAX_WINDOWS = 8;

/** One row of a batch, as it is decoded window by window. */
export interface ChunkTask {
  readonly mel: LogMel;
  /** Frame at which its audio ends. */
  readonly endFrame: number;
  readonly timestamps: boolean;
  /** The token of 0.00 s. */
  readonly firstTimestamp: number;
  readonly temperatures: readonly number[];
  /** Tokens a window may have, without and with its prompt. */
  readonly maxNewTokens: number;
  readonly maxTokens: number;
  /** True when the text of an attempt is to be tried again at the next temperature. */
  isDoubtful(generation: Generation): boolean;
  /** The better of two attempts that are both doubtful. */
  better(one: Generation, other: Generation): Generation;
  /** Asked while a window is written: true when it repeats itself so that nothing more of it would be kept. */
  loops(frames: { readonly startFrame: number; readonly endFrame: number }, written: WrittenSoFar): boolean;
  /** Frame at which the speech between two frames ends. */
  speechEndFrame(startFrame: number, endFrame: number): number;
  /** True when what was written over a window shorter than 30 s is to be written again over 30 s. */
  distrusts(before: readonly DecodedWindow[], window: DecodedWindow): boolean;
  /**
   * Judges a window before it counts.
   * @param before windows that count, in order
   * @param shortened true when this one was written over less audio than there is, because `settle` wanted that
   */
  settle(before: readonly DecodedWindow[], window: DecodedWindow, shortened: boolean): Settled;
}

/** A window that counts, whole or in part, and the frame at which the next one begins; or the frame up to which it is to be written once more. */
export type Settled =
  { readonly window: DecodedWindow; readonly nextFrame: number } | { readonly shortenToFrame: number };

/** What the loop asks of its caller, while the encoded audio is at hand. */
export interface WindowHooks {
  /** Prompts of the next windows; `tasks[i]` is the task of row `i` of the audio. */
  prompts(
    audio: EncodedAudio,
    tasks: readonly number[],
    windows: readonly (readonly DecodedWindow[])[],
  ): Promise<readonly Prompt[]>;
  /** Told of each window, in order within a task. */
  onWindow(audio: EncodedAudio, row: number, task: number, window: DecodedWindow): Promise<void>;
  cancelled(task: number): boolean;
  /** Awaited whenever windows have been encoded, before anything is written over them. */
  encoded(): Promise<void>;
}

/** What was written for one window of a chunk. */
export interface DecodedWindow {
  /** Where it begins in the chunk. */
  readonly startFrame: number;
  readonly endFrame: number;
  readonly prompt: Prompt;
  readonly generation: Generation;
  readonly segments: readonly TimedTokens[];
  /** Where the reference goes on: the last time after which the text was cut, else the window's end or past it. */
  readonly nextFrame: number;
}

/** `limitFrame`: where the audio of the next window is cut, or null. `whole`: its windows have 30 s, since a shorter one was not trusted. */
interface Row {
  readonly index: number;
  readonly task: ChunkTask;
  readonly windows: DecodedWindow[];
  frame: number;
  limitFrame: number | null;
  whole: boolean;
}

/**
 * Decodes chunks together, each from its start to its end: a window of at most 30 s is written, split at its times, and the next window begins
 * where the text was cut (as the reference seeks) or where its task says. Rows that are done leave the batch.
 */
export async function decodeWindows(
  model: SpeechModel,
  tasks: readonly ChunkTask[],
  hooks: WindowHooks,
): Promise<DecodedWindow[][]> {
  const rows = tasks.map((task, index): Row => ({
    index,
    task,
    windows: [],
    frame: 0,
    limitFrame: null,
    whole: !model.shortWindows,
  }));
  const open = (row: Row): boolean =>
    row.frame < row.task.endFrame && row.windows.length < MAX_WINDOWS && !hooks.cancelled(row.index);
  for (let active = rows.filter(open); active.length > 0; active = active.filter(open)) {
    for (const frames of new Set(active.map(windowFrames)))
      await decodeNext(
        model,
        active.filter((row) => windowFrames(row) === frames),
        frames,
        hooks,
      );
  }
  return rows.map((row) => row.windows);
}

/** Length of a row's next window. */
function windowFrames(row: Row): number {
  return row.whole ? WINDOW_FRAMES : windowFramesFor(windowEnd(row) - row.frame);
}

/** One window of each row; all of them have the same length. */
async function decodeNext(model: SpeechModel, rows: readonly Row[], frames: number, hooks: WindowHooks): Promise<void> {
  const size = (rows[0]?.task.mel.mels ?? 0) * frames;
  const features = new Float32Array(size * rows.length);
  rows.forEach((row, i) => {
    copyWindow(row.task.mel, row.frame, features, i * size, row.limitFrame ?? undefined, frames);
  });
  const audio = await model.encode(features, rows.length);
  try {
    await hooks.encoded();
    if (rows.every((row) => hooks.cancelled(row.index))) return;
    await writeNext(model, audio, rows, frames, hooks);
  } finally {
    audio.dispose();
  }
}

/** Writes the next window of each row, which are encoded. */
async function writeNext(
  model: SpeechModel,
  audio: EncodedAudio,
  rows: readonly Row[],
  frames: number,
  hooks: WindowHooks,
): Promise<void> {
  const prompts = await hooks.prompts(
    audio,
    rows.map((row) => row.index),
    rows.map((row) => row.windows),
  );
  const generations = await generateTrusted(model, audio, rows, prompts, frames, hooks.cancelled.bind(hooks));
  for (const [i, row] of rows.entries()) {
    const generation = generations[i];
    const prompt = prompts[i];
    if (generation === undefined || prompt === undefined) continue;
    const window = windowOf(row, generation, prompt);
    if (frames < WINDOW_FRAMES && row.task.distrusts(row.windows, window)) {
      row.whole = true;
      continue;
    }
    const settled = row.task.settle(row.windows, window, row.limitFrame !== null);
    if ('shortenToFrame' in settled) {
      row.limitFrame = settled.shortenToFrame;
      continue;
    }
    row.windows.push(settled.window);
    await hooks.onWindow(audio, i, row.index, settled.window);
    row.frame = settled.nextFrame;
    row.limitFrame = null;
  }
}

/** Writes every row at its first temperature, and those that are not trusted again at their next; over a window shorter than 30 s only once. */
async function generateTrusted(
  model: SpeechModel,
  audio: EncodedAudio,
  rows: readonly Row[],
  prompts: readonly Prompt[],
  frames: number,
  cancelled: (task: number) => boolean,
): Promise<(Generation | undefined)[]> {
  const results: (Generation | undefined)[] = rows.map(() => undefined);
  let pending = rows.map((_, i) => i);
  for (let attempt = 0; pending.length > 0; attempt++) {
    const requests = pending.map((i): GenerationRequest => request(rows[i], prompts[i], i, attempt, frames));
    const written = await model.generate(audio, requests, (index) => cancelled(rows[pending[index] ?? 0]?.index ?? 0));
    written.forEach((generation, k) => {
      const at = pending[k] ?? 0;
      const before = results[at];
      const task = rows[at]?.task;
      results[at] =
        before === undefined || task === undefined || !task.isDoubtful(generation)
          ? generation
          : task.better(before, generation);
    });
    pending = pending.filter((i, k) => {
      const task = rows[i]?.task;
      const generation = written[k];
      return (
        task !== undefined &&
        generation !== undefined &&
        frames === WINDOW_FRAMES &&
        attempt + 1 < task.temperatures.length &&
        task.isDoubtful(generation) &&
        !cancelled(rows[i]?.index ?? 0)
      );
    });
  }
  return results;
}

function request(
  row: Row | undefined,
  prompt: Prompt | undefined,
  index: number,
  attempt: number,
  frames: number,
): GenerationRequest {
  if (row === undefined || prompt === undefined) throw new Error('a row without a prompt');
  const endFrame = windowEnd(row);
  const speechEndFrame = row.task.speechEndFrame(row.frame, endFrame);
  return {
    row: index,
    prompt: prompt.tokens,
    startIndex: prompt.startIndex,
    timestamps: row.task.timestamps,
    maxNewTokens: Math.min(row.task.maxNewTokens, row.task.maxTokens - prompt.tokens.length),
    temperature: row.task.temperatures[attempt] ?? 0,
    lastTime:
      frames === WINDOW_FRAMES
        ? null
        : row.task.firstTimestamp + Math.floor((speechEndFrame - row.frame) / FRAMES_PER_STEP),
    // Depends on the chunk's own progress alone: its text must not depend on its batch mates.
    seed: row.windows.length * 64 + attempt,
    loops: (written) => row.task.loops({ startFrame: row.frame, endFrame }, written),
  };
}

function windowEnd({ task, frame, limitFrame }: Row): number {
  return Math.min(task.endFrame, frame + WINDOW_FRAMES, limitFrame ?? Infinity);
}

function windowOf(row: Row, generation: Generation, prompt: Prompt): DecodedWindow {
  const { task, frame } = row;
  const endFrame = windowEnd(row);
  const steps = Math.ceil((endFrame - frame) / FRAMES_PER_STEP);
  const { segments, nextStep } = task.timestamps
    ? splitSegments(generation.tokens, task.firstTimestamp, steps)
    : { segments: [{ startStep: 0, endStep: steps, tokens: generation.tokens, firstToken: 0 }], nextStep: steps };
  return {
    startFrame: frame,
    endFrame,
    prompt,
    generation,
    segments,
    nextFrame: frame + nextStep * FRAMES_PER_STEP,
  };
}

/** Where the reference goes on inside a window: the last time after which its text was cut. Null where the text closed, or where that is not forward. */
export function seekFrame(window: DecodedWindow): number | null {
  return window.nextFrame > window.startFrame && window.nextFrame < window.endFrame ? window.nextFrame : null;
}

/** The window without what was written from a segment on. */
export function cutBefore(window: DecodedWindow, segment: TimedTokens): DecodedWindow {
  const { generation } = window;
  return {
    ...window,
    generation: {
      ...generation,
      tokens: generation.tokens.slice(0, segment.firstToken),
      logprobs: generation.logprobs.slice(0, segment.firstToken),
      endLogprob: 0,
    },
    segments: window.segments.filter((one) => one.firstToken < segment.firstToken),
  };
}

/** Mean log-probability of all that was written, the end included, as openai/whisper takes it; before suppression. */
export function averageLogprob(generation: Generation): number {
  return (
    (generation.logprobs.reduce((sum, one) => sum + one, 0) + generation.endLogprob) / (generation.logprobs.length + 1)
  );
}
