import {
  AsrError,
  type LiveEvent,
  type LiveSettings,
  type SessionId,
  type UtteranceNumber,
} from '@murmuration/contracts';
import { CLOSE, closeCodeOf } from '../../sockets/message-socket.js';
import type { Action, Translator } from '../translator.js';
import { clientEvent, type ClientEvent, liveSettings, readSession, type SessionInput } from './client-event.js';
import { legacySessionAnswer, RealtimeEvents, sessionAnswer } from './realtime-events.js';
import { TurnItems } from './turn-items.js';

/** The least that OpenAI commits where the client ends the turns, milliseconds. */
const LEAST_COMMIT_MS = 100;

export interface RealtimeOptions {
  /** An id of this kind that no other has. */
  readonly newId: (kind: string) => string;
  /** Model of the address, or null. */
  readonly model: string | null;
  /** The session that a client secret was made for, or null. */
  readonly input: SessionInput | null;
  readonly legacy: boolean;
  /** Without a session the connection may be silent for this long, milliseconds. */
  readonly quietLimitMs: number;
}

/**
 * OpenAI's Realtime API for transcription.
 *
 * set up (`session.update` as often as it likes) --first audio--> live (a session is open with what was set)
 * live --`session.update` that changes something--> live, and a new session at the next pause between turns; at once when the audio itself is to be read in another way
 * any --silent for too long without a session, or the session ends--> closed
 * A message that cannot be understood is answered with an `error` event and changes nothing.
 */
export class RealtimeTranslator implements Translator {
  readonly #options: RealtimeOptions;
  readonly #sessionId: SessionId;
  readonly #events: RealtimeEvents;
  #input: SessionInput;
  #current: LiveSettings | null = null;
  #turns: TurnItems | null = null;
  readonly #byIndex = new Map<number, TurnItems>();
  /** Audio of this connection so far, milliseconds. */
  #heardMs = 0;
  /** Audio since the client's last commit or clear, milliseconds. */
  #uncommittedMs = 0;
  #commitEventId: string | null = null;

  constructor(options: RealtimeOptions) {
    this.#options = options;
    this.#input = options.input ?? {};
    this.#sessionId = options.newId('sess');
    this.#events = new RealtimeEvents(options.newId, options.legacy);
  }

  /** Turns end by themselves. */
  readonly idleLimitMs = null;

  get quietLimitMs(): number | null {
    return this.#current === null ? this.#options.quietLimitMs : null;
  }

  begin(): Action[] {
    return [this.#session('created')];
  }

  text(message: string): Action[] {
    let event: ClientEvent | null = null;
    try {
      event = clientEvent(message);
      return this.#act(event);
    } catch (error) {
      return [this.#events.error(AsrError.from(error), event?.id ?? null)];
    }
  }

  audio(): Action[] {
    return [
      this.#events.error(
        new AsrError(
          'invalid_message',
          'Binary messages are not understood here. Send audio in base64 with input_audio_buffer.append.',
        ),
        null,
      ),
    ];
  }

  opened(session: { readonly index: number }): Action[] {
    if (this.#turns !== null) this.#byIndex.set(session.index, this.#turns);
    return [];
  }

  committed(utterance: UtteranceNumber | null): Action[] {
    if (utterance !== null) return [];
    return this.#turns?.isOpen === true ? this.#turns.commit() : [this.#emptyCommit(0)];
  }

  stored(): Action[] {
    return [];
  }

  events(event: LiveEvent, session: number): Action[] {
    const turns = this.#byIndex.get(session);
    if (turns === undefined) return [];
    switch (event.type) {
      case 'speech_started':
        return turns.started(event);
      case 'speech_ended':
        return turns.ended(event);
      case 'partial':
        return turns.partial(event);
      case 'final':
        return turns.final(event);
      case 'warning':
        return [];
      case 'error':
        return [this.#events.error(AsrError.fromRecord(event.error), null)];
      case 'closed': {
        this.#byIndex.delete(session);
        const left = turns.failed(new AsrError('transcription_failed'));
        return turns === this.#turns ? [...left, ...this.#ended(event.totals.end)] : left;
      }
    }
  }

  fault(error: AsrError): Action[] {
    return [this.#events.error(error, null), { do: 'close', code: closeCodeOf(error), reason: error.code }];
  }

  quiet(): Action[] {
    return this.#ended('idle');
  }

  idle(): Action[] {
    return [];
  }

  #act(event: ClientEvent): Action[] {
    switch (event.type) {
      case 'session.update':
      case 'transcription_session.update':
        return this.#update(event);
      case 'input_audio_buffer.append':
        return this.#append(event.audio);
      case 'input_audio_buffer.commit':
        this.#commitEventId = event.id;
        // What is too little to commit stays in the buffer.
        if (this.#current === null || (!this.#current.detect && this.#uncommittedMs < LEAST_COMMIT_MS))
          return [this.#emptyCommit(this.#uncommittedMs)];
        this.#uncommittedMs = 0;
        return [{ do: 'commit' }];
      case 'input_audio_buffer.clear':
        this.#uncommittedMs = 0;
        return this.#current === null
          ? [this.#events.event('input_audio_buffer.cleared')]
          : [{ do: 'clear' }, { do: 'then', next: () => this.#cleared() }];
    }
  }

  /** OpenAI's answer, word by word, for clients know it. */
  #emptyCommit(ms: number): Action {
    const message = `Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has ${ms.toFixed(2)}ms of audio.`;
    return this.#events.error(
      new AsrError('invalid_request', message),
      this.#commitEventId,
      'input_audio_buffer_commit_empty',
    );
  }

  #update(event: Extract<ClientEvent, { session: unknown }>): Action[] {
    const input = { ...this.#input, ...readSession(event.session) };
    liveSettings(input, this.#options.model);
    this.#input = input;
    this.#events.legacy = event.type === 'transcription_session.update';
    return [this.#session('updated')];
  }

  #cleared(): Action[] {
    this.#turns?.cleared();
    return [this.#events.event('input_audio_buffer.cleared')];
  }

  #append(audio: Buffer): Action[] {
    if (audio.length === 0) return [];
    const wanted = this.#settings();
    const opening = this.#mustOpen(wanted);
    if (opening) {
      this.#current = wanted;
      this.#turns = this.#newTurns();
    }
    const audioMs = (audio.length / (wanted.encoding === 'pcm_s16le' ? 2 : 1) / wanted.sampleRateHz) * 1_000;
    this.#uncommittedMs += audioMs;
    this.#heardMs += audioMs;
    return [...(opening ? [{ do: 'open', settings: wanted } as const] : []), { do: 'push', bytes: audio }];
  }

  #newTurns(): TurnItems {
    return new TurnItems(this.#events, () => this.#options.newId('item'), {
      detect: this.#settings().detect,
      startMs: Math.round(this.#heardMs),
    });
  }

  #mustOpen(wanted: LiveSettings): boolean {
    const current = this.#current;
    if (current === null) return true;
    if (JSON.stringify(current) === JSON.stringify(wanted)) return false;
    if (current.encoding !== wanted.encoding || current.sampleRateHz !== wanted.sampleRateHz) return true;
    return current.detect ? !(this.#turns?.speaking ?? false) : this.#uncommittedMs === 0;
  }

  #settings(): LiveSettings {
    return liveSettings(this.#input, this.#options.model);
  }

  #session(what: 'created' | 'updated'): Action {
    if (this.#events.legacy)
      return this.#events.event(`transcription_session.${what}`, {
        session: legacySessionAnswer(this.#sessionId, this.#input, this.#options.model),
      });
    return this.#events.event(`session.${what}`, {
      session: sessionAnswer(this.#sessionId, this.#input, this.#options.model),
    });
  }

  #ended(end: string): Action[] {
    if (end === 'failed') return [{ do: 'close', code: CLOSE.fault, reason: 'the session failed' }];
    if (end !== 'idle' && end !== 'too_long') return [{ do: 'close', code: CLOSE.done, reason: end }];
    const told = new AsrError(
      'invalid_request',
      end === 'idle'
        ? 'The session has ended, for no audio came any more.'
        : 'The session has reached its longest time.',
    );
    return [
      this.#events.error(told, null, 'session_expired'),
      { do: 'close', code: CLOSE.done, reason: 'session_expired' },
    ];
  }
}
