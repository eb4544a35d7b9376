import type { Transferred } from '@murmuration/runtime/thread';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import type { ResamplerSnapshot } from '../decode/resampler.js';
import { DetectionThreads, type ThreadLease } from '../detect/detection-threads.js';
import type { DetectorSnapshot, WholeRecordingSnapshot } from '../detect/detector.js';
import type { LiveSegmenterSettings } from './live-decoder.js';
import type { OpenUtterance, TrackerSnapshot, UtteranceEvent } from './utterance-tracker.js';

/** What a segmenter remembers at a position of the signal, as plain JSON. */
export interface LiveSegmenterSnapshot {
  readonly detector: DetectorSnapshot | WholeRecordingSnapshot;
  readonly tracker: TrackerSnapshot;
}

/** Where a segmenter starts when it is not the session's first. */
export interface LiveSegmenterState {
  /** 16 kHz samples before the segmenter's first. */
  readonly positionSamples: number;
  /** Null at the session's very start. */
  readonly snapshot: LiveSegmenterSnapshot | null;
  /** Of the decoder at the end of all that was replayed; null for containers. */
  readonly decoder: ResamplerSnapshot | null;
}

/** The result of one piece of a session's audio. */
export interface SegmentedPiece {
  /** Signed 16-bit little endian, mono, 16 kHz: what was added to the signal. Owned by the receiver. */
  readonly pcm: Uint8Array<ArrayBuffer>;
  /** Position after it. */
  readonly positionSamples: number;
  /** Samples of each of the client's channels that it was made from, at the client's rate. */
  readonly sourceSamples: number;
  readonly events: readonly UtteranceEvent[];
  readonly open: OpenUtterance | null;
  /** True once the average of the channels would have lost sound and was replaced. */
  readonly mixAdjusted: boolean;
  /** No later utterance needs audio from before this position. */
  readonly keepFromSamples: number;
  /** The decoder's state after it; null for containers and when there is nothing to remember. */
  readonly decoder: ResamplerSnapshot | null;
  /** The state to start again from. Present whenever an utterance has ended, and every few seconds of silence. */
  readonly snapshot: LiveSegmenterSnapshot | null;
}

/** The module of the threads. */
const LIVE_SEGMENTER_THREAD = new URL('./live-segmenter-thread.js', import.meta.url);

/** Methods of a thread of segmenters. `segmenter` is chosen by the caller, unique in the thread; one call of a segmenter at a time. */
export type LiveSegmenterMethods = {
  readonly open: (start: {
    readonly segmenter: number;
    readonly settings: LiveSegmenterSettings;
    readonly state: LiveSegmenterState | null;
  }) => void;
  /** Throws `unprocessable_audio`. */
  readonly push: (piece: {
    readonly segmenter: number;
    readonly bytes: Uint8Array;
  }) => Promise<Transferred<SegmentedPiece>>;
  readonly replay: (piece: { readonly segmenter: number; readonly pcm: Uint8Array }) => Promise<SegmentedPiece>;
  readonly commit: (segmenter: number) => SegmentedPiece;
  readonly pause: (segmenter: number) => SegmentedPiece;
  readonly clear: (segmenter: number) => SegmentedPiece;
  readonly finish: (segmenter: number) => Promise<SegmentedPiece>;
  readonly drop: (segmenter: number) => void;
};

/** One session's decoder and detector, in a thread. One call at a time. Any call throws a plain `Error` when its thread has died: open another segmenter from what is stored. */
export interface LiveSegmenter {
  /** Whole frames of bare samples, or the next bytes of a container; at most a few seconds of audio. Throws `unprocessable_audio`. */
  push(bytes: Uint8Array): Promise<SegmentedPiece>;
  /** Replays what was stored after the snapshot that the segmenter was opened with: signed 16-bit little endian, mono, 16 kHz. */
  replay(pcm: Uint8Array): Promise<SegmentedPiece>;
  /** Ends the utterance in progress, if any. */
  commit(): Promise<SegmentedPiece>;
  /** No audio comes for the time being: ends the utterance in progress, if any, where its speech ended. */
  pause(): Promise<SegmentedPiece>;
  /** Forgets all audio that belongs to no ended utterance. */
  clear(): Promise<SegmentedPiece>;
  /** Ends the signal and what is open. */
  finish(): Promise<SegmentedPiece>;
  /** Releases the segmenter's place on its thread. */
  close(): void;
}

/** The segmenters of a node's live sessions: a few threads, each shared by many. */
export class LiveSegmenters {
  readonly #threads: DetectionThreads<LiveSegmenterMethods>;
  #nextSegmenter = 1;

  private constructor(threads: DetectionThreads<LiveSegmenterMethods>) {
    this.#threads = threads;
  }

  /** Starts the threads and loads the detector in each. Throws when the model is missing or is no Silero VAD file. */
  static async start(options: { readonly threads: number; readonly vadModelPath: string }): Promise<LiveSegmenters> {
    return new LiveSegmenters(
      await DetectionThreads.start<LiveSegmenterMethods>(LIVE_SEGMENTER_THREAD, options.threads, options.vadModelPath),
    );
  }

  /** @param state where an earlier segmenter left off, or null at the session's start. Throws `shutting_down` after `close`. */
  async open(settings: LiveSegmenterSettings, state: LiveSegmenterState | null): Promise<LiveSegmenter> {
    const lease = await this.#threads.lease(() => undefined);
    const segmenter = this.#nextSegmenter++;
    try {
      await lease.thread.call('open', { segmenter, settings, state });
    } catch (error) {
      lease.release();
      throw error;
    }
    return segmenterOf(lease, segmenter);
  }

  /** Ends all threads at once. */
  async close(): Promise<void> {
    await this.#threads.close();
  }
}

function segmenterOf(lease: ThreadLease<LiveSegmenterMethods>, segmenter: number): LiveSegmenter {
  const { thread } = lease;
  return {
    push: (bytes) => thread.call('push', { segmenter, bytes }),
    replay: (pcm) => thread.call('replay', { segmenter, pcm }),
    commit: () => thread.call('commit', segmenter),
    pause: () => thread.call('pause', segmenter),
    clear: () => thread.call('clear', segmenter),
    finish: () => thread.call('finish', segmenter),
    close: () => {
      lease.release();
      thread.call('drop', segmenter).catch(leaveAlone('closing'));
    },
  };
}
