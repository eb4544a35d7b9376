import { DetectionThreads, type ThreadLease } from '../detection-threads.js';
import type { EarState, Heard } from './heard.js';
import { LIVE_EAR_THREAD, type LiveEarMethods } from './live-ear-methods.js';
import type { LiveEarSettings } from './live-ear-settings.js';

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
