import type { Lane } from '@murmuration/contracts';
import { leaveAlone } from '@murmuration/contracts/left-alone';

/**
 * How many items the worker holds. Below the limit it takes another ticket: enough for the next batches while these run, so that the rest stays free for other
 * workers. The last ticket may exceed the limit: tickets rotate fairly only when each brings the same.
 */
export class Holdings {
  readonly #limit: number;
  #held = 0;
  #onRoom: () => void = () => undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get hasRoom(): boolean {
    return this.#held < this.#limit;
  }

  /** Sets what is called whenever there may be room again. */
  set onRoom(listener: () => void) {
    this.#onRoom = listener;
  }

  /** Counts items that are about to be taken; `release` gives them back. */
  reserve(items: number): void {
    this.#held += items;
  }

  /** Gives items back; a negative number counts those that came beyond what was reserved. */
  release(items: number): void {
    if (items === 0) return;
    this.#held -= items;
    this.#onRoom();
  }
}

/** While batch work waits, one item of it is taken for so many interactive ones. */
const INTERACTIVE_FOR_ONE = 10;
/** While recordings wait, one item of them is taken for so many entries of live sessions. */
const LIVE_FOR_ONE = 10;

/** Reserves a share of the worker for what is less urgent, so that it moves however much interactive work and live speech there is. */
export class BatchShare {
  readonly #promote: (to: 'interactive' | 'live') => Promise<void>;
  #interactive = 0;
  #live = 0;

  /** @param promote lets one item of less urgent work go with those of a lane; what it throws is left to the next time */
  constructor(promote: (to: 'interactive' | 'live') => Promise<void>) {
    this.#promote = promote;
  }

  /** So many items of this lane were taken. */
  took(lane: Lane, items: number): void {
    if (lane === 'live') {
      this.#live += items;
      if (this.#live < LIVE_FOR_ONE) return;
      this.#live = 0;
      this.#promote('live').catch(leaveAlone('repeated'));
      return;
    }
    this.#live = 0;
    this.#interactive = lane === 'batch' ? 0 : this.#interactive + items;
    if (this.#interactive < INTERACTIVE_FOR_ONE) return;
    this.#interactive = 0;
    this.#promote('interactive').catch(leaveAlone('repeated'));
  }
}
