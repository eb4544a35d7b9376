import type { Transferred } from '@murmuration/runtime';
import type { ResamplerSnapshot } from '../decode/resampler.js';
import { DetectionThreads, type ThreadLease } from '../detect/detection-threads.js';
import type { DetectorSnapshot } from '../detect/detector.js';
import type { WholeRecordingSnapshot } from '../detect/whole-recording-detector.js';
import type { LiveEarSettings } from './live-decoder.js';
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

/** The module of the threads. */
const LIVE_EAR_THREAD = new URL('./live-segmenter-thread.js', import.meta.url);

/** Methods of a thread of ears. `ear` is chosen by the caller, unique in the thread; one call of an ear at a time. */
export type LiveEarMethods = {
  readonly open: (start: { readonly ear: number; readonly settings: LiveEarSettings; readonly state: EarState | null }) => void;
  /** Throws `unprocessable_audio`. */
  readonly hear: (piece: { readonly ear: number; readonly bytes: Uint8Array }) => Promise<Transferred<Heard>>;
  readonly replay: (piece: { readonly ear: number; readonly pcm: Uint8Array }) => Promise<Heard>;
  readonly commit: (ear: number) => Heard;
  readonly pause: (ear: number) => Heard;
  readonly clear: (ear: number) => Heard;
  readonly finish: (ear: number) => Promise<Heard>;
  readonly drop: (ear: number) => void;
};

/** One session's decoder and detector, in a thread. One call at a time. Any call throws a plain `Error` when its thread has died: open another ear from what is stored. */
export interface LiveEar {
  /** Whole frames of bare samples, or the next bytes of a container; at most a few seconds of audio. Throws `unprocessable_audio`. */
  hear(bytes: Uint8Array): Promise<Heard>;
  /** Hears again what was stored after the snapshot that the ear was opened with: signed 16-bit little endian, mono, 16 kHz. */
  replay(pcm: Uint8Array): Promise<Heard>;
  /** Ends the utterance in hand, if any. */
  commit(): Promise<Heard>;
  /** No audio comes for the time being: ends the utterance in hand, if any, where its speech ended. */
  pause(): Promise<Heard>;
  /** Forgets all audio that is in no ended utterance. */
  clear(): Promise<Heard>;
  /** Ends the signal and what is open. */
  finish(): Promise<Heard>;
  /** Gives the ear's place back. */
  close(): void;
}

/** The ears of a node's live sessions: a few threads, each shared by many. */
export class LiveEars {
  readonly #threads: DetectionThreads<LiveEarMethods>;
  #nextEar = 1;

  private constructor(threads: DetectionThreads<LiveEarMethods>) {
    this.#threads = threads;
  }

  /** Starts the threads and loads the detector in each. Throws when the model is missing or is no Silero VAD file. */
  static async start(options: { readonly threads: number; readonly vadModelPath: string }): Promise<LiveEars> {
    return new LiveEars(await DetectionThreads.start<LiveEarMethods>(LIVE_EAR_THREAD, options.threads, options.vadModelPath));
  }

  /** @param state where an earlier ear left off, or null at the session's start. Throws `shutting_down` after `close`. */
  async open(settings: LiveEarSettings, state: EarState | null): Promise<LiveEar> {
    const lease = await this.#threads.lease(() => undefined);
    const ear = this.#nextEar++;
    try {
      await lease.thread.call('open', { ear, settings, state });
    } catch (error) {
      lease.release();
      throw error;
    }
    return earOf(lease, ear);
  }

  /** Ends all threads at once. */
  async close(): Promise<void> {
    await this.#threads.close();
  }
}

function earOf(lease: ThreadLease<LiveEarMethods>, ear: number): LiveEar {
  const { thread } = lease;
  return {
    hear: (bytes) => thread.call('hear', { ear, bytes }),
    replay: (pcm) => thread.call('replay', { ear, pcm }),
    commit: () => thread.call('commit', ear),
    pause: () => thread.call('pause', ear),
    clear: () => thread.call('clear', ear),
    finish: () => thread.call('finish', ear),
    close: () => {
      lease.release();
      thread.call('drop', ear).catch(() => undefined);
    },
  };
}
