import type { AsrError, LiveEvent, UtteranceNumber } from '@murmuration/contracts';
import type { Action } from '../translator.js';
import { Item, type RealtimeEvents } from './realtime-events.js';

type EventOf<T extends LiveEvent['type']> = Extract<LiveEvent, { type: T }>;

/**
 * Items of one live session. Where the service finds the turns, each utterance is an item. Where the client ends them, an item is all
 * that was said since the last commit: utterances that were only cut for their length go on in the item of the next.
 */
export class TurnItems {
  readonly #events: RealtimeEvents;
  readonly #newItemId: () => string;
  readonly #detect: boolean;
  readonly #startMs: number;
  readonly #items = new Map<number, Item>();
  /** The item that goes on, where the client ends the turns. */
  #open: Item | null = null;
  #speaking = false;

  /** @param session how turns end, and where on the connection's time the session begins */
  constructor(
    events: RealtimeEvents,
    newItemId: () => string,
    session: { readonly detect: boolean; readonly startMs: number },
  ) {
    this.#events = events;
    this.#newItemId = newItemId;
    this.#detect = session.detect;
    this.#startMs = session.startMs;
  }

  /** A turn that the service found has begun and not ended. */
  get speaking(): boolean {
    return this.#speaking;
  }

  /** Where the client ends the turns: its turn holds what was cut for its length, and no more. */
  get isOpen(): boolean {
    return this.#open !== null;
  }

  started(event: EventOf<'speech_started'>): Action[] {
    this.#speaking = true;
    const item = this.#item(event.utterance);
    return this.#detect
      ? [
          this.#events.event('input_audio_buffer.speech_started', {
            audio_start_ms: this.#atMs(event.atMs),
            item_id: item.id,
          }),
        ]
      : [];
  }

  ended(event: EventOf<'speech_ended'>): Action[] {
    this.#speaking = false;
    const item = this.#item(event.utterance);
    const stopped = this.#detect
      ? [
          this.#events.event('input_audio_buffer.speech_stopped', {
            audio_end_ms: this.#atMs(event.endMs),
            item_id: item.id,
          }),
        ]
      : [];
    return this.#goesOn(event.by) || item.committed ? stopped : [...stopped, ...this.#commitItem(item)];
  }

  partial(event: EventOf<'partial'>): Action[] {
    const item = this.#item(event.utterance);
    // What comes before it in the same turn must be told first.
    const isNext = [...this.#items].find(([, other]) => other === item)?.[0] === event.utterance;
    return isNext ? this.#events.delta(item, item.certain(event.text.slice(0, event.stableChars))) : [];
  }

  final(event: EventOf<'final'>): Action[] {
    const item = this.#item(event.utterance);
    this.#items.delete(event.utterance);
    item.seconds += Math.max(0, event.endMs - event.startMs) / 1_000;
    item.filtered.push(
      ...event.filtered.map((one) => ({ ...one, startMs: this.#atMs(one.startMs), endMs: this.#atMs(one.endMs) })),
    );
    const delta = item.final(event.text);
    const isLast = item.committed && !this.#awaits(item);
    if (this.#goesOn(event.by) && !isLast) return this.#events.delta(item, delta);
    const commit = item.committed ? [] : this.#commitItem(item);
    return [...commit, ...this.#events.delta(item, delta), this.#events.completed(item, event.language)];
  }

  /** A commit without any audio since the last utterance: commits what was cut before. */
  commit(): Action[] {
    const item = this.#open;
    if (item === null) return [];
    return [...this.#commitItem(item), ...(this.#awaits(item) ? [] : [this.#events.completed(item, null)])];
  }

  /** What is in no ended turn was dropped: its item never joins, and its utterance's number is used again. */
  cleared(): void {
    this.#speaking = false;
    this.#open = null;
    for (const [utterance, item] of this.#items) if (!item.committed) this.#items.delete(utterance);
  }

  /** Nothing more comes: what was committed and has no transcript never gets one. */
  failed(error: AsrError): Action[] {
    const left = new Set([...this.#items.values()].filter((item) => item.committed));
    this.#items.clear();
    return [...left].map((item) => this.#events.failed(item, error));
  }

  #goesOn(by: EventOf<'final'>['by']): boolean {
    return by === 'cut' && !this.#detect;
  }

  /** True while text of the item is to come. */
  #awaits(item: Item): boolean {
    return [...this.#items.values()].includes(item);
  }

  #commitItem(item: Item): Action[] {
    if (this.#open === item) this.#open = null;
    return this.#events.committed(item);
  }

  #item(utterance: UtteranceNumber): Item {
    const known = this.#items.get(utterance);
    if (known !== undefined) return known;
    const item = this.#open ?? new Item(this.#newItemId());
    this.#items.set(utterance, item);
    if (!this.#detect) this.#open = item;
    return item;
  }

  #atMs(ms: number): number {
    return this.#startMs + Math.round(ms);
  }
}
