import { filteredField, type AsrError, joinTexts, type Filtered } from '@murmuration/contracts';
import { say, type Action } from '../translator.js';
import { detectsTurns, type SessionInput } from './client-event.js';

/**
 * One item of the conversation: what was said in one turn, and how much of its text has been told.
 * Deltas only ever add, so only text that will not change is told before the end: the sum of the deltas is the beginning of the transcript,
 * and all of it once the item is complete, unless the model took a word back that it had held for certain; then nothing more is added and `transcript` is what counts.
 */
export class Item {
  readonly id: string;
  /** The client has been told that the turn has ended. */
  committed = false;
  seconds = 0;
  /** What the filters took away; times are the connection's. */
  readonly filtered: Filtered[] = [];
  #told = '';
  #final = '';

  constructor(id: string) {
    this.id = id;
  }

  /** Text of all parts that are final as one. */
  get transcript(): string {
    return this.#final;
  }

  /** What may be added to what was told, given the certain beginning of the open part; '' when nothing. */
  certain(beginning: string): string {
    return this.#tell(joinTexts([this.#final, beginning]));
  }

  /** Takes the final text of a part; answers what may be added to what was told. */
  final(text: string): string {
    this.#final = joinTexts([this.#final, text]);
    return this.#tell(this.#final);
  }

  #tell(all: string): string {
    if (!all.startsWith(this.#told)) return '';
    const more = all.slice(this.#told.length);
    this.#told = all;
    return more;
  }
}

/** Builds the server's events; each gets an id of its own. */
export class RealtimeEvents {
  readonly #newId: (kind: string) => string;
  /** True for clients from before the API was finished: they know other names of some events. */
  legacy: boolean;
  #lastItemId: string | null = null;

  constructor(newId: (kind: string) => string, legacy: boolean) {
    this.#newId = newId;
    this.legacy = legacy;
  }

  event(type: string, fields: object = {}): Action {
    return say({ type, event_id: this.#newId('event'), ...fields });
  }

  /** @param eventId id of the client's event that it is about, where it gave one */
  error(error: AsrError, eventId: string | null, code: string = error.code): Action {
    return this.event('error', {
      error: { type: error.kind.type, code, message: error.message, param: error.param, event_id: eventId },
    });
  }

  /** The turn has ended: its item joins the conversation. */
  committed(item: Item): Action[] {
    item.committed = true;
    const previous = this.#lastItemId;
    this.#lastItemId = item.id;
    const message = {
      previous_item_id: previous,
      item: {
        id: item.id,
        object: 'realtime.item',
        type: 'message',
        status: 'completed',
        role: 'user',
        content: [{ type: 'input_audio', transcript: null }],
      },
    };
    const joins = this.legacy ? ['conversation.item.created'] : ['conversation.item.added', 'conversation.item.done'];
    return [
      this.event('input_audio_buffer.committed', { previous_item_id: previous, item_id: item.id }),
      ...joins.map((type) => this.event(type, message)),
    ];
  }

  /** Nothing for an empty delta. */
  delta(item: Item, delta: string): Action[] {
    return delta === ''
      ? []
      : [
          this.event('conversation.item.input_audio_transcription.delta', {
            item_id: item.id,
            content_index: 0,
            delta,
          }),
        ];
  }

  /** LiveKit's plugin ends at a null in these fields, so what is not known is left out. */
  completed(item: Item, language: string | null): Action {
    return this.event('conversation.item.input_audio_transcription.completed', {
      item_id: item.id,
      content_index: 0,
      transcript: item.transcript,
      usage: { type: 'duration', seconds: Math.round(item.seconds * 1_000) / 1_000 },
      ...(language === null ? {} : { languages: [{ code: language }] }),
      ...filteredField(item.filtered),
    });
  }

  failed(item: Item, error: AsrError): Action {
    return this.event('conversation.item.input_audio_transcription.failed', {
      item_id: item.id,
      content_index: 0,
      error: { type: error.kind.type, code: error.code, message: error.message, param: error.param },
    });
  }
}

/** The session as the server tells it back, with the defaults filled in. @param model of the address, where the input names none */
export function sessionAnswer(id: string, input: SessionInput, model: string | null): Record<string, unknown> {
  return {
    type: 'transcription',
    object: 'realtime.transcription_session',
    id,
    audio: {
      input: {
        format: input.format ?? { type: 'audio/pcm', rate: 24_000 },
        transcription: transcriptionOf(input, model),
        noise_reduction: input.noise_reduction ?? null,
        turn_detection: turnsOf(input, model),
      },
    },
  };
}

/** The same in the shape of `transcription_session.updated`, from before the API was finished. */
export function legacySessionAnswer(id: string, input: SessionInput, model: string | null): Record<string, unknown> {
  const { type } = input.format ?? { type: 'audio/pcm' };
  return {
    object: 'realtime.transcription_session',
    id,
    modalities: ['audio', 'text'],
    input_audio_format: type === 'audio/pcm' ? 'pcm16' : type === 'audio/pcmu' ? 'g711_ulaw' : 'g711_alaw',
    input_audio_transcription: transcriptionOf(input, model),
    input_audio_noise_reduction: input.noise_reduction ?? null,
    turn_detection: turnsOf(input, model),
  };
}

function transcriptionOf(input: SessionInput, model: string | null): Record<string, unknown> {
  return { ...(model === null ? {} : { model }), ...input.transcription };
}

function turnsOf(input: SessionInput, model: string | null): unknown {
  if (!detectsTurns(input, input.transcription?.model ?? model)) return null;
  return (
    input.turn_detection ?? { type: 'server_vad', threshold: 0.5, prefix_padding_ms: 300, silence_duration_ms: 500 }
  );
}
