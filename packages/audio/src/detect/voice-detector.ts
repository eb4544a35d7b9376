import type { DetectOptions } from '@murmuration/contracts';
import { SAMPLES_PER_MS } from '@murmuration/contracts/audio-format';
import { decodeFloats, encodeFloats } from '../decode/sample-encoding.js';
import { WINDOW_SAMPLES, measureWindow } from './audio-window.js';
import type { DetectedWindow, DetectionEnd, Detector, DetectorSnapshot } from './detector.js';
import {
  CONTEXT_SAMPLES,
  MAX_RUN_WINDOWS,
  newSileroState,
  type SileroModel,
  type SileroState,
} from './silero-model.js';
import { HYSTERESIS, UtteranceSegmenter } from './utterance-segmenter.js';

/** The gate never decides within this distance of speech, on either side. */
export const GATE_DISTANCE_MS = 300;
/** The same in whole windows: 10 windows are 320 ms. */
const GATE_DISTANCE_WINDOWS = Math.ceil((GATE_DISTANCE_MS * SAMPLES_PER_MS) / WINDOW_SAMPLES);

/** Speech that goes on is at least this loud, as a part of what it was: -12 dB. */
const GOES_ON_LEVEL = 0.25;
/** Windows in a row without speech after which the model has forgotten the speech before: 128 ms. */
const LET_GO_WINDOWS = 4;
/** Windows over which the level of speech is taken: half a second. */
const LEVEL_WINDOWS = 16;
/** Speech whose loudest windows are quieter is heard at this level. Root mean square, full scale 1: -16 dB. */
const HEARD_RMS = 0.15;
/** 40 dB: jfk.wav 60 dB quieter, 16-bit, is heard to within a window as it is at full level. */
const MAX_GAIN = 100;
/** A sound this short, such as a click, says nothing about the level of speech. Windows. */
const LASTING_WINDOWS = 3;
/** A window at most this far above the quietest of the last second is steady, as a hum is and speech is not. */
const STEADY = 1.5;
const STEADY_WINDOWS = 32;

/** A window that was measured but not decided. */
interface WaitingWindow {
  readonly rms: number;
  /** Below both limits of the gate as it is heard, or as it is and steady. */
  readonly quiet: boolean;
}

/**
 * Two-stage voice detection of one channel: a cheap gate, then Silero.
 *
 * A window is `quiet` when its root mean square, levelled unless it is steady, and its zero crossings are below the gate's limits. States, and what happens to a window:
 * - near speech (an utterance is open, or speech ended less than 300 ms ago): the model is asked about every window, quiet or not. So the
 *   gate never shortens or delays the end of an utterance.
 * - away from speech: a window that is not quiet goes to the model at once, and before it the quiet windows that wait. A quiet window waits;
 *   when ten more (320 ms) wait behind it the gate decides: silence. So the model always gets at least 300 ms of what comes before a sound.
 *
 * The model did not see the windows that the gate decided. Its state is cleared after them, and the waiting windows warm it up again before the next sound.
 *
 * Quiet recordings are amplified: from the beginning each window is raised by what brings the loudest sound so far (and itself) to `HEARD_RMS`, at
 * most by `MAX_GAIN`, so that the gain only falls. Only gate and model get the amplified audio. Recordings of ordinary level stay as they are from
 * their first speech on.
 *
 * All decisions follow from the stream alone. Windows that the model will be asked about in any case go through it in one run; pieces
 * of any size give the same probabilities except for rounding (1e-5), hence the same utterances.
 */
export class VoiceDetector implements Detector {
  readonly #model: SileroModel;
  readonly #options: DetectOptions;
  readonly #segmenter: UtteranceSegmenter;
  readonly #state: SileroState;
  /** Context of the first waiting window, the waiting windows, and the beginning of the next. */
  #audio = new Float32Array(CONTEXT_SAMPLES + 16 * WINDOW_SAMPLES);
  #audioSamples: number;
  #waiting: WaitingWindow[] = [];
  /** Loudest level that lasted for `LASTING_WINDOWS`, and the levels of the last second. */
  #level = 0;
  #latest: number[] = [];
  #detectMs = 0;
  /** Mean power of the latest speech, full scale 1. */
  #speechPower = 0;
  /** After a restart within speech, quieter windows do not count as speech until this many in a row were without speech. */
  #doubt: { readonly belowRms: number; lowWindows: number } | null = null;

  /** @param snapshot continues a stream where `snapshot()` was taken; the options must be the same */
  constructor(model: SileroModel, options: DetectOptions, snapshot?: DetectorSnapshot) {
    this.#model = model;
    this.#options = options;
    this.#segmenter = new UtteranceSegmenter(options, snapshot?.segmenter);
    this.#state =
      snapshot === undefined
        ? newSileroState()
        : { hidden: decodeFloats(snapshot.hidden), cell: decodeFloats(snapshot.cell) };
    this.#audioSamples = CONTEXT_SAMPLES;
    if (snapshot === undefined) return;
    this.#speechPower = snapshot.speechPower ?? 0;
    this.#doubt = snapshot.doubt === undefined || snapshot.doubt === null ? null : { ...snapshot.doubt };
    const audio = decodeFloats(snapshot.audio);
    this.#audioSamples = 0;
    this.#append(audio);
    this.#level = snapshot.level ?? 0;
    this.#latest = [...(snapshot.latest ?? [])];
    if (snapshot.waiting !== undefined) this.#waiting = [...snapshot.waiting];
    else
      for (let window = 0; window < Math.floor((audio.length - CONTEXT_SAMPLES) / WINDOW_SAMPLES); window++)
        this.#measure();
  }

  get detectMs(): number {
    return this.#detectMs;
  }

  async push(samples: Float32Array): Promise<DetectedWindow[]> {
    this.#append(samples);
    while (this.#audioSamples >= CONTEXT_SAMPLES + (this.#waiting.length + 1) * WINDOW_SAMPLES) this.#measure();
    return this.#decide();
  }

  async finish(): Promise<DetectionEnd> {
    const totalSamples = this.#segmenter.nextWindow * WINDOW_SAMPLES + this.#audioSamples - CONTEXT_SAMPLES;
    const rest = (this.#audioSamples - CONTEXT_SAMPLES) % WINDOW_SAMPLES;
    const windows = rest === 0 ? [] : await this.push(new Float32Array(WINDOW_SAMPLES - rest));
    this.#skip(this.#waiting.length, windows);
    return {
      windows: windows.map((window) =>
        window.atSamples <= totalSamples ? window : { ...window, atSamples: totalSamples },
      ),
      events: this.#segmenter.finish(totalSamples),
      totalSamples,
    };
  }

  /**
   * Starts the search for speech again; an open utterance is forgotten. The model still remembers the speech, and takes the noise that follows for more
   * of it. So until speech is confirmed or the model has forgotten it, only windows count that are nearly as loud as the speech was. Measured in
   * the middle of speech: noise of -45 dB began an utterance at 3 of 44 places (without this at 34 of 53), silence and noise of -60 dB at none;
   * speech that went on for half a second was found at 31 of 31.
   */
  restart(): void {
    if (this.#segmenter.open) this.#doubt = { belowRms: GOES_ON_LEVEL * Math.sqrt(this.#speechPower), lowWindows: 0 };
    this.#segmenter.restart(this.#segmenter.nextWindow * WINDOW_SAMPLES + this.#audioSamples - CONTEXT_SAMPLES);
  }

  /** What the detector remembers: about 2 kB near speech, at most 25 kB. Take it between calls. */
  snapshot(): DetectorSnapshot {
    return {
      segmenter: this.#segmenter.snapshot(),
      hidden: encodeFloats(this.#state.hidden),
      cell: encodeFloats(this.#state.cell),
      audio: encodeFloats(this.#audio.subarray(0, this.#audioSamples)),
      speechPower: this.#speechPower,
      doubt: this.#doubt === null ? null : { ...this.#doubt },
      waiting: [...this.#waiting],
      level: this.#level,
      latest: [...this.#latest],
    };
  }

  #append(samples: Float32Array): void {
    const needed = this.#audioSamples + samples.length;
    if (needed > this.#audio.length) {
      const grown = new Float32Array(Math.max(needed, this.#audio.length * 2));
      grown.set(this.#audio.subarray(0, this.#audioSamples));
      this.#audio = grown;
    }
    this.#audio.set(samples, this.#audioSamples);
    this.#audioSamples = needed;
  }

  #measure(): void {
    const start = CONTEXT_SAMPLES + this.#waiting.length * WINDOW_SAMPLES;
    const { rms, zeroCrossings } = measureWindow(this.#audio, start, start + WINDOW_SAMPLES);
    this.#latest = [...this.#latest, rms].slice(-STEADY_WINDOWS);
    if (this.#latest.length >= LASTING_WINDOWS)
      this.#level = Math.max(this.#level, Math.min(...this.#latest.slice(-LASTING_WINDOWS)));
    const gain = Math.max(1, Math.min(MAX_GAIN, HEARD_RMS / Math.max(this.#level, rms)));
    if (gain > 1)
      for (let at = start; at < start + WINDOW_SAMPLES; at++)
        this.#audio[at] = Math.max(-1, Math.min(1, (this.#audio[at] ?? 0) * gain));
    const heardRms = rms <= STEADY * Math.min(...this.#latest) ? rms : rms * gain;
    this.#waiting.push({
      rms,
      quiet: heardRms < this.#options.gateRms && zeroCrossings < this.#options.gateZeroCrossings,
    });
  }

  async #decide(): Promise<DetectedWindow[]> {
    const decided: DetectedWindow[] = [];
    while (this.#waiting.length > 0) {
      const sure = this.#countSureWindows();
      if (sure > 0) decided.push(...(await this.#ask(sure)));
      else if (!this.#letGateAnswer(decided)) break;
    }
    return decided;
  }

  /** The first window that may be away from speech, whatever the model says about those before it. */
  #nearSpeechUntil(): number {
    const speechEndSamples = this.#segmenter.speechEndSamples;
    const afterSpeech =
      speechEndSamples === null
        ? 0
        : Math.ceil((speechEndSamples + GATE_DISTANCE_MS * SAMPLES_PER_MS) / WINDOW_SAMPLES);
    return Math.max(this.#segmenter.earliestIdleWindow, afterSpeech);
  }

  /** How many waiting windows the model will be asked about whatever it answers, at most one run. */
  #countSureWindows(): number {
    const near = this.#nearSpeechUntil() - this.#segmenter.nextWindow;
    const limit = Math.min(this.#waiting.length, MAX_RUN_WINDOWS);
    let sure = 0;
    for (let window = 0; window < limit; window++) {
      if (window < near || this.#waiting[window]?.quiet === false) sure = window + 1;
      else if (window - sure >= GATE_DISTANCE_WINDOWS) break;
    }
    return sure;
  }

  /** Takes the waiting windows that ten quiet ones follow for silence; false when there are none. */
  #letGateAnswer(decided: DetectedWindow[]): boolean {
    const sound = this.#waiting.findIndex((window) => !window.quiet);
    const silent = (sound < 0 ? this.#waiting.length : sound) - GATE_DISTANCE_WINDOWS;
    if (silent <= 0) return false;
    this.#skip(silent, decided);
    return true;
  }

  async #ask(windows: number): Promise<DetectedWindow[]> {
    const { probabilities, elapsedMs } = await this.#model.run(
      this.#audio.subarray(0, CONTEXT_SAMPLES + windows * WINDOW_SAMPLES),
      this.#state,
    );
    this.#detectMs += elapsedMs;
    const decided: DetectedWindow[] = [];
    for (let window = 0; window < windows; window++) {
      const index = this.#segmenter.nextWindow;
      let decidedBy = index;
      if (this.#waiting[window]?.quiet === true && index >= this.#nearSpeechUntil()) {
        let loud = window;
        while (this.#waiting[loud]?.quiet === true) loud++;
        decidedBy += loud - window;
      }
      decided.push(
        this.#step(
          probabilities[window] ?? 0,
          this.#waiting[window]?.rms ?? 0,
          false,
          (decidedBy + 1) * WINDOW_SAMPLES,
        ),
      );
    }
    this.#drop(windows);
    return decided;
  }

  #skip(windows: number, decided: DetectedWindow[]): void {
    if (windows === 0) return;
    this.#state.hidden.fill(0);
    this.#state.cell.fill(0);
    for (let window = 0; window < windows; window++) {
      const decidedBy = this.#segmenter.nextWindow + GATE_DISTANCE_WINDOWS;
      decided.push(this.#step(0, this.#waiting[window]?.rms ?? 0, true, (decidedBy + 1) * WINDOW_SAMPLES));
    }
    this.#drop(windows);
  }

  #step(probability: number, rms: number, gated: boolean, atSamples: number): DetectedWindow {
    const index = this.#segmenter.nextWindow;
    const events = this.#segmenter.step(this.#isDoubtful(probability, rms) ? 0 : probability);
    if (this.#segmenter.speaking)
      this.#speechPower += (rms * rms - this.#speechPower) / (this.#speechPower === 0 ? 1 : LEVEL_WINDOWS);
    if (events.some((event) => event.type === 'confirmed')) this.#doubt = null;
    return { index, probability, rms, gated, speaking: this.#segmenter.speaking, events, atSamples };
  }

  /** True for a window that may sound like speech only because the model remembers the speech before. */
  #isDoubtful(probability: number, rms: number): boolean {
    if (this.#doubt === null) return false;
    this.#doubt.lowWindows = probability < this.#options.threshold - HYSTERESIS ? this.#doubt.lowWindows + 1 : 0;
    if (this.#doubt.lowWindows >= LET_GO_WINDOWS) this.#doubt = null;
    return this.#doubt !== null && rms < this.#doubt.belowRms;
  }

  #drop(windows: number): void {
    this.#waiting.splice(0, windows);
    this.#audio.copyWithin(0, windows * WINDOW_SAMPLES, this.#audioSamples);
    this.#audioSamples -= windows * WINDOW_SAMPLES;
  }
}
