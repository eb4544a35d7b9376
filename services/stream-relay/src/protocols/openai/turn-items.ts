import { joinTexts, type AsrError, type Filtered, type LiveNews } from '@murmuration/contracts';
import type { Action } from '../translator.js';
import type { RealtimeEvents } from './realtime-events.js';

type News<T extends LiveNews['type']> = Extract<LiveNews, { type: T }>;

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
  constructor(events: RealtimeEvents, newItemId: () => string, session: { readonly detect: boolean; readonly startMs: number }) {
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

  started(news: News<'speech_started'>): Action[] {
    this.#speaking = true;
    const item = this.#item(news.utterance);
    return this.#detect ? [this.#events.event('input_audio_buffer.speech_started', { audio_start_ms: this.#atMs(news.atMs), item_id: item.id })] : [];
  }

  ended(news: News<'speech_ended'>): Action[] {
    this.#speaking = false;
    const item = this.#item(news.utterance);
    const stopped = this.#detect ? [this.#events.event('input_audio_buffer.speech_stopped', { audio_end_ms: this.#atMs(news.endMs), item_id: item.id })] : [];
    return this.#goesOn(news.by) || item.committed ? stopped : [...stopped, ...this.#commitItem(item)];
  }

  partial(news: News<'partial'>): Action[] {
    const item = this.#item(news.utterance);
    // What comes before it in the same turn must be told first.
    const isNext = [...this.#items].find(([, other]) => other === item)?.[0] === news.utterance;
    return isNext ? this.#events.delta(item, item.certain(news.text.slice(0, news.stableChars))) : [];
  }

  final(news: News<'final'>): Action[] {
    const item = this.#item(news.utterance);
    this.#items.delete(news.utterance);
    item.seconds += Math.max(0, news.endMs - news.startMs) / 1_000;
    item.filtered.push(...news.filtered.map((one) => ({ ...one, startMs: this.#atMs(one.startMs), endMs: this.#atMs(one.endMs) })));
    const delta = item.final(news.text);
    const isLast = item.committed && !this.#awaits(item);
    if (this.#goesOn(news.by) && !isLast) return this.#events.delta(item, delta);
    const commit = item.committed ? [] : this.#commitItem(item);
    return [...commit, ...this.#events.delta(item, delta), this.#events.completed(item, news.language)];
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

  #goesOn(by: News<'final'>['by']): boolean {
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

  #item(utterance: number): Item {
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

  /** What may be added to what was told, given the certain beginning of the part in hand; '' when nothing. */
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
