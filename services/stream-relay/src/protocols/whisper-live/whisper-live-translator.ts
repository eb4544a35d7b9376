import { AsrError, MULTI, type LiveEvent, type Word, type UtteranceNumber } from '@murmuration/contracts';
import { CLOSE, closeCodeOf } from '../../sockets/message-socket.js';
import { webSocketPort, type LiveProtocol } from '../live-protocol.js';
import { say, type Action, type Translator } from '../translator.js';
import { firstMessage, type WhisperLiveWishes } from './first-message.js';

/** A stretch of text as clients know it; seconds with three decimals, as text. */
interface Segment {
  readonly start: string;
  readonly end: string;
  readonly text: string;
  readonly completed: boolean;
  readonly words?: readonly {
    readonly word: string;
    readonly start: number;
    readonly end: number;
    readonly probability: number;
  }[];
}

/** The bytes that end the audio. */
const END_OF_AUDIO = Buffer.from('END_OF_AUDIO');
/** Clients keep what they show and write only from this backend. */
const BACKEND = 'faster_whisper';

/**
 * WhisperLive's protocol.
 *
 * asked (the first message, with the options, is awaited) --it came--> live (SERVER_READY once the session is open)
 * live --END_OF_AUDIO--> ending (no more is taken) --the last segment--> closed with 1000
 * asked, live --something fails--> `status` ERROR, or WAIT where it is a matter of time, and closed
 */
export class WhisperLiveTranslator implements Translator {
  readonly #startLimitMs: number;
  #state: 'asked' | 'live' | 'ending' = 'asked';
  #wishes: WhisperLiveWishes | null = null;
  #uid: string | null = null;
  #languageTold: string | null = null;
  #lastEndMs = 0;
  readonly #completed: Segment[] = [];
  #partial: { readonly utterance: UtteranceNumber; readonly segment: Segment } | null = null;

  /** @param startLimitMs the first message must come within this time, milliseconds */
  constructor(startLimitMs: number) {
    this.#startLimitMs = startLimitMs;
  }

  /** Segments complete by themselves. */
  readonly idleLimitMs = null;

  get quietLimitMs(): number | null {
    return this.#state === 'asked' ? this.#startLimitMs : null;
  }

  begin(): Action[] {
    return [];
  }

  text(message: string): Action[] {
    if (message === END_OF_AUDIO.toString()) return this.#end();
    // Later text means nothing to a WhisperLive server either.
    if (this.#state !== 'asked') return [];
    const wishes = firstMessage(message);
    this.#wishes = wishes;
    this.#uid = wishes.uid;
    this.#state = 'live';
    return [{ do: 'open', settings: wishes.settings }];
  }

  audio(bytes: Buffer): Action[] {
    if (bytes.equals(END_OF_AUDIO)) return this.#end();
    if (this.#state === 'asked')
      throw new AsrError('invalid_message', 'Audio came before the first message with the options.');
    return this.#state === 'ending' || bytes.length === 0 ? [] : [{ do: 'push', bytes }];
  }

  opened(): Action[] {
    const warnings = this.#wishes?.warnings ?? [];
    return [
      this.#tell({ message: 'SERVER_READY', backend: BACKEND }),
      ...warnings.map((message) => this.#tell({ status: 'WARNING', message })),
    ];
  }

  committed(): Action[] {
    return [];
  }

  stored(): Action[] {
    return [];
  }

  events(event: LiveEvent): Action[] {
    switch (event.type) {
      case 'partial':
        if (event.text === '') return [];
        this.#partial = { utterance: event.utterance, segment: this.#segment(event, false) };
        return this.#segments();
      case 'final':
        return this.#final(event);
      case 'warning':
        return [this.#tell({ status: 'WARNING', message: event.message })];
      case 'error':
        return [this.#tell({ status: 'ERROR', message: AsrError.fromRecord(event.error).message })];
      case 'closed':
        return this.#closed(event.totals.end);
      case 'speech_started':
      case 'speech_ended':
        return [];
    }
  }

  fault(error: AsrError): Action[] {
    const waits = error.code === 'queue_full' || error.code === 'no_worker';
    const minutes = Math.max(1, Math.ceil((error.retryAfterSeconds ?? 60) / 60));
    return [
      this.#tell(waits ? { status: 'WAIT', message: minutes } : { status: 'ERROR', message: error.message }),
      { do: 'close', code: closeCodeOf(error), reason: error.code },
    ];
  }

  quiet(): Action[] {
    return this.fault(new AsrError('invalid_message', 'No message with the options came.'));
  }

  idle(): Action[] {
    return [];
  }

  #end(): Action[] {
    if (this.#state === 'asked') return [{ do: 'close', code: CLOSE.done, reason: '' }];
    if (this.#state === 'ending') return [];
    this.#state = 'ending';
    return [{ do: 'finish' }];
  }

  #final(event: Extract<LiveEvent, { type: 'final' }>): Action[] {
    const shown =
      this.#partial !== null && this.#partial.utterance <= event.utterance ? this.#partial.segment.text : null;
    if (shown !== null) this.#partial = null;
    if (event.text === '') return [];
    const settling = shown === null || shown === event.text ? [] : this.#settling(event);
    this.#completed.push(this.#segment(event, true));
    if (this.#completed.length > (this.#wishes?.lastSegments ?? 1)) this.#completed.shift();
    this.#lastEndMs = Math.max(this.#lastEndMs, event.endMs);
    return [...settling, ...this.#language(event), ...this.#segments()];
  }

  /**
   * The final text as one that is not completed, as WhisperLive's server shows every text before it completes it. Its client keeps the last
   * such text and writes it into the subtitles beside the completed one where the two differ.
   */
  #settling(event: Extract<LiveEvent, { type: 'final' }>): Action[] {
    return [this.#tell({ segments: [...this.#completed, this.#segment(event, false)] })];
  }

  /** The language that was found: once, or, of speech that changes it, at each change. */
  #language({ language, languageProbability }: Extract<LiveEvent, { type: 'final' }>): Action[] {
    const asked = this.#wishes?.settings.language ?? null;
    const isToTell = asked === MULTI ? language !== this.#languageTold : asked === null && this.#languageTold === null;
    if (language === null || !isToTell) return [];
    this.#languageTold = language;
    return [this.#tell({ language, language_prob: languageProbability ?? 1 })];
  }

  /** Never an empty list: clients look at its last one. */
  #segments(): Action[] {
    const segments = [...this.#completed, ...(this.#partial === null ? [] : [this.#partial.segment])];
    return segments.length === 0 ? [] : [this.#tell({ segments })];
  }

  #segment(
    event: { readonly startMs: number; readonly endMs: number; readonly text: string; readonly words: readonly Word[] },
    completed: boolean,
  ): Segment {
    // Clients drop a segment that begins before the one before has ended.
    const startMs = Math.max(event.startMs, this.#lastEndMs);
    return {
      start: seconds(startMs),
      end: seconds(Math.max(startMs, event.endMs)),
      text: event.text,
      completed,
      ...(this.#wishes?.words === true
        ? {
            words: event.words.map(({ word, startMs: from, endMs: to, probability }) => ({
              word,
              start: from / 1_000,
              end: to / 1_000,
              probability,
            })),
          }
        : {}),
    };
  }

  #closed(end: string): Action[] {
    if (end === 'failed') return [{ do: 'close', code: CLOSE.fault, reason: 'the session failed' }];
    const leaving = end === 'idle' || end === 'too_long' ? [this.#tell({ message: 'DISCONNECT' })] : [];
    return [...leaving, { do: 'close', code: CLOSE.done, reason: end }];
  }

  #tell(fields: object): Action {
    return say({ uid: this.#uid, ...fields });
  }
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}

/** WhisperLive's protocol, whose port is 9090 by custom. */
export const whisperLive: LiveProtocol = {
  ownPort: {
    variable: 'WHISPERLIVE_PORT',
    transport: 'websocket',
    open: webSocketPort((config) => new WhisperLiveTranslator(config.START_TIMEOUT_MS)),
  },
};
