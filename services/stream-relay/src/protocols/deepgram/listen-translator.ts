import { createHash } from 'node:crypto';
import {
  AsrError,
  MULTI,
  type LiveEvent,
  type LiveSettings,
  type ModelDescription,
  type UtteranceNumber,
  seconds,
} from '@murmuration/contracts';
import { CLOSE, closeCodeOf } from '../../sockets/message-socket.js';
import { say, type Action, type Translator, type OpenedSession } from '../translator.js';
import { startOfStream } from './container-start.js';
import {
  metadataMessage,
  resultsMessage,
  type ResultsContent,
  type ResultsFlags,
  type StreamIdentity,
} from './listen-messages.js';
import type { ListenQuery } from './listen-query.js';

/** Without audio or a KeepAlive for this long the connection is closed, as Deepgram does it. */
const QUIET_MS = 10_000;
const NOTHING = Buffer.alloc(0);

/**
 * Deepgram's live API.
 *
 * starting (a container's first bytes are awaited) --its kind is known--> live; with an `encoding` in the address live at once
 * live --CloseStream, or an empty binary message--> ending (no more is taken) --the last result--> Metadata, closed with 1000
 * starting, live --silent for 10 s--> closed with 1011, NET-0001
 */
export class ListenTranslator implements Translator {
  readonly #query: ListenQuery;
  readonly #identity: StreamIdentity;
  readonly #audio = createHash('sha256');
  #state: 'starting' | 'live' | 'ending' = 'starting';
  #head: Buffer = NOTHING;
  #settings: LiveSettings | null = null;
  #model: ModelDescription | null = null;
  #storedMs = 0;
  /** Where the last word ended, milliseconds, while its `UtteranceEnd` is to come. */
  #lastWordEndMs: number | null = null;
  /** The utterance that somebody speaks now. */
  #speaking: number | null = null;
  /** Utterances that have ended and whose text is to come. */
  readonly #awaited = new Set<number>();
  /** A Finalize is answered by the last text that was awaited when it came. */
  #finalizing = false;

  constructor(query: ListenQuery, identity: StreamIdentity) {
    this.#query = query;
    this.#identity = identity;
  }

  get quietLimitMs(): number | null {
    return this.#state === 'ending' ? null : QUIET_MS;
  }

  get idleLimitMs(): number | null {
    const dueMs = this.#utteranceEndDueMs;
    return dueMs === null ? null : Math.max(0, dueMs - this.#storedMs);
  }

  begin(): Action[] {
    return this.#query.encoding === null ? [] : this.#open(this.#query.settings);
  }

  text(message: string): Action[] {
    switch (typeOf(message)) {
      case 'KeepAlive':
        return this.#state === 'live' ? [{ do: 'keep_alive' }] : [];
      case 'Configure':
        return [];
      case 'Finalize':
        return this.#state === 'live' ? [{ do: 'commit' }] : [];
      case 'CloseStream':
        return this.#end();
      default:
        throw new AsrError(
          'invalid_message',
          'A text message is JSON with the type KeepAlive, Finalize or CloseStream.',
        );
    }
  }

  audio(bytes: Buffer): Action[] {
    if (this.#state === 'ending') return [];
    if (bytes.length === 0) return this.#end();
    this.#audio.update(bytes);
    return this.#state === 'live' ? [{ do: 'push', bytes }] : this.#begin(bytes);
  }

  opened(session: OpenedSession): Action[] {
    this.#model = session.model;
    return [];
  }

  committed(utterance: UtteranceNumber | null): Action[] {
    if (utterance !== null) return [];
    if (this.#awaited.size > 0) {
      this.#finalizing = true;
      return [];
    }
    // Clients wait for the answer to Finalize.
    const nothing = {
      startMs: this.#storedMs,
      endMs: this.#storedMs,
      text: '',
      confidence: 0,
      words: [],
      language: null,
    };
    return this.#results(nothing, { isFinal: true, speechFinal: true, fromFinalize: true });
  }

  stored(samples: number): Action[] {
    this.#storedMs =
      (samples / (this.#settings?.encoding === 'opus' ? 48_000 : (this.#settings?.sampleRateHz ?? 48_000))) * 1_000;
    return this.#utteranceEnd(0);
  }

  events(event: LiveEvent): Action[] {
    switch (event.type) {
      case 'speech_started':
        this.#lastWordEndMs = null;
        this.#speaking = event.utterance;
        return this.#query.vadEvents
          ? [say({ type: 'SpeechStarted', channel: [0, 1], timestamp: seconds(event.atMs) })]
          : [];
      case 'partial':
        if (!this.#query.settings.interimResults || event.text === '') return [];
        return this.#results(
          { ...event, confidence: meanProbability(event.words), language: null },
          { isFinal: false, speechFinal: false, fromFinalize: false },
        );
      case 'final':
        return this.#final(event);
      case 'error':
        return [errorMessage(AsrError.fromRecord(event.error))];
      case 'closed':
        return this.#closed(event);
      case 'speech_ended':
        this.#awaited.add(event.utterance);
        this.#spoken(event.utterance);
        return [];
      case 'warning':
        return [];
    }
  }

  fault(error: AsrError): Action[] {
    return [
      errorMessage(error),
      { do: 'close', code: closeCodeOf(error), reason: `${variantOf(error)} ${error.code}` },
    ];
  }

  quiet(): Action[] {
    const description = 'No audio and no KeepAlive came for ten seconds.';
    return [
      say({ type: 'Error', variant: 'NET-0001', description, message: description }),
      { do: 'close', code: CLOSE.fault, reason: 'NET-0001' },
    ];
  }

  idle(): Action[] {
    return this.#utteranceEnd(Infinity);
  }

  #open(settings: LiveSettings): Action[] {
    this.#state = 'live';
    this.#settings = settings;
    return [{ do: 'open', settings }];
  }

  #begin(bytes: Buffer): Action[] {
    this.#head = Buffer.concat([this.#head, bytes]);
    const start = startOfStream(this.#head);
    if (start === null) return [];
    const audio = this.#head.subarray(start.audioFrom);
    this.#head = NOTHING;
    const { encoding, sampleRateHz, channels } = start;
    const opening = this.#open({ ...this.#query.settings, encoding, sampleRateHz, channels });
    return audio.length === 0 ? opening : [...opening, { do: 'push', bytes: audio }];
  }

  #end(): Action[] {
    const before = this.#state;
    this.#state = 'ending';
    if (before === 'ending') return [];
    return before === 'live' ? [{ do: 'finish' }] : this.#farewell(0);
  }

  #final(event: Extract<LiveEvent, { type: 'final' }>): Action[] {
    this.#awaited.delete(event.utterance);
    this.#spoken(event.utterance);
    const answers = this.#finalizing && this.#awaited.size === 0;
    if (answers) this.#finalizing = false;
    const fromFinalize = answers || event.by === 'committed';
    const speechFinal = event.by !== 'cut' && (this.#query.endpointing || event.by !== 'silence');
    if (event.text !== '') this.#lastWordEndMs = event.words.at(-1)?.endMs ?? event.endMs;
    return [...this.#results(event, { isFinal: true, speechFinal, fromFinalize }), ...this.#utteranceEnd(0)];
  }

  #spoken(utterance: UtteranceNumber): void {
    if (this.#speaking !== null && this.#speaking <= utterance) this.#speaking = null;
  }

  #results(content: ResultsContent, flags: Omit<ResultsFlags, 'multilingual'>): Action[] {
    return this.#model === null
      ? []
      : [
          say(
            resultsMessage(
              content,
              { ...flags, multilingual: this.#query.settings.language === MULTI },
              this.#identity,
              this.#model,
            ),
          ),
        ];
  }

  /** Where in the audio `UtteranceEnd` is due, milliseconds; null while somebody speaks, text is awaited, or there is none to come. */
  get #utteranceEndDueMs(): number | null {
    if (
      this.#lastWordEndMs === null ||
      this.#query.utteranceEndMs === null ||
      this.#speaking !== null ||
      this.#awaited.size > 0
    )
      return null;
    return this.#lastWordEndMs + this.#query.utteranceEndMs;
  }

  /** @param quietMs time without audio that counts as silence */
  #utteranceEnd(quietMs: number): Action[] {
    const [endMs, dueMs] = [this.#lastWordEndMs, this.#utteranceEndDueMs];
    if (endMs === null || dueMs === null || this.#storedMs + quietMs < dueMs) return [];
    this.#lastWordEndMs = null;
    return [say({ type: 'UtteranceEnd', channel: [0, 1], last_word_end: seconds(endMs) })];
  }

  #closed(event: Extract<LiveEvent, { type: 'closed' }>): Action[] {
    switch (event.totals.end) {
      case 'idle':
        return this.quiet();
      case 'failed':
        return [{ do: 'close', code: CLOSE.fault, reason: 'NET-0000 the session failed' }];
      default:
        return this.#farewell(event.totals.audioMs);
    }
  }

  #farewell(durationMs: number): Action[] {
    const audio = { sha256: this.#audio.digest('hex'), durationMs, channels: this.#settings?.channels ?? 1 };
    return [say(metadataMessage(this.#identity, audio, this.#model)), { do: 'close', code: CLOSE.done, reason: '' }];
  }
}

function typeOf(message: string): unknown {
  try {
    return (JSON.parse(message) as { readonly type?: unknown } | null)?.type;
  } catch {
    return undefined;
  }
}

/** Deepgram's name for the kind of a fault: bad data, or anything else. */
function variantOf(error: AsrError): string {
  return error.code === 'unprocessable_audio' ? 'DATA-0000' : 'NET-0000';
}

function errorMessage(error: AsrError): Action {
  return say({
    type: 'Error',
    variant: variantOf(error),
    description: error.message,
    code: error.code,
    message: error.message,
  });
}

function meanProbability(words: readonly { readonly probability: number }[]): number {
  return words.length === 0 ? 0 : words.reduce((sum, word) => sum + word.probability, 0) / words.length;
}
