import {
  AsrError,
  joinTexts,
  liveSettingsSchema,
  type LiveEvent,
  type LiveSettings,
  type Word,
  type UtteranceNumber,
} from '@murmuration/contracts';
import { CLOSE, closeCodeOf } from '../../sockets/message-socket.js';
import { webSocketPort, type LiveProtocol } from '../live-protocol.js';
import { type Action, hotwordsOf, say, type Translator } from '../translator.js';
import { DEFAULT_CONFIG, voskConfig, voskOrder, type VoskConfig } from './vosk-config.js';

interface Said {
  readonly text: string;
  readonly confidence: number;
  readonly words: readonly Word[];
}

/**
 * vosk-server's protocol, in lockstep: one reply to every audio message and to `reset`, none to `config`; the reply to `eof` is the last, then the socket is closed.
 * A reply is the next text that is final, else what is heard so far. While no audio comes, a text that is final is the reply to the next audio
 * ahead of it: who waits for a reply to each message still gets one, and who listens gets the text. The reply to `reset` waits for the text of all audio before it, and replies after it wait with it.
 *
 * config (options may come) --first audio--> live --eof--> ending (what is final and untold is told in one reply) --the session has ended--> closed
 */
export class VoskTranslator implements Translator {
  readonly #startLimitMs: number;
  readonly #idleMs: number;
  #state: 'config' | 'live' | 'ending' = 'config';
  #config: VoskConfig = DEFAULT_CONFIG;
  readonly #finals: Said[] = [];
  #partial: { readonly utterance: UtteranceNumber; readonly text: string } | null = null;
  /** Number of the newest final, -1 before the first. */
  #newest = -1;
  /** Replies that are due, in order: to audio, or to a reset, whose text is there once this utterance is final. */
  readonly #due: ('audio' | { upTo: number | null })[] = [];
  /** Replies that were sent ahead of their audio. */
  #ahead = 0;

  /** @param startLimitMs the first message must come within this time, milliseconds @param idleMs without audio for this long a text that is final is told ahead */
  constructor(startLimitMs: number, idleMs: number) {
    this.#startLimitMs = startLimitMs;
    this.#idleMs = idleMs;
  }

  get quietLimitMs(): number | null {
    return this.#state === 'config' ? this.#startLimitMs : null;
  }

  get idleLimitMs(): number | null {
    return this.#state === 'live' && this.#finals.length > 0 && this.#due.length === 0 ? this.#idleMs : null;
  }

  begin(): Action[] {
    return [];
  }

  text(message: string): Action[] {
    if (this.#state === 'ending') return [];
    const order = voskOrder(message);
    if (order === 'eof') return this.#end();
    if (order === 'reset') return this.#reset();
    this.#config = voskConfig(message, this.#config);
    return [];
  }

  audio(bytes: Buffer): Action[] {
    if (this.#state === 'ending') return [];
    const opening = this.#state === 'config' ? [{ do: 'open', settings: this.#settings() } as const] : [];
    this.#state = 'live';
    return [
      ...opening,
      { do: 'push', bytes },
      {
        do: 'then',
        next: () => {
          if (this.#ahead > 0) this.#ahead--;
          else this.#due.push('audio');
          return this.#reply();
        },
      },
    ];
  }

  opened(): Action[] {
    return [];
  }

  committed(utterance: UtteranceNumber | null): Action[] {
    const waiting = this.#due.find((due) => typeof due === 'object' && due.upTo === null);
    // Without an utterance in progress, what is final is all there is.
    if (typeof waiting === 'object') waiting.upTo = utterance ?? -1;
    return this.#reply();
  }

  stored(): Action[] {
    return [];
  }

  events(event: LiveEvent): Action[] {
    switch (event.type) {
      case 'partial':
        this.#partial = { utterance: event.utterance, text: event.text };
        return [];
      case 'final':
        if (this.#partial !== null && this.#partial.utterance <= event.utterance) this.#partial = null;
        if (event.text !== '') this.#finals.push(event);
        this.#newest = Math.max(this.#newest, event.utterance);
        return this.#reply();
      case 'closed':
        return this.#closed(event.totals.end);
      case 'error':
        return this.fault(AsrError.fromRecord(event.error));
      case 'speech_started':
      case 'speech_ended':
      case 'warning':
        return [];
    }
  }

  fault(error: AsrError): Action[] {
    return [{ do: 'close', code: closeCodeOf(error), reason: error.message }];
  }

  quiet(): Action[] {
    return this.fault(new AsrError('invalid_message', 'No audio came.'));
  }

  idle(): Action[] {
    this.#ahead++;
    return [this.#next()];
  }

  #settings(): LiveSettings {
    return liveSettingsSchema.parse({
      encoding: 'pcm_s16le',
      sampleRateHz: this.#config.sampleRateHz,
      hotwords: hotwordsOf(this.#config.phrases),
      wordTimestamps: this.#config.words,
    });
  }

  #end(): Action[] {
    const before = this.#state;
    this.#state = 'ending';
    return before === 'live' ? [{ do: 'finish' }] : this.#closed('finished');
  }

  #reset(): Action[] {
    this.#due.push({ upTo: this.#state === 'live' ? null : -1 });
    return this.#state === 'live' ? [{ do: 'commit' }] : this.#reply();
  }

  #reply(): Action[] {
    const replies: Action[] = [];
    for (let due = this.#due[0]; due !== undefined; due = this.#due[0]) {
      if (typeof due === 'object' && (due.upTo === null || due.upTo > this.#newest)) break;
      this.#due.shift();
      replies.push(due === 'audio' ? this.#next() : this.#rest());
    }
    return replies;
  }

  #next(): Action {
    const final = this.#finals.shift();
    return final === undefined ? say({ partial: this.#partial?.text ?? '' }) : this.#result([final]);
  }

  #rest(): Action {
    return this.#result(this.#finals.splice(0));
  }

  #result(said: readonly Said[]): Action {
    const text = joinTexts(said.map((one) => one.text));
    const result = said
      .flatMap((one) => one.words)
      .map((word) => ({
        conf: word.probability,
        start: word.startMs / 1_000,
        end: word.endMs / 1_000,
        word: word.word.trim(),
      }));
    const words = this.#config.words && result.length > 0 ? { result } : {};
    if (this.#config.maxAlternatives === 0) return say({ ...words, text });
    const confidence = said.length === 0 ? 0 : said.reduce((sum, one) => sum + one.confidence, 0) / said.length;
    return say({ alternatives: [{ confidence, ...words, text }] });
  }

  #closed(end: string): Action[] {
    if (end === 'failed') return [{ do: 'close', code: CLOSE.fault, reason: 'the session failed' }];
    return this.#state === 'ending'
      ? [this.#rest(), { do: 'close', code: CLOSE.done, reason: '' }]
      : [{ do: 'close', code: CLOSE.done, reason: end }];
  }
}

/** vosk-server's protocol, whose port is 2700 by custom. */
export const vosk: LiveProtocol = {
  ownPort: {
    variable: 'VOSK_PORT',
    transport: 'websocket',
    open: webSocketPort((config) => new VoskTranslator(config.START_TIMEOUT_MS, config.IDLE_ENDPOINTING_MS)),
  },
};
