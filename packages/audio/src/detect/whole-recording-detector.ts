import { decodeFloats, encodeFloats } from '../decode/sample-encoding.js';
import { WINDOW_SAMPLES, measureWindow } from './audio-window.js';
import type { DetectedWindow, DetectionEnd, Detector } from './detector.js';

/** Its memory as plain JSON: the beginning of a window, base64 of 32-bit floats. */
export interface WholeRecordingSnapshot {
  readonly nextWindow: number;
  readonly partial: string;
}

/** Takes everything for one utterance (`vad=false`); measures the level only, so that cuts by length fall into quiet places. */
export class WholeRecordingDetector implements Detector {
  readonly detectMs = 0;
  readonly #partial = new Float32Array(WINDOW_SAMPLES);
  #partialSamples = 0;
  #nextWindow = 0;

  /** @param snapshot continues a stream where `snapshot()` was taken */
  constructor(snapshot?: WholeRecordingSnapshot) {
    if (snapshot === undefined) return;
    this.#nextWindow = snapshot.nextWindow;
    const partial = decodeFloats(snapshot.partial);
    this.#partial.set(partial);
    this.#partialSamples = partial.length;
  }

  snapshot(): WholeRecordingSnapshot {
    return { nextWindow: this.#nextWindow, partial: encodeFloats(this.#partial.subarray(0, this.#partialSamples)) };
  }

  push(samples: Float32Array): Promise<DetectedWindow[]> {
    const windows: DetectedWindow[] = [];
    let position = 0;
    while (position < samples.length) {
      const taken = Math.min(WINDOW_SAMPLES - this.#partialSamples, samples.length - position);
      this.#partial.set(samples.subarray(position, position + taken), this.#partialSamples);
      this.#partialSamples += taken;
      position += taken;
      if (this.#partialSamples === WINDOW_SAMPLES) windows.push(this.#take(WINDOW_SAMPLES));
    }
    return Promise.resolve(windows);
  }

  finish(): Promise<DetectionEnd> {
    const totalSamples = this.#nextWindow * WINDOW_SAMPLES + this.#partialSamples;
    const windows = this.#partialSamples > 0 ? [this.#take(this.#partialSamples)] : [];
    return Promise.resolve({
      windows,
      events: totalSamples > 0 ? [{ type: 'utterance', startSamples: 0, endSamples: totalSamples }] : [],
      totalSamples,
    });
  }

  #take(length: number): DetectedWindow {
    const index = this.#nextWindow++;
    this.#partialSamples = 0;
    return {
      index,
      probability: 1,
      rms: measureWindow(this.#partial, 0, length).rms,
      gated: false,
      speaking: true,
      events:
        index === 0
          ? [
              { type: 'onset', startSamples: 0 },
              { type: 'confirmed', startSamples: 0 },
            ]
          : [],
      atSamples: index * WINDOW_SAMPLES + length,
    };
  }
}
