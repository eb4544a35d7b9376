import { joinTexts, type Filtered } from '@murmuration/contracts';

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
