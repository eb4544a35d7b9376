import { countedRateHz, frameBytes } from '@murmuration/audio';
import type { AsrError } from '@murmuration/contracts';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import type { LiveStore } from '@murmuration/store';
import type { AwaitedFinals } from './awaited-finals.js';
import type { LiveClock } from './live-clock.js';
import { LivePump } from './live-pump.js';
import type { LiveRecorder } from './live-recorder.js';
import type { LiveSession } from './live-service.js';

/** Audio that comes within this time counts as one slice, milliseconds. */
const SLICE_MS = 200;
/** A sender of slices is not late before the next one is due; slices longer than this count as this long, milliseconds. */
const MAX_SLICE_MS = 2_000;

/**
 * How long no audio has come, by this process' monotonic clock. A browser's recorder that sends two seconds at once every two seconds is not quiet
 * between them: time counts from when the latest slice, played from its arrival on, would be over.
 */
export class ArrivalClock {
  readonly #nowMs: () => number;
  #arrivedMs: number;
  #sliceFromMs = -Infinity;
  /** An owner that is new has heard nothing yet: its client, which may have come over a new connection, gets this long to go on. */
  #sliceMs = MAX_SLICE_MS;

  /** @param nowMs monotonic, milliseconds */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#arrivedMs = nowMs();
  }

  /** Audio has arrived, or what arrived before is still worked on. */
  arrived(): void {
    this.#arrivedMs = this.#nowMs();
  }

  /** So much audio was in what arrived. */
  heard(audioMs: number): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#sliceFromMs > SLICE_MS) {
      this.#sliceFromMs = nowMs;
      this.#sliceMs = 0;
    }
    this.#sliceMs = Math.min(MAX_SLICE_MS, this.#sliceMs + audioMs);
  }

  /** Milliseconds without audio; negative while the latest slice would still be playing. */
  get quietMs(): number {
    return this.#nowMs() - this.#arrivedMs - this.#sliceMs;
  }
}

/** Told once by each owner of a session. */
const MIX_ADJUSTED = {
  code: 'mix_adjusted',
  message:
    'The average of the channels would have lost sound, for they cancel each other or most are empty. They are mixed by their polarity and level.',
};

/** Compressed audio counts as this many bytes a millisecond. */
const CONTAINER_BYTES_A_MS = 16;

/** The session that the audio belongs to, and what hears, counts and stores it. */
export interface AudioOf {
  readonly session: Pick<LiveSession, 'id' | 'settings'> & Parameters<LiveStore['tell']>[0];
  readonly recorder: LiveRecorder;
  readonly clock: LiveClock;
  readonly finals: AwaitedFinals;
  readonly store: Pick<LiveStore, 'tell'>;
  /** True while the session takes audio. */
  readonly isOpen: () => boolean;
  /** Throws when the session cannot go on here. */
  readonly check: () => void;
  /** Called when the store says that the session has closed. */
  readonly onClosed: () => void;
  /** Told what the work on audio or a command threw. */
  readonly onError: (error: AsrError) => Promise<void>;
}

/**
 * Audio and commands of a live session as they come: worked on one after another, and missed when they do not come.
 * An utterance in progress ends when no audio has come for `idleEndpointingMs`.
 */
export class LiveAudio {
  readonly #of: AudioOf;
  readonly #pump: LivePump;
  readonly #arrivals = new ArrivalClock();
  readonly #storedListeners: ((samples: number) => void)[] = [];
  /** Set while an utterance is in progress that is to end when no audio comes. */
  #pauseTimer: NodeJS.Timeout | null = null;
  /** Why no more audio is taken, where it was the audio's fault. */
  #refusal: AsrError | null = null;

  constructor(of: AudioOf) {
    this.#of = of;
    const { settings } = of.session;
    const frame = frameBytes(settings);
    this.#pump = new LivePump({
      frameBytes: frame ?? 1,
      bytesAMs: frame === null ? CONTAINER_BYTES_A_MS : (frame * countedRateHz(settings)) / 1_000,
      hear: (bytes) => this.#hear(bytes),
      heldUp: () => of.finals.holdUp,
      onError: of.onError,
    });
  }

  /** How long no audio has come; see `ArrivalClock`. */
  get quietMs(): number {
    return this.#arrivals.quietMs;
  }

  /** True while the sender is held up. */
  get isSenderWaiting(): boolean {
    return this.#pump.isSenderWaiting;
  }

  /** Takes audio; resolves when there is room for more. Throws why the session takes none. */
  async push(bytes: Uint8Array): Promise<void> {
    this.#check();
    if (bytes.length === 0) return;
    this.#of.clock.heard();
    this.#arrivals.arrived();
    await this.#pump.push(bytes);
    // While the sender was held up it could not send.
    this.#arrivals.arrived();
    this.#check();
  }

  /** Does something after all that came before. Answers undefined when the session ended first. */
  async command<T>(work: () => Promise<T>): Promise<T | undefined> {
    const answer = await this.#pump.command(work);
    this.#of.check();
    return answer;
  }

  /** Resolves when all that came before is worked on. */
  async drained(): Promise<void> {
    await this.#pump.command(() => Promise.resolve());
  }

  onStored(listener: (samples: number) => void): void {
    this.#storedListeners.push(listener);
  }

  /** Looks again at whether the sender is held up. */
  wake(): void {
    this.#pump.wake();
  }

  /** `push` throws this from now on. */
  refuse(error: AsrError): void {
    this.#refusal = error;
  }

  /** Drops what waits; nothing is worked on from now but what is under way. */
  stop(): void {
    this.#pump.stop();
  }

  /** Resolves when nothing is under way. */
  settled(): Promise<void> {
    return this.#pump.settled();
  }

  /** Stops, and misses nothing any more. */
  close(): void {
    if (this.#pauseTimer !== null) clearTimeout(this.#pauseTimer);
    this.#pump.stop();
  }

  /** An utterance in progress ends when no audio has come for `idleEndpointingMs`. */
  expectPause(): void {
    const { session, recorder, isOpen } = this.#of;
    const { detect, idleEndpointingMs } = session.settings;
    if (this.#pauseTimer !== null || !isOpen() || !detect || idleEndpointingMs === null || !recorder.isOpen) return;
    this.#pauseTimer = setTimeout(
      () => {
        // What has come in while this process was busy is read before it is missed.
        setImmediate(() => {
          this.#pauseTimer = null;
          if (!isOpen() || !recorder.isOpen) return;
          if (this.#pump.isBusy) this.#arrivals.arrived();
          if (this.#arrivals.quietMs < idleEndpointingMs) this.expectPause();
          else this.command(() => recorder.pause()).catch(leaveAlone('repeated'));
        });
      },
      Math.max(1, idleEndpointingMs - this.#arrivals.quietMs),
    );
  }

  async #hear(bytes: Uint8Array): Promise<void> {
    const { session, recorder, finals, store, onClosed } = this.#of;
    const { pendingMs, audioMs, mixAdjusted } = recorder;
    await recorder.hear(bytes);
    if (recorder.mixAdjusted && !mixAdjusted) await store.tell(session, 'warning', MIX_ADJUSTED);
    this.#arrivals.heard(recorder.audioMs - audioMs);
    if (recorder.pendingMs !== pendingMs) finals.progressed();
    if (recorder.closed) onClosed();
    else for (const listener of this.#storedListeners) listener(recorder.sourceSamples);
    this.expectPause();
  }

  #check(): void {
    this.#of.check();
    if (this.#refusal !== null) throw this.#refusal;
  }
}
