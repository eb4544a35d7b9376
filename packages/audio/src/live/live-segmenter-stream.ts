import { endianness } from 'node:os';
import type { DetectOptions } from '@murmuration/contracts';
import { SAMPLES_PER_MS, SAMPLE_RATE_HZ } from '@murmuration/contracts/audio-format';
import { type DetectorSnapshot, WholeRecordingDetector, type WholeRecordingSnapshot } from '../detect/detector.js';
import type { SileroModel } from '../detect/silero-model.js';
import { VoiceDetector } from '../detect/voice-detector.js';
import { ContainerLiveDecoder } from './container-live-decoder.js';
import type { LiveSegmenterSnapshot, LiveSegmenterState, SegmentedPiece } from './live-segmenters.js';
import { type LiveDecoder, type LiveSegmenterSettings, PcmLiveDecoder } from './live-decoder.js';
import { UtteranceTracker, type UtteranceEvent } from './utterance-tracker.js';

/** In silence a snapshot is due after this much audio. After a loss at most this much is replayed. */
const SNAPSHOT_EVERY_MS = 10_000;
/** As `detectOptionsSchema` has them; a client cannot set them for a live session. */
const MIN_SPEECH_MS = 100;
const GATE_RMS = 0.005;
const GATE_ZERO_CROSSINGS = 50;

/**
 * One session's signal in a detection thread: decoded, made 16-bit, searched for utterances. One call at a time.
 * The detector gets exactly the 16-bit samples that are stored, so that replaying them from a snapshot gives the same result.
 */
export class LiveSegmenterStream {
  readonly #settings: LiveSegmenterSettings;
  readonly #decoder: LiveDecoder;
  readonly #detector: VoiceDetector | WholeRecordingDetector;
  readonly #tracker: UtteranceTracker;
  #positionSamples: number;
  #snapshotAtSamples: number;

  constructor(settings: LiveSegmenterSettings, state: LiveSegmenterState | null, model: SileroModel) {
    this.#settings = settings;
    this.#decoder =
      settings.encoding === 'opus' ? new ContainerLiveDecoder() : new PcmLiveDecoder(settings, state?.decoder ?? null);
    const snapshot = state?.snapshot ?? undefined;
    this.#detector = settings.detect
      ? new VoiceDetector(model, detectOptionsOf(settings), snapshot?.detector as DetectorSnapshot | undefined)
      : new WholeRecordingDetector(snapshot?.detector as WholeRecordingSnapshot | undefined);
    this.#tracker = new UtteranceTracker(settings, snapshot?.tracker);
    this.#positionSamples = state?.positionSamples ?? 0;
    this.#snapshotAtSamples = this.#positionSamples;
  }

  /** Takes what the client sent: whole frames of bare samples, or the next bytes of its container. Throws `unprocessable_audio`. */
  async push(bytes: Uint8Array): Promise<SegmentedPiece> {
    const { samples, sourceSamples } = await this.#decoder.push(bytes);
    return this.#segment(toBytes(samples), sourceSamples);
  }

  /** Replays what was stored after the snapshot. */
  replay(pcm: Uint8Array): Promise<SegmentedPiece> {
    return this.#segment(new Uint8Array(pcm), 0);
  }

  commit(): SegmentedPiece {
    return this.#interrupted(this.#tracker.commit(this.#positionSamples));
  }

  pause(): SegmentedPiece {
    return this.#interrupted(this.#settings.detect ? this.#tracker.pause(this.#positionSamples) : []);
  }

  clear(): SegmentedPiece {
    this.#tracker.clear(this.#positionSamples);
    return this.#interrupted([]);
  }

  /** Ends the signal. */
  async finish(): Promise<SegmentedPiece> {
    const { samples, sourceSamples } = await this.#decoder.finish();
    const last = await this.#segment(toBytes(samples), sourceSamples);
    const { windows, events, totalSamples } = await this.#detector.finish();
    const told = [...last.events, ...windows.flatMap((window) => this.#tracker.observe(window, totalSamples))];
    const spoken = events.find((event) => event.type === 'utterance');
    told.push(...this.#tracker.finish(totalSamples, spoken?.endSamples ?? null));
    // The last window was filled up with silence that nobody sent.
    const within = told.map((event) =>
      event.type === 'ended' ? { ...event, endSamples: Math.min(event.endSamples, totalSamples) } : event,
    );
    return { ...last, events: within, open: null, keepFromSamples: this.#positionSamples, snapshot: null };
  }

  /** After an end that the detector did not find, speech must be confirmed again. */
  #interrupted(events: readonly UtteranceEvent[]): SegmentedPiece {
    if (this.#detector instanceof VoiceDetector) this.#detector.restart();
    return this.#piece(EMPTY, 0, events, true);
  }

  async #segment(pcm: Uint8Array<ArrayBuffer>, sourceSamples: number): Promise<SegmentedPiece> {
    this.#positionSamples += pcm.length >> 1;
    const windows = await this.#detector.push(toFloats(pcm));
    const events = windows.flatMap((window) => this.#tracker.observe(window));
    const ended = events.some((event) => event.type === 'ended');
    const quietlyOld =
      this.#tracker.openAt(this.#positionSamples) === null &&
      this.#positionSamples - this.#snapshotAtSamples >= SNAPSHOT_EVERY_MS * SAMPLES_PER_MS;
    return this.#piece(pcm, sourceSamples, events, ended || quietlyOld);
  }

  #piece(
    pcm: Uint8Array<ArrayBuffer>,
    sourceSamples: number,
    events: readonly UtteranceEvent[],
    remember: boolean,
  ): SegmentedPiece {
    if (remember) this.#snapshotAtSamples = this.#positionSamples;
    return {
      pcm,
      sourceSamples,
      events,
      positionSamples: this.#positionSamples,
      open: this.#tracker.openAt(this.#positionSamples),
      keepFromSamples: this.#tracker.keepFromSamples,
      mixAdjusted: this.#decoder.mixAdjusted,
      decoder: this.#settings.sampleRateHz === SAMPLE_RATE_HZ ? null : this.#decoder.snapshot(),
      snapshot: remember ? this.#remembered() : null,
    };
  }

  #remembered(): LiveSegmenterSnapshot {
    return { detector: this.#detector.snapshot(), tracker: this.#tracker.snapshot() };
  }
}

const EMPTY = new Uint8Array(0);

function detectOptionsOf(settings: LiveSegmenterSettings): DetectOptions {
  return {
    vad: true,
    threshold: settings.threshold,
    minSpeechMs: MIN_SPEECH_MS,
    minSilenceMs: settings.endpointingMs,
    paddingMs: settings.paddingMs,
    gateRms: GATE_RMS,
    gateZeroCrossings: GATE_ZERO_CROSSINGS,
  };
}

function toBytes(samples: Float32Array): Uint8Array<ArrayBuffer> {
  const whole = new Int16Array(samples.length);
  for (let index = 0; index < samples.length; index++) {
    const scaled = Math.round((samples[index] ?? 0) * 32_768);
    whole[index] = scaled > 32_767 ? 32_767 : scaled < -32_768 ? -32_768 : scaled;
  }
  const bytes = new Uint8Array(whole.buffer);
  if (endianness() === 'BE') Buffer.from(bytes.buffer).swap16();
  return bytes;
}

function toFloats(pcm: Uint8Array): Float32Array {
  const view = new DataView(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  return Float32Array.from({ length: pcm.length >> 1 }, (_, index) => view.getInt16(index * 2, true) / 32_768);
}
