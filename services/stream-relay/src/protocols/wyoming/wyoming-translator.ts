import { AsrError, joinTexts, type LiveEvent, type ModelDescription } from '@murmuration/contracts';
import { CLOSE } from '../../sockets/message-socket.js';
import { say, type Action, type Translator } from '../translator.js';
import {
  eventFrame,
  EventReader,
  formatOf,
  samplesOf,
  settingsFor,
  wishesOf,
  type WyomingEvent,
  type WyomingFormat,
  type WyomingWishes,
} from './event-frames.js';

/** Audio whose text is owed. */
interface Request {
  readonly format: WyomingFormat;
  readonly texts: string[];
  language: string | null;
}

const NO_WISHES: WyomingWishes = { model: null, language: null, hotwords: '' };

/**
 * Wyoming, the protocol of Home Assistant's speech services, over TCP; any number of requests on a connection, one after the other.
 *
 * idle --transcribe (wishes), audio-start (nothing more)--> idle --first audio-chunk, whose format counts--> live
 * live --audio-stop--> idle; its text follows: `transcript-start`, a `transcript-chunk` an utterance, `transcript`, `transcript-stop`
 * live --transcribe, audio-start--> idle; what was begun is dropped
 * any --bytes that are no event, an event that is wrong, a failure--> `error`, and closed
 *
 * `describe` and `ping` are answered in every state; events that are not known are passed over.
 */
export class WyomingTranslator implements Translator {
  readonly #startLimitMs: number;
  readonly #idleLimitMs: number;
  readonly #reader = new EventReader();
  readonly #owed = new Map<number, Request>();
  #wishes = NO_WISHES;
  /** Model of the program that was selected. */
  #program: string | null = null;
  /** Number of the session that takes audio; null: idle. */
  #live: number | null = null;
  #opened = 0;
  #isBegun = false;

  /** @param startLimitMs the first event must come within this time, milliseconds @param idleLimitMs longest time without any event, milliseconds */
  constructor(startLimitMs: number, idleLimitMs: number) {
    this.#startLimitMs = startLimitMs;
    this.#idleLimitMs = idleLimitMs;
  }

  /** Texts come when the audio has ended. */
  readonly idleLimitMs = null;

  get quietLimitMs(): number {
    return this.#isBegun ? this.#idleLimitMs : this.#startLimitMs;
  }

  encode(message: object): string {
    return eventFrame(message);
  }

  begin(): Action[] {
    return [];
  }

  text(): Action[] {
    return [];
  }

  audio(bytes: Uint8Array): Action[] {
    this.#reader.add(bytes);
    const actions: Action[] = [];
    try {
      for (let event = this.#reader.next(); event !== null; event = this.#reader.next())
        actions.push(...this.#take(event));
    } catch (error) {
      // What came before is still done.
      const fail = (): never => {
        throw error;
      };
      actions.push({ do: 'then', next: fail });
    }
    return actions;
  }

  opened(): Action[] {
    return [];
  }

  committed(): Action[] {
    return [];
  }

  stored(): Action[] {
    return [];
  }

  events(event: LiveEvent, session: number): Action[] {
    const request = this.#owed.get(session);
    if (request === undefined) return [];
    switch (event.type) {
      case 'final':
        return event.text === '' ? [] : this.#final(request, event);
      case 'error':
        return this.fault(AsrError.fromRecord(event.error));
      case 'closed':
        this.#owed.delete(session);
        if (this.#live === session) this.#live = null;
        return event.totals.end === 'failed' ? this.fault(new AsrError('transcription_failed')) : told(request);
      case 'partial':
      case 'speech_started':
      case 'speech_ended':
      case 'warning':
        return [];
    }
  }

  fault(error: AsrError): Action[] {
    return [
      say({ type: 'error', data: { text: error.message, code: error.code } }),
      { do: 'close', code: CLOSE.done, reason: '' },
    ];
  }

  quiet(): Action[] {
    return this.fault(
      new AsrError('invalid_message', 'No event came for a long time. Connect again when there is audio.'),
    );
  }

  idle(): Action[] {
    return [];
  }

  #take(event: WyomingEvent): Action[] {
    this.#isBegun = true;
    switch (event.type) {
      case 'describe':
        return [{ do: 'models', next: (models) => [say(infoEvent(models))] }];
      case 'ping':
        return [say({ type: 'pong', data: event.data })];
      case 'select-program':
        this.#program = wishesOf(event).model;
        return [];
      case 'transcribe':
        this.#wishes = wishesOf(event);
        return this.#drop();
      case 'audio-start':
        formatOf(event);
        return this.#drop();
      case 'audio-chunk':
        return this.#chunk(event);
      case 'audio-stop':
        return this.#stop();
      default:
        return [];
    }
  }

  #chunk(event: WyomingEvent): Action[] {
    const format = formatOf(event);
    const bytes = samplesOf(event, format);
    const actions: Action[] = [];
    if (this.#live === null) {
      this.#live = this.#opened++;
      this.#owed.set(this.#live, { format, texts: [], language: null });
      const wishes = { ...this.#wishes, model: this.#wishes.model ?? this.#program };
      actions.push({ do: 'open', settings: settingsFor(wishes, format) });
    }
    const begun = this.#owed.get(this.#live)?.format;
    if (begun?.rate !== format.rate || begun.width !== format.width || begun.channels !== format.channels)
      throw new AsrError('invalid_message', 'The format of the audio changed. Send audio-stop before another format.');
    return bytes.length === 0 ? actions : [...actions, { do: 'push', bytes }];
  }

  #stop(): Action[] {
    this.#wishes = NO_WISHES;
    if (this.#live === null) return told({ texts: [], language: null });
    this.#live = null;
    return [{ do: 'finish' }];
  }

  /** Nobody waits for the text of what was begun any more. */
  #drop(): Action[] {
    if (this.#live === null) return [];
    this.#owed.delete(this.#live);
    this.#live = null;
    return [{ do: 'finish' }];
  }

  #final(request: Request, { text, language }: Extract<LiveEvent, { type: 'final' }>): Action[] {
    const before = joinTexts(request.texts);
    const isFirst = request.texts.length === 0;
    request.texts.push(text);
    request.language = language ?? request.language;
    const chunk = { type: 'transcript-chunk', data: { text: joinTexts(request.texts).slice(before.length) } };
    return [...(isFirst ? [say(start(request.language))] : []), say(chunk)];
  }
}

/** The whole text, after which nothing of the request comes. */
function told({ texts, language }: Pick<Request, 'texts' | 'language'>): Action[] {
  return [
    ...(texts.length === 0 ? [say(start(language))] : []),
    say({ type: 'transcript', data: { text: joinTexts(texts), ...(language === null ? {} : { language }) } }),
    say({ type: 'transcript-stop' }),
  ];
}

function start(language: string | null): object {
  return { type: 'transcript-start', ...(language === null ? {} : { data: { language } }) };
}

/** Clients refuse an entry without the two. */
const ATTRIBUTION = { name: 'Murmuration', url: '' };

/**
 * The answer to `describe`: one program a model, named after it, the default model's first. Home Assistant takes the first program
 * and never names a model, so the languages it offers are those of the model that it gets.
 */
function infoEvent(models: readonly ModelDescription[]): object {
  return {
    type: 'info',
    data: {
      asr: models.map(({ id, languages }) => {
        const artifact = { name: id, attribution: ATTRIBUTION, installed: true, description: id, version: null };
        return {
          ...artifact,
          models: [{ ...artifact, languages }],
          supports_transcript_streaming: true,
          requires_external_vad: true,
        };
      }),
      tts: [],
      handle: [],
      intent: [],
      wake: [],
      mic: [],
      snd: [],
    },
  };
}
