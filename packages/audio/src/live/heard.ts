import type { ResamplerSnapshot } from '../decode/resampler.js';
import type { DetectorSnapshot } from '../detect/detector-snapshot.js';
import type { WholeRecordingSnapshot } from '../detect/whole-recording-detector.js';
import type { OpenUtterance, TrackerSnapshot, UtteranceEvent } from './utterance-tracker.js';

/** What an ear remembers at a position of the signal, as plain JSON. */
export interface EarSnapshot {
  readonly detector: DetectorSnapshot | WholeRecordingSnapshot;
  readonly tracker: TrackerSnapshot;
}

/** Where an ear starts that is not the session's first. */
export interface EarState {
  /** 16 kHz samples before the ear's first. */
  readonly positionSamples: number;
  /** Null at the session's very start. */
  readonly snapshot: EarSnapshot | null;
  /** Of the decoder at the end of all that was replayed; null for containers. */
  readonly decoder: ResamplerSnapshot | null;
}

/** What a piece of a session gave. */
export interface Heard {
  /** Signed 16-bit little endian, mono, 16 kHz: what was added to the signal. Owned by the receiver. */
  readonly pcm: Uint8Array<ArrayBuffer>;
  /** Position after it. */
  readonly positionSamples: number;
  /** Samples a channel of the client's own that are behind it. */
  readonly sourceSamples: number;
  readonly events: readonly UtteranceEvent[];
  readonly open: OpenUtterance | null;
  /** True once the average of the channels would have lost sound and was replaced. */
  readonly mixAdjusted: boolean;
  /** Audio before it is in no utterance to come. */
  readonly keepFromSamples: number;
  /** State of the decoder after it; null for containers and where nothing is to be remembered. */
  readonly decoder: ResamplerSnapshot | null;
  /** Memory to start from again, at times: whenever an utterance has ended, and every few seconds of silence. */
  readonly snapshot: EarSnapshot | null;
}
