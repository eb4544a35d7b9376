import { SAMPLES_PER_MS } from '@murmuration/contracts/audio-format';
import { WINDOW_SAMPLES } from '../detect/audio-window.js';
import type { DetectedWindow } from '../detect/detector.js';
import { chooseCut, type CutWindow } from '../plan/cut-place.js';
import type { LiveSegmenterSettings } from './live-decoder.js';

/** Why an utterance ended. */
export type UtteranceEnd = 'silence' | 'committed' | 'cut' | 'finish';

/** What happened to utterances. Positions are samples of the 16 kHz signal from the session's start. */
export type UtteranceEvent =
  | { readonly type: 'started'; readonly utterance: number; readonly speechStartSamples: number }
  | {
      readonly type: 'ended';
      readonly utterance: number;
      readonly by: UtteranceEnd;
      /** Audio for the model, with padding. */
      readonly startSamples: number;
      readonly endSamples: number;
      readonly speechStartSamples: number;
      readonly speechEndSamples: number;
    };

/** The utterance in progress, as far as it has arrived. */
export interface OpenUtterance {
  readonly utterance: number;
  readonly startSamples: number;
  /** End of the audio that is worth transcribing: the latest speech with its padding. */
  readonly endSamples: number;
  readonly speechStartSamples: number;
  /** True during a silence that may become its end. Its final then covers exactly this audio. */
  readonly resting: boolean;
}

interface OpenPiece {
  startSamples: number;
  speechStartSamples: number;
  /** End of the latest window of speech. */
  reachSamples: number;
  /** False while it may still turn out too short; `started` is told when it becomes true. */
  confirmed: boolean;
}

/** All that the tracker remembers, as plain JSON. */
export interface TrackerSnapshot {
  readonly next: number;
  readonly lastEndSamples: number;
  readonly decidedSamples: number;
  readonly resumeSamples: number | null;
  readonly open: Readonly<OpenPiece> | null;
  readonly firstWindow: number;
  readonly windows: readonly CutWindow[];
}

/** Speech that goes on after an end that the detector did not find is found at most this late. Its audio is kept from that end on. */
const RESUME_MS = 1_000;

/**
 * Turns the detector's decisions and the client's commits into a session's utterances.
 *
 * idle → (onset) heard → (long enough) open: `started` → ended by silence, by the client, by length, or because no audio comes.
 * heard → idle when it was too short. `commit`, `pause` and `clear` lead to idle from any: speech must be found anew after them, and the detector
 * is to be restarted with them. Speech that they interrupted loses nothing: its audio is kept from there on until it is found.
 * An utterance that ended by length is followed by the next one at once. Utterances never overlap: padding reaches back at most to the end of the one
 * before. One that is too long is cut where `chooseCut` says, without repeating audio.
 * Without detection everything since the last end is speech.
 */
export class UtteranceTracker {
  readonly #detect: boolean;
  readonly #maxSamples: number;
  readonly #padBeforeSamples: number;
  readonly #padAfterSamples: number;
  #next = 0;
  #lastEndSamples = 0;
  #decidedSamples = 0;
  /** From this position on audio is kept for interrupted speech; null when none was interrupted. */
  #resumeSamples: number | null = null;
  #open: OpenPiece | null = null;
  #windows: CutWindow[] = [];
  #firstWindow = 0;
  #events: UtteranceEvent[] = [];

  constructor(
    settings: Pick<LiveSegmenterSettings, 'detect' | 'paddingMs' | 'endpointingMs' | 'maxUtteranceMs'>,
    snapshot?: TrackerSnapshot,
  ) {
    this.#detect = settings.detect;
    this.#padBeforeSamples = settings.detect ? settings.paddingMs * SAMPLES_PER_MS : 0;
    this.#padAfterSamples = settings.detect ? Math.min(settings.paddingMs, settings.endpointingMs) * SAMPLES_PER_MS : 0;
    this.#maxSamples = settings.maxUtteranceMs * SAMPLES_PER_MS;
    if (snapshot === undefined) return;
    this.#next = snapshot.next;
    this.#lastEndSamples = snapshot.lastEndSamples;
    this.#decidedSamples = snapshot.decidedSamples;
    this.#resumeSamples = snapshot.resumeSamples;
    this.#open = snapshot.open === null ? null : { ...snapshot.open };
    this.#firstWindow = snapshot.firstWindow;
    this.#windows = [...snapshot.windows];
  }

  /** The utterance that has a `started` event and no `ended` event yet. @param positionSamples end of the signal so far */
  openAt(positionSamples: number): OpenUtterance | null {
    const open = this.#open;
    if (open?.confirmed !== true) return null;
    const endSamples = this.#detect
      ? Math.min(positionSamples, open.reachSamples + this.#padAfterSamples)
      : positionSamples;
    return {
      utterance: this.#next,
      startSamples: open.startSamples,
      endSamples,
      speechStartSamples: open.speechStartSamples,
      resting: this.#detect && endSamples === open.reachSamples + this.#padAfterSamples,
    };
  }

  /** No utterance to come needs audio before this position. */
  get keepFromSamples(): number {
    return this.#open?.startSamples ?? this.#audioFrom(this.#decidedSamples);
  }

  /** Takes the decision about the next window and returns the events that follow from it. @param positionSamples end of the signal so far: the last window may reach beyond it */
  observe(window: DetectedWindow, positionSamples = Infinity): UtteranceEvent[] {
    const startSamples = window.index * WINDOW_SAMPLES;
    const endSamples = startSamples + WINDOW_SAMPLES;
    this.#decidedSamples = endSamples;
    if (this.#windows.length === 0) this.#firstWindow = window.index;
    this.#windows.push({ rms: window.rms, speaking: window.speaking });
    const spoken = window.events.find((event) => event.type === 'utterance');
    for (const event of window.events) {
      if (event.type === 'onset') this.#begin(event.startSamples, false);
      else if (event.type === 'confirmed') this.#confirm();
      else if (event.type === 'skipped') this.#open = null;
    }
    if (!this.#detect && this.#open === null && Math.min(endSamples, positionSamples) > this.#lastEndSamples)
      this.#begin(startSamples, true);
    if (window.speaking && this.#open !== null) this.#open.reachSamples = endSamples;
    if (spoken !== undefined)
      this.#end(spoken.endSamples, Math.min(spoken.endSamples + this.#padAfterSamples, endSamples), 'silence');
    this.#cutTooLong();
    if (this.#open === null) this.#windows = [];
    return this.#take();
  }

  /** Ends the utterance in progress at the end of the signal so far. Returns nothing when there is none. */
  commit(positionSamples: number): UtteranceEvent[] {
    this.#reachTo(positionSamples);
    this.#interrupt(positionSamples, positionSamples, 'committed');
    return this.#take();
  }

  /** No audio comes: ends the utterance in progress as silence would. Returns nothing when there is none. */
  pause(positionSamples: number): UtteranceEvent[] {
    const reachSamples = this.#open?.reachSamples ?? positionSamples;
    this.#interrupt(reachSamples, Math.min(reachSamples + this.#padAfterSamples, positionSamples), 'silence');
    return this.#take();
  }

  /** Forgets the utterance in progress and all audio so far. */
  clear(positionSamples: number): void {
    const goesOn = this.#isSpeaking;
    this.#open = null;
    this.#windows = [];
    this.#lastEndSamples = positionSamples;
    if (goesOn) this.#resumeSamples = positionSamples;
  }

  /** Ends what is open with the signal itself. @param spokenEndSamples where the detector says that speech ended, or null */
  finish(totalSamples: number, spokenEndSamples: number | null): UtteranceEvent[] {
    this.#reachTo(totalSamples);
    const endSamples = spokenEndSamples ?? totalSamples;
    if (this.#open?.confirmed === true)
      this.#end(endSamples, Math.min(endSamples + this.#padAfterSamples, totalSamples), 'finish');
    this.#open = null;
    return this.#take();
  }

  snapshot(): TrackerSnapshot {
    return {
      next: this.#next,
      lastEndSamples: this.#lastEndSamples,
      decidedSamples: this.#decidedSamples,
      resumeSamples: this.#resumeSamples,
      open: this.#open === null ? null : { ...this.#open },
      firstWindow: this.#firstWindow,
      windows: [...this.#windows],
    };
  }

  /** Without detection every sample is speech, including those that do not fill a window yet. */
  #reachTo(positionSamples: number): void {
    if (this.#detect || positionSamples <= this.#lastEndSamples) return;
    if (this.#open === null) this.#begin(this.#lastEndSamples, true);
    if (this.#open !== null) this.#open.reachSamples = positionSamples;
  }

  /** Speech has been heard up to the latest window. */
  get #isSpeaking(): boolean {
    return this.#open !== null && this.#open.reachSamples >= this.#decidedSamples;
  }

  /** Ends the open utterance, if it is long enough, though the detector has found no end. Audio too short for an utterance is kept for the next one. */
  #interrupt(speechEndSamples: number, endSamples: number, by: UtteranceEnd): void {
    const open = this.#open;
    const goesOn = this.#isSpeaking;
    if (open?.confirmed === true) this.#end(speechEndSamples, endSamples, by);
    if (!this.#detect) return;
    const isLeft = open !== null && !open.confirmed;
    this.#open = null;
    this.#windows = [];
    if (isLeft) this.#resumeSamples = open.startSamples;
    else if (goesOn) this.#resumeSamples = this.#lastEndSamples;
  }

  /** Where the audio begins of speech that is found at this position. */
  #audioFrom(speechStartSamples: number): number {
    const paddedSamples = speechStartSamples - this.#padBeforeSamples;
    const resumeSamples = this.#resumeSamples;
    const resumes = resumeSamples !== null && speechStartSamples - resumeSamples <= RESUME_MS * SAMPLES_PER_MS;
    return Math.max(this.#lastEndSamples, resumes ? Math.min(paddedSamples, resumeSamples) : paddedSamples);
  }

  #begin(speechStartSamples: number, confirmed: boolean): void {
    const startSamples = this.#audioFrom(speechStartSamples);
    const speechStart = Math.max(this.#lastEndSamples, speechStartSamples);
    this.#open = { startSamples, speechStartSamples: speechStart, reachSamples: speechStart, confirmed: false };
    if (confirmed) this.#confirm();
  }

  #confirm(): void {
    if (this.#open === null || this.#open.confirmed) return;
    this.#open.confirmed = true;
    this.#events.push({ type: 'started', utterance: this.#next, speechStartSamples: this.#open.speechStartSamples });
  }

  #cutTooLong(): void {
    const longestSamples = this.#maxSamples - this.#padAfterSamples;
    while (this.#open?.confirmed === true && this.#open.reachSamples - this.#open.startSamples > longestSamples) {
      this.#dropWindowsBefore(this.#open.startSamples);
      const { atSamples } = chooseCut({
        startSamples: this.#open.startSamples,
        windows: this.#windows,
        firstWindow: this.#firstWindow,
        maxSamples: longestSamples,
        forcedMarginSamples: 0,
      });
      const { reachSamples } = this.#open;
      this.#end(atSamples, atSamples, 'cut');
      this.#begin(atSamples, true);
      this.#open.reachSamples = Math.max(reachSamples, atSamples);
    }
  }

  #end(speechEndSamples: number, endSamples: number, by: UtteranceEnd): void {
    const open = this.#open;
    this.#open = null;
    if (open?.confirmed !== true || endSamples <= open.startSamples) return;
    this.#events.push({
      type: 'ended',
      utterance: this.#next,
      by,
      startSamples: open.startSamples,
      endSamples,
      speechStartSamples: open.speechStartSamples,
      speechEndSamples: Math.max(open.speechStartSamples, Math.min(speechEndSamples, endSamples)),
    });
    this.#next++;
    this.#lastEndSamples = endSamples;
    this.#resumeSamples = null;
  }

  #dropWindowsBefore(positionSamples: number): void {
    const dropped = Math.min(Math.floor(positionSamples / WINDOW_SAMPLES) - this.#firstWindow, this.#windows.length);
    if (dropped <= 0) return;
    this.#windows.splice(0, dropped);
    this.#firstWindow += dropped;
  }

  #take(): UtteranceEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}
